"""Backup and restore of a journal in SQLite, as docs/operations.md has them typed."""

from __future__ import annotations

import json
from pathlib import Path

from remediator.journal import reading
from tests.e2e.cluster import PATIENCE, RealCluster, Shop
from tests.e2e.installation import Installation
from tests.e2e.terminal import Terminal, commands
from tests.lab.waiting import wait_for
from tests.unit.repository.sources import ROOT, Document


def test_a_copy_made_while_it_runs_has_every_record_and_can_be_put_back(
    product: Installation, watched: Shop, cluster: RealCluster, tmp_path: Path
) -> None:
    terminal = Terminal(cluster, tmp_path, product.namespace)
    (tmp_path / "values.yaml").write_text(json.dumps(product.values))
    (tmp_path / "restore.yaml").write_text(Document(ROOT / "docs/operations.md").below("Restore", "yaml")[0])
    before = product.lines()

    for command in commands("operations.md", "Backup"):
        terminal.type(command)
    with reading(f"sqlite:///{tmp_path}/journal.db") as journal:
        journal.verify()
        copied = [line["hash"] for line in journal.lines()]
    assert copied[: len(before)] == [line["hash"] for line in before]

    product.post("KubePodCrashLooping", namespace=watched.namespace, deployment="web")
    lost = wait_for(product.lines, lambda lines: len(lines) > len(copied), "a record after the copy", PATIENCE)[-1]
    for command in commands("operations.md", "Restore"):
        terminal.type(command)
    terminal.type("kubectl -n remediator rollout status statefulset remediator")
    product.wait_until_ready()

    restored = [line["hash"] for line in product.lines()]
    assert restored[: len(copied)] == copied
    assert lost["hash"] not in restored
    assert product.type("audit", "verify", "--config", "/etc/remediator/remediator.yaml").startswith("ok: ")
