"""Queries are answered by what the test gives, by their text alone; what nobody answered proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediator.clients.query_answer import Sample, Vector
from remediator.sources.measured import all_measured, steadily_up
from tests.unit.trial.playing import LOOPS, RULES, WEB, differing, played

LEAK = "{query: 'leak > 5', at: 1m, samples: [{labels: '{namespace=\"shop\", deployment=\"web\"}', value: 7}]}"
TRAFFIC = "{query: 'traffic  >  1', samples: [{labels: 'traffic{}', value: 2}]}"


def test_a_series_fires_and_its_condition_is_answered_whatever_the_layout_of_the_query(tmp_path: Path) -> None:
    test = f"cluster: [{WEB}]\nanswers: [{LEAK}, {TRAFFIC}]\nexpect: [{{at: 5m, writes: [{{action: restart}}]}}]"
    result = played(tmp_path, test)
    assert differing(result) == []
    assert (result.unanswered, result.problems) == ((), ())


def test_a_condition_that_nobody_answers_fails_the_test_though_all_is_as_expected(tmp_path: Path) -> None:
    result = played(tmp_path, f"cluster: [{WEB}]\nanswers: [{LEAK}]\nexpect: [{{at: 5m, writes: []}}]")
    assert result.disagreements == ()
    assert not result.passed
    assert "`traffic > 1` is asked: give its answer under `answers`" in result.problems[0]


def test_a_signal_that_nobody_answers_is_told(tmp_path: Path) -> None:
    result = played(
        tmp_path, f"cluster: [{WEB}]\nalerts: [{LOOPS}]\nexpect: [{{at: 5m, incidents: [{{rule: restart}}]}}]"
    )
    assert result.passed
    assert result.unanswered == ("leak > 5",)


def test_what_is_unknown_neither_fires_nor_clears(tmp_path: Path) -> None:
    test = f"""
cluster: [{WEB}]
answers: [{LEAK}, {TRAFFIC}, {{query: leak > 5, at: 90s, unknown: it is down}}]
expect: [{{at: 30m, incidents: [{{phase: resting}}]}}]
"""
    result = played(tmp_path, test, rules=RULES.replace("do: [restart]", "do: [none]"))
    assert [each for each in differing(result) if each[0] != "incidents"] == []
    assert not any(moment.kind == "closed" for moment in result.timeline)


def test_alerts_that_veto_are_those_of_the_test(tmp_path: Path) -> None:
    head = """settings:
  prometheus: {url: "http://prometheus:9090"}
  receivers: [{name: oncall, webhook_configs: [{url: "http://oncall.example"}]}]
  guards: {veto: {alerts: [Upgrade]}}
"""
    test = f"""
cluster: [{WEB}]
alerts: [{LOOPS}, {{labels: {{alertname: Upgrade}}, until: UNTIL}}]
expect: [{{at: 4m, decisions: [{{verdicts: {{veto: VERDICT}}}}]}}]
"""
    standing = test.replace("UNTIL", "1h").replace("VERDICT", "hold")
    over = test.replace("UNTIL", "30s").replace("VERDICT", "allow")
    assert differing(played(tmp_path, standing, head=head)) == []
    assert differing(played(tmp_path, over, head=head)) == []


@pytest.mark.parametrize("jobs", [["api"], ["a.b", "c|d", 'e"f']])
def test_whoever_measures_is_up_where_the_test_says_nothing_of_scrapes(jobs: list[str]) -> None:
    expected = Vector(tuple(Sample({"job": job}, 1.0) for job in sorted(jobs)))
    assert all_measured(steadily_up(jobs, 30.0)) == expected
    assert all_measured("group by (__name__) (leak)") == Vector(())


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on the PATH but what the test puts into its folder."""
    monkeypatch.setenv("PATH", str(tmp_path))


SERIES = "input_series: [{series: 'leak{namespace=\"shop\", deployment=\"web\"}', values: '9x20'}]"


@pytest.mark.usefixtures("no_programs")
def test_series_without_a_prometheus_fail_and_say_what_is_missing(tmp_path: Path) -> None:
    result = played(tmp_path, f"cluster: [{WEB}]\n{SERIES}\nexpect: [{{at: 5m, writes: []}}]")
    assert not result.passed
    assert result.problems == (
        "input_series need Prometheus to evaluate queries on them: have `prometheus` on the PATH, or give `answers`",
    )


@pytest.mark.usefixtures("no_programs")
def test_answers_beside_series_count_where_there_is_no_prometheus(tmp_path: Path) -> None:
    answers = f"answers: [{LEAK}, {TRAFFIC}]"
    result = played(tmp_path, f"cluster: [{WEB}]\n{SERIES}\n{answers}\nexpect: [{{at: 5m, writes: [{{}}]}}]")
    assert result.passed
    assert result.queries == "the answers that the test gives"


@pytest.mark.usefixtures("no_programs")
def test_a_program_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    program = tmp_path / "prometheus"
    program.write_text("#!/bin/sh\necho unknown long flag >&2\nexit 2\n")
    program.chmod(0o755)
    result = played(tmp_path, f"cluster: [{WEB}]\n{SERIES}\nexpect: [{{at: 5m, writes: []}}]")
    assert result.problems == ("prometheus does not start: unknown long flag",)
