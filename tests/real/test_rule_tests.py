"""Rule tests whose queries Prometheus itself evaluates: both versions that are supported, and what the page shows."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from remediator.clients.query_answer import Sample, Unknown, Vector
from remediator.config.trials import Trial, load_trials
from remediator.trial.play import play
from remediator.trial.prometheus import Prometheus
from tests.lab.build import PROMETHEUS_3, built
from tests.lab.programs import find_or_install
from tests.lab.progress import print_line
from tests.unit.trial.playing import RULES, WEB

pytestmark = pytest.mark.lab

PAGE = (Path(__file__).parents[2] / "docs/testing-rules.md").read_text()
SERIES = """rule_files: [rules.yaml]
tests:
- name: it
  cluster: [%s]
  input_series:
  - {series: 'leak{job="api", namespace="shop", deployment="web"}', values: '0+1x10 stale _x2 7 NaN'}
  - {series: 'traffic', values: '5x40'}
  expect: [{at: 20m, writes: [{action: restart, after: 5m, by: 8m}]}]
"""

PACK = Path(__file__).parents[2] / "rules"
FAILING = f"""rule_files: ["{PACK}/requests.yaml"]
tests:
- name: a release fails one request in five, and the one before none
  mode: enforce
  cluster: [{{kind: Deployment, namespace: shop, name: web, replicas: 4}}]
  changes:
  - at: 65m
    patch: Deployment/shop/web
    with: {{spec: {{minReadySeconds: 540, template: {{spec: {{containers: [{{name: app, image: 'app:2'}}]}}}}}}}}
  input_series:
  - {{series: 'http_requests_total{{namespace="shop", pod="web-5886f9d8bf-7bvwm", code="200"}}', values: '0+120x120'}}
  - {{series: 'http_requests_total{{namespace="shop", pod="web-5886f9d8bf-7bvwm", code="500"}}',
      values: '0x65 30+30x6 210x60'}}
  expect:
  - at: 2h
    writes: [{{action: rollback, object: Deployment/shop/web, after: 68m, by: 72m}}]
    incidents: [{{rule: undo-failing-release, reason: recovered}}]
"""
FILLING = f"""rule_files: ["{PACK}/memory.yaml"]
tests:
- name: a container fills its memory, and is renewed before
  mode: enforce
  age: 5h
  cluster: [{{kind: Deployment, namespace: shop, name: web, replicas: 3}}]
  input_series:
  - {{series: 'kube_pod_container_resource_limits{{namespace="shop", pod="web-5886f9d8bf-7bvwm", container="app",
      resource="memory"}}', values: '1000000000x180'}}
  - {{series: 'container_memory_working_set_bytes{{namespace="shop", pod="web-5886f9d8bf-7bvwm", container="app"}}',
      values: '300000000+4000000x117 stale'}}
  expect:
  - at: 100m
    incidents: []
  - at: 3h
    writes: [{{action: restart, object: Deployment/shop/web, after: 115m, by: 117m}}]
    incidents: [{{rule: restart-before-oom, reason: recovered}}]
"""


@pytest.fixture(params=["2.42", "3.16"])
def program(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Prometheus of a version, alone on the PATH."""
    if request.param == "2.42":
        (place,) = find_or_install({"prometheus": ["prometheus"]}, print_line)
    else:
        place = built(PROMETHEUS_3, print_line)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/prometheus").symlink_to(place)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return place


def trial(folder: Path, text: str = SERIES % WEB) -> Trial:
    (folder / "rules.yaml").write_text(RULES)
    (folder / "some_test.yaml").write_text(text)
    return load_trials([folder / "some_test.yaml"])[0]


def test_series_are_evaluated_as_prometheus_does_it(program: Path, tmp_path: Path) -> None:
    """Also what is stale, missing and no number; and that a job is up of which nothing is said."""
    one = trial(tmp_path)
    prometheus = Prometheus(str(program), one)
    labels = {"__name__": "leak", "job": "api", "namespace": "shop", "deployment": "web"}

    def at(minutes: float, query: str = "leak") -> object:
        return prometheus.ask(query, one.says.start + timedelta(minutes=minutes))

    try:
        assert at(0) == Vector((Sample(labels, 0.0),))
        assert at(7.5) == Vector((Sample(labels, 7.0),))
        assert at(11) == at(13.9) == Vector(()), "it is stale, and then missing"
        assert at(14) == Vector((Sample(labels, 7.0),))
        assert at(20.5) == Vector(()), "the last sample is older than five minutes"
        assert at(10, "sum(increase(leak[5m])) > 4") == Vector((Sample({}, 5.0),))
        assert at(0, 'min_over_time(up{job="api"}[50m])') == Vector((Sample({"job": "api"}, 1.0),))
        assert isinstance(at(1, "leak +"), Unknown)
    finally:
        prometheus.close()


def test_a_rule_on_a_query_acts_on_series_and_the_report_says_who_evaluated_them(program: Path, tmp_path: Path) -> None:
    result = play(trial(tmp_path))
    assert (result.problems, result.disagreements) == ((), ())
    assert re.fullmatch(r"Prometheus (2\.42|3\.16)\S*, from input_series", result.queries)


def test_series_of_the_future_are_refused(program: Path, tmp_path: Path) -> None:
    result = play(trial(tmp_path, (SERIES % WEB).replace("- name: it", "- name: it\n  start: 2999-01-01T00:00:00Z")))
    assert result.problems == (
        "input_series reach into the future, which Prometheus refuses: choose an earlier `start`",
    )


def test_what_the_page_shows_of_series_passes(program: Path, tmp_path: Path) -> None:
    files = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shown = [name for name, text in files.items() if "input_series:" in text]
    assert shown
    results = [play(each) for name in shown for each in load_trials([tmp_path / name])]
    assert [(each.name, each.problems, each.disagreements) for each in results if not each.passed] == []


@pytest.mark.parametrize("text", [FAILING, FILLING], ids=["requests", "memory"])
def test_the_queries_of_the_pack_mean_what_its_tests_take_them_to_mean(
    program: Path, tmp_path: Path, text: str
) -> None:
    """What no simulated pod can make: errors of an application, and memory that fills."""
    result = play(trial(tmp_path, text))
    assert (result.problems, result.disagreements) == ((), ())
