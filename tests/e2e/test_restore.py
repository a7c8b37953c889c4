"""A backup of a journal in SQLite as docs/operations.md makes it: while it is in use, in a pod without a shell."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from remediator.journal import reading
from tests.e2e.cluster import RealCluster
from tests.e2e.installation import Installation

_DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def test_a_copy_made_while_it_runs_holds_and_has_every_record(
    product: Installation, cluster: RealCluster, tmp_path: Path
) -> None:
    commands = re.findall(r"^kubectl -n remediator exec .*$", _DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    copying, fetching, removing = (shlex.split(line.partition(" > ")[0])[1:] for line in commands)
    before = product.last()

    cluster.type(*copying)
    (tmp_path / "journal.db").write_bytes(_output(cluster, fetching))
    cluster.type(*removing)

    with reading(f"sqlite:///{tmp_path}/journal.db") as journal:
        journal.verify()
        assert [line["seq"] for line in journal.lines()][:before] == list(range(1, before + 1))


def _output(cluster: RealCluster, words: list[str]) -> bytes:
    kubectl = [cluster.kubectl, "--kubeconfig", cluster.control_plane.kubeconfig("admin"), *words]
    return subprocess.run(kubectl, check=True, capture_output=True).stdout
