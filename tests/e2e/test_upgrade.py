"""A release of the chart of before, upgraded, tested and rolled back as docs/installing.md has it typed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.e2e.cluster import RealCluster, Shop
from tests.e2e.installation import Installation
from tests.e2e.terminal import Terminal, commands
from tests.lab.client import Json

_BEFORE = Path(__file__).parents[1] / "data" / "chart" / "0.1.0"


@pytest.fixture
def earlier(cluster: RealCluster, shop: Shop, watched: Shop, cellar: Shop, receivers: list[Json]) -> Installation:
    """A release of the chart of before, which has decided something."""
    release = Installation(cluster, "earlier", receivers, chart=_BEFORE)
    release.values["config"]["mode"] = "observe"
    release.post("KubePodCrashLooping", namespace=watched.namespace, deployment="web")
    release.wait_for_line("incident_opened", namespace=watched.namespace)
    return release


def test_the_journal_stays_through_upgrade_rollback_and_removal(
    earlier: Installation, cluster: RealCluster, tmp_path: Path
) -> None:
    terminal = Terminal(cluster, tmp_path, earlier.namespace)
    (tmp_path / "values.yaml").write_text(json.dumps(earlier.values))
    upgrade, check, back, remove = commands("installing.md", "Upgrade, rollback, removal")
    claim = cluster.admin.get("persistentvolumeclaims", "journal-remediator-0", earlier.namespace)

    _goes_on(earlier, terminal, upgrade)
    terminal.type(check)
    _goes_on(earlier, terminal, back)
    assert earlier.type("audit", "verify", "--config", "/etc/remediator/remediator.yaml").startswith("ok: ")
    terminal.type(remove)
    kept = cluster.admin.get("persistentvolumeclaims", "journal-remediator-0", earlier.namespace)
    assert kept["metadata"]["uid"] == claim["metadata"]["uid"]


def _goes_on(release: Installation, terminal: Terminal, command: str) -> None:
    """Another process takes office over the same records."""
    before, pod = release.lines(), release.pods()[0]
    terminal.type(command)
    terminal.type("kubectl -n remediator rollout status statefulset remediator")
    release.wait_until_ready()
    after = release.lines()
    assert after[: len(before)] == before
    assert release.pods()[0]["metadata"]["uid"] != pod["metadata"]["uid"], shlex.quote(command)
    assert any(line["kind"] == "leader" for line in after[len(before) :])
