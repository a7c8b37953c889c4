"""The queries of the rule pack, evaluated by Prometheus itself: what fires, what does not, and what it is named by.

The rule tests give the answers; that these are the answers is shown here, by `promtool test rules` over series as the
exporters have them.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from remediator.config import load_rules
from remediator.core.rules import Rule
from tests.unit.repository.sources import ROOT

RULES = {rule.name: rule for rule in load_rules(sorted((ROOT / "rules").glob("*.yaml")))}

REQUESTS = 'http_requests_total{namespace="shop", pod="web-5886f9d8bf-7bvwm", code="%s"}'
MEMORY = 'container_memory_working_set_bytes{namespace="shop", pod="web-1", container="app"}'
LIMIT = 'kube_pod_container_resource_limits{namespace="shop", pod="web-1", container="app", resource="memory"}'
DEAD = 'kube_pod_status_reason{namespace="%s", pod="p-%d", reason="Evicted"}'


def of(name: str) -> Rule:
    return RULES[name]


FAILING, OOM, CLEAR = of("undo-failing-release"), of("restart-before-oom"), of("clear-dead-pods")
assert FAILING.until.query

GOOD, BAD = REQUESTS % "200", REQUESTS % "503"

CASES = [
    ("one in ten fails since ten minutes", FAILING.when.query, {GOOD: "0+540x100", BAD: "0x90 60+60x10"}, {"web": 0.1}),
    ("one in ninety fails", FAILING.when.query, {GOOD: "0+540x100", BAD: "0+6x100"}, {}),
    ("one in ten of few", FAILING.when.query, {GOOD: "0+9x100", BAD: "0+1x100"}, {}),
    ("it was well before", FAILING.queries[0].query, {GOOD: "0+540x100", BAD: "0x90 60+60x10"}, {"web": 0}),
    ("no error was ever counted", FAILING.queries[0].query, {GOOD: "0+540x100"}, {"web": 0}),
    ("it failed before too", FAILING.queries[0].query, {GOOD: "0+540x100", BAD: "0+60x100"}, {}),
    ("nothing is known of before", FAILING.queries[0].query, {GOOD: "_x90 0+540x10"}, {}),
    ("the errors are over", FAILING.until.query.query, {GOOD: "0+540x100", BAD: "0+60x50 3000x50"}, {"web": 0}),
    ("they go on", FAILING.until.query.query, {GOOD: "0+540x100", BAD: "0+60x100"}, {}),
    ("880 of 1000, and 2 more each minute", OOM.when.query, {MEMORY: "680+2x100", LIMIT: "1000x100"}, {"web-1": 1120}),
    ("just not full in two hours", OOM.when.query, {MEMORY: "550+2x100", LIMIT: "1000x100"}, {}),
    ("nearly full and steady", OOM.when.query, {MEMORY: "900x100", LIMIT: "1000x100"}, {}),
    ("grows fast from far below", OOM.when.query, {MEMORY: "100+5x100", LIMIT: "1000x100"}, {}),
    ("no limit to reach", OOM.when.query, {MEMORY: "680+2x100"}, {}),
    ("more than twenty", CLEAR.when.query, {DEAD % ("shop", n): "1x100" for n in range(21)}, {"shop": 21}),
    ("twenty", CLEAR.when.query, {DEAD % ("shop", n): "1x100" for n in range(20)}, {}),
    ("not ours", CLEAR.when.query, {DEAD % ("kube-system", n): "1x100" for n in range(30)}, {}),
]


@pytest.mark.parametrize(("query", "series", "found"), [pytest.param(*rest, id=what) for what, *rest in CASES])
def test_what_a_query_finds(query: str, series: dict[str, str], found: dict[str, float], tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "apt-get install prometheus"
    samples = [{"labels": labelled(name), "value": value} for name, value in found.items()]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": query, "eval_time": "100m", "exp_samples": samples}],
    }
    (tmp_path / "rules.yml").write_text("groups: []\n")
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]}))
    command = [promtool, "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def labelled(name: str) -> str:
    """The labels by which a result of the pack names something: a Deployment, a pod or a namespace."""
    by_deployment, by_pod = f'{{namespace="shop", deployment="{name}"}}', f'{{namespace="shop", pod="{name}"}}'
    return {"web": by_deployment, "web-1": by_pod}.get(name, f'{{namespace="{name}"}}')
