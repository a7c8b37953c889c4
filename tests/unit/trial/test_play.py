"""Rule tests as they come out: what happens in them is the product's own doing, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediator.config.trials import load_trials
from remediator.trial.play import play
from tests.unit.trial.playing import LOOPS, RULES, WEB, differing, played

DATA = Path(__file__).parents[2] / "data"


def test_every_key_of_a_test_file_does_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # with a Prometheus it would be asked, as tests/real/test_rule_tests.py shows
    (trial,) = load_trials([DATA / "good/tests.yaml"])
    result = play(trial)
    assert differing(result) == []
    assert result.problems == ()
    assert result.queries == "the answers that the test gives"


def test_the_same_test_comes_out_the_same_to_the_last_instant(tmp_path: Path) -> None:
    test = f"cluster: [{WEB}]\nalerts: [{LOOPS}]\nexpect: [{{at: 20m, writes: []}}]"
    assert played(tmp_path, test) == played(tmp_path, test)


def test_a_mode_of_the_test_replaces_that_of_the_rules_and_without_one_theirs_counts(tmp_path: Path) -> None:
    rules = RULES.replace("  rules:", "  mode: observe\n  rules:")
    world = f"cluster: [{WEB}]\nalerts: [{LOOPS}]\n"
    observed = f"{world}expect: [{{at: 5m, decisions: [{{result: observe}}], writes: []}}]"
    assert differing(played(tmp_path, observed, rules=rules)) == []
    enforced = (
        f"mode: enforce\n{world}expect: [{{at: 5m, decisions: [{{result: act}}], writes: [{{action: restart}}]}}]"
    )
    assert differing(played(tmp_path, enforced, rules=rules)) == []


@pytest.mark.parametrize(("answer", "written"), [("approve", 1), ("deny", 0)])
def test_a_person_answers_the_plan_that_waits(tmp_path: Path, answer: str, written: int) -> None:
    result = played(
        tmp_path,
        f"""
mode: approve
cluster: [{WEB}]
alerts: [{LOOPS}]
changes: [{{at: 3m, {answer}: restart, by: alice}}]
expect:
- {{at: 2m, decisions: [{{result: await_approval}}], incidents: [{{phase: awaiting_approval}}], writes: []}}
- {{at: 10m, writes: [{"{action: restart, at: 3m}" if written else ""}]}}
""",
    )
    assert differing(result) == []


def test_an_answer_to_nothing_is_a_problem(tmp_path: Path) -> None:
    test = "changes: [{at: 3m, approve: restart}]\nexpect: [{at: 5m, writes: []}]"
    result = played(tmp_path, test)
    assert not result.passed
    assert result.problems == (
        "changes[0], at 3m: `approve` is not possible: no plan of the rule restart waits for an approval then",
    )


def test_a_pause_holds_a_step_back_until_it_is_lifted(tmp_path: Path) -> None:
    result = played(
        tmp_path,
        f"""
cluster: [{WEB}]
alerts: [{LOOPS}]
changes: [{{at: 30s, pause: {{namespace: shop}}}}, {{at: 4m, resume: {{namespace: shop}}}}]
expect:
- {{at: 3m, decisions: [{{result: hold, verdicts: {{pause: hold}}}}], writes: []}}
- {{at: 10m, writes: [{{action: restart, after: 4m}}]}}
""",
    )
    assert differing(result) == []


def test_an_alert_fires_while_something_is_so_in_the_cluster(tmp_path: Path) -> None:
    result = played(
        tmp_path,
        f"""
cluster: [{WEB}]
changes:
- {{at: 2m, patch: Deployment/shop/web, with: {{spec: {{replicas: 4}}}}}}
- {{at: 9m, patch: Deployment/shop/web, with: {{spec: {{replicas: 2}}}}}}
alerts:
- labels: {{alertname: Loops, namespace: shop, deployment: web}}
  while: {{object: Deployment/shop/web, where: 'object.spec.replicas > 3', for: 3m}}
expect:
- {{at: 4m, incidents: []}}
- {{at: 5m, incidents: [{{rule: restart, phase: verifying}}]}}
""",
    )
    assert differing(result) == []
    told = [(moment.kind, moment.text) for moment in result.timeline if moment.kind == "signal"]
    assert told[0] == ("signal", "Loops fires")


def test_a_ladder_that_ends_in_a_person_is_seen_by_the_message(tmp_path: Path) -> None:
    result = played(
        tmp_path,
        """
cluster: [{kind: Deployment, namespace: shop, name: web, image: 'web:notready', replicas: 2}]
alerts: [{labels: {alertname: Loops, namespace: shop, deployment: web}, at: 1m}]
expect:
- at: 30m
  verifications: [{result: not_yet}, {result: failed, then: next}]
  messages: [{receiver: oncall, occasion: escalated, title: shop/web, after: 6m}]
  incidents: [{phase: resting}]
""",
    )
    assert [each for each in differing(result) if each[0] != "verifications"] == []


def test_a_manifest_that_the_api_server_refuses_is_told_with_its_place(tmp_path: Path) -> None:
    bad = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {replicas: many}}"
    result = played(tmp_path, f"cluster: [{WEB}, {bad}]\nexpect: [{{at: 5m, writes: []}}]")
    assert not result.passed
    assert result.problems[0].startswith("cluster[1]: the API server refuses it: Deployment in version")


def test_windows_go_by_the_start_of_the_test(tmp_path: Path) -> None:
    head = """settings:
  guards: {active_time_intervals: [day]}
  receivers: [{name: oncall, webhook_configs: [{url: "http://oncall.example"}]}]
  time_intervals:
  - {name: day, time_intervals: [{times: [{start_time: '09:00', end_time: '17:00'}]}]}
"""
    test = f"cluster: [{WEB}]\nalerts: [{LOOPS}]\nexpect: [{{at: 5m, decisions: [{{verdicts: {{window: VERDICT}}}}]}}]"
    by_day = f"start: 2026-01-05T10:00:00Z\n{test.replace('VERDICT', 'allow')}"
    by_night = f"start: 2026-01-05T20:00:00Z\n{test.replace('VERDICT', 'hold')}"
    assert differing(played(tmp_path, by_day, head=head)) == []
    assert differing(played(tmp_path, by_night, head=head)) == []
