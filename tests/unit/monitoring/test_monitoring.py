"""Alerts and dashboard about the remediator itself: of metrics that exist, derived files as their source says, and
rules that fire when they should, judged by promtool.
"""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from remediator import metrics
from tests.unit.repository.sources import ROOT, Document

HERE = ROOT / "monitoring"
RULES = yaml.safe_load((HERE / "remediator.rules.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((HERE / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
HEALTH = {
    "journal failing": "remediator_journal_writable",
    "leader missing": "remediator_leader",
    "source down": "remediator_source_up",
    "evaluations missed": "remediator_rule_missed_total",
    "breaker open": "remediator_breaker_open",
    "rules rejected": "remediator_rules_last_load_successful",
}


def registered() -> dict[str, set[str]]:
    """Every series name that the registry can show, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if not hasattr(metric, "_labelnames"):
            continue
        labels = set(metric._labelnames)
        for ending in _endings(metric):
            found[metric._name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return found


def _endings(metric: Any) -> tuple[str, ...]:
    kinds = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return kinds.get(metric._type, ("",))


def named(expr: str) -> set[str]:
    return set(re.findall(r"\bremediator_\w+", expr))


@pytest.mark.parametrize("expr", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_queries_are_about_metrics_and_labels_that_exist(expr: str) -> None:
    known = registered()
    assert named(expr) <= set(known), expr
    labels = {label for name in named(expr) for label in known[name]} | {"instance", "job", "namespace"}
    asked = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expr) for label in group.split(",")}
    assert asked <= labels, expr
    matched = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expr))
    assert matched <= labels, expr


def test_every_metric_has_its_panel() -> None:
    shown = {name.removesuffix("_bucket") for expr in QUERIES for name in named(expr)}
    ours = {name.removesuffix("_bucket") for name in registered() if not name.endswith(("_count", "_sum"))}
    assert ours - shown == set()


@pytest.mark.parametrize("metric", HEALTH.values(), ids=HEALTH)
def test_its_own_health_is_watched(metric: str) -> None:
    assert [rule["alert"] for rule in RULES if metric in rule["expr"]] != []


def test_every_alert_has_a_severity_and_says_what_to_do_and_has_its_row() -> None:
    rows = Document(ROOT / "docs/monitoring.md").table("alert")
    assert set(rows) == {rule["alert"] for rule in RULES}
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]
        assert rows[rule["alert"]][0] == rule["labels"]["severity"]
        assert len(rule["annotations"]["description"]) > 20, rule["alert"]


def test_derived_files_are_as_their_source_says(tmp_path: Path) -> None:
    runpy.run_path(str(HERE / "generate.py"))["main"](tmp_path)
    for name in ("dashboard.json", "prometheusrule.yaml"):
        assert (HERE / name).read_text() == (tmp_path / name).read_text(), "run `make monitoring`"
    spec = yaml.safe_load((HERE / "prometheusrule.yaml").read_text())["spec"]
    assert spec["groups"][0]["rules"] == RULES


def test_panels_lie_beside_each_other() -> None:
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.lab
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "remediator.rules.yaml"), ("test", "rules", "tests/remediator.test.yaml")]
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    """Each alert stays silent where all is well, and fires where it is not: the cases stand in the test file."""
    promtool = shutil.which("promtool")
    assert promtool, "apt-get install prometheus"
    found = subprocess.run([promtool, *arguments], cwd=HERE, capture_output=True, text=True, timeout=600, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_test_file_tries_every_alert() -> None:
    tried = (HERE / "tests/remediator.test.yaml").read_text()
    assert [rule["alert"] for rule in RULES if tried.count(rule["alert"]) < 2] == []
