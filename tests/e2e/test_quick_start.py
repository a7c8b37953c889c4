"""The quick start of docs/platforms/kind.md, typed on a real node: no monitoring, an alert by hand."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.cluster import PATIENCE, RealCluster
from tests.e2e.installation import IMAGE
from tests.e2e.requirements import ARCHIVE
from tests.e2e.terminal import Terminal, commands
from tests.lab.waiting import wait_for
from tests.unit.repository.sources import ROOT, Document

_PAGE, _HEADING = "platforms/kind.md", "kind and minikube"


def test_the_quick_start_shows_a_roll_back_and_then_makes_it(cluster: RealCluster, tmp_path: Path) -> None:
    terminal = Terminal(cluster, tmp_path)
    cluster.node.load(ARCHIVE, IMAGE)
    cluster.node.load_web("docker.io/library/nginx:1.29")
    (tmp_path / "alert.json").write_text(Document(ROOT / "docs" / _PAGE).below(_HEADING, "json")[0])
    typed = [line for line in commands(_PAGE, _HEADING) if not line.startswith("kind ")]
    place = next(number for number, line in enumerate(typed) if line.endswith("&"))
    forward, token, alert, incidents, explain, *enforce = typed[place:]

    for line in typed[:place]:
        terminal.type(line)
        if line.startswith("kubectl create namespace"):
            cluster.volume("remediator", "journal-remediator-0", owner=65532)
    terminal.type(token)
    with terminal.typing(forward, port=8080):
        terminal.type(alert)
        wait_for(lambda: terminal.type(incidents), lambda told: "undo-bad-rollout" in told, "an incident", PATIENCE)
        wait_for(lambda: terminal.type(explain), lambda told: "rollback" in told, "a decision", PATIENCE)
    assert _image(cluster) == "nginx:no-such-tag"

    for line in enforce:
        terminal.type(line)
    wait_for(lambda: _image(cluster), lambda image: image == "nginx:1.29", "the image of before", PATIENCE)
    terminal.type("helm uninstall remediator --namespace remediator")


def _image(cluster: RealCluster) -> str:
    deployment = cluster.admin.get("deployments", "web", "default")
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"]
