"""Metrics follow the journal: what a record says is counted once, under labels that nobody outside can choose."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediator import metrics
from remediator.core.events import (
    Decision,
    Event,
    Intent,
    Outcome,
    Payload,
    Record,
    RulesChanged,
    Signal,
    Source,
    Undo,
    Verification,
)
from remediator.core.kinds import resource
from remediator.core.model import Change, Mode, OutcomeStatus, Precondition, Ref, Verb, Verdict

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
AT = datetime(2026, 11, 23, tzinfo=UTC)
CHANGE = Change(Verb.PATCH, Ref(resource("Deployment"), "shop", "web"), {}, Precondition("u", "1"))
PROMISED = [
    "signals_total",
    "incidents",
    "decisions_total",
    "guard_verdicts_total",
    "actions_total",
    "action_duration_seconds",
    "signal_to_write_seconds",
    "verifications_total",
    "rule_evaluation_seconds",
    "rule_missed_total",
    "source_up",
    "cache_age_seconds",
    "journal_append_seconds",
    "leader",
    "rules_loaded_timestamp_seconds",
    "mode",
]


def record(data: Payload, rule: str = "r", seconds: float = 0.0) -> Record:
    return Record(1, Event(AT + timedelta(seconds=seconds), data, incident="i", rule=rule), "", "")


class Counted:
    """How far series have moved since."""

    def __init__(self) -> None:
        self._before = self._now()

    def __call__(self, name: str, **labels: str) -> float:
        key = (f"remediator_{name}", tuple(sorted(labels.items())))
        return self._now().get(key, 0.0) - self._before.get(key, 0.0)

    def _now(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        samples = (sample for family in metrics.REGISTRY.collect() for sample in family.samples)
        return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_a_signal(counted: Counted) -> None:
    metrics.observe(record(Signal("alertmanager", "firing", labels={"alertname": "hostile"})))
    assert counted("signals_total", source="alertmanager") == 1


def test_a_decision_and_every_verdict(counted: Counted) -> None:
    verdicts = (Verdict("mode", "allow"), Verdict("cooldown", "hold"), Verdict("budget", "deny"))
    metrics.observe(record(Decision("hold", verdicts, 0)))
    assert counted("decisions_total", rule="r", result="hold") == 1
    for verdict in verdicts:
        assert counted("guard_verdicts_total", guard=verdict.guard, verdict=verdict.verdict) == 1


@pytest.mark.parametrize("status", list(OutcomeStatus))
@pytest.mark.parametrize(
    "intent", [Intent("x", "restart", 0, 1, CHANGE), Undo("x", "w", "restart", 0, 1, CHANGE)], ids=["intent", "undo"]
)
def test_an_outcome_under_the_action_of_its_intent(
    counted: Counted, intent: Intent | Undo, status: OutcomeStatus
) -> None:
    metrics.observe(record(intent))
    metrics.observe(record(Outcome("x", status), seconds=3))
    assert counted("actions_total", rule="r", action="restart", outcome=status.value) == 1
    assert counted("action_duration_seconds_count") == 1
    assert counted("action_duration_seconds_sum") == 3


def test_an_outcome_after_a_restart(counted: Counted) -> None:
    """Intents without an outcome are given to `expect` at the start; one that was not has an unknown action."""
    metrics.expect(Intent("before", "rollback", 0, 1, CHANGE), AT)
    metrics.observe(record(Outcome("before", OutcomeStatus.ADOPTED)))
    metrics.observe(record(Outcome("forgotten", OutcomeStatus.ADOPTED)))
    assert counted("actions_total", rule="r", action="rollback", outcome="adopted") == 1
    assert counted("actions_total", rule="r", action="unknown", outcome="adopted") == 1
    assert counted("action_duration_seconds_count") == 1


def test_a_clock_set_back_is_no_negative_duration(counted: Counted) -> None:
    metrics.observe(record(Intent("x", "restart", 0, 1, CHANGE)))
    metrics.observe(record(Outcome("x", OutcomeStatus.APPLIED), seconds=-5))
    assert counted("action_duration_seconds_sum") == 0


def test_a_verification(counted: Counted) -> None:
    metrics.observe(record(Verification("healthy", 0)))
    assert counted("verifications_total", rule="r", result="healthy") == 1


def test_breakers_that_are_gone_take_their_series_with_them() -> None:
    metrics.show_breakers({("r", "restart"): True, ("r", "scale"): False})
    value = metrics.REGISTRY.get_sample_value
    assert value("remediator_breaker_open", {"rule": "r", "action": "restart"}) == 1
    assert value("remediator_breaker_open", {"rule": "r", "action": "scale"}) == 0
    metrics.show_breakers({})
    assert value("remediator_breaker_open", {"rule": "r", "action": "restart"}) is None


def test_a_source_that_goes_and_comes() -> None:
    for up in (False, True):
        metrics.observe(record(Source("prometheus", up=up), rule=""))
        assert metrics.REGISTRY.get_sample_value("remediator_source_up", {"source": "prometheus"}) == up


def test_one_rules_query_says_nothing_about_its_source() -> None:
    metrics.observe(record(Source("prometheus", up=True), rule=""))
    metrics.observe(record(Source("prometheus", up=False)))
    assert metrics.REGISTRY.get_sample_value("remediator_source_up", {"source": "prometheus"}) == 1


def test_a_rule_that_goes_takes_its_series_with_it() -> None:
    metrics.observe(record(Decision("act", (), 0), rule="old"))
    metrics.INCIDENTS.labels("old", "pending").set(1)
    metrics.observe(record(RulesChanged(removed=("old",), error="broken file")))
    assert b'rule="old"' in metrics.exposition("")[0]
    metrics.observe(record(RulesChanged(removed=("old",)), seconds=7))
    assert b'rule="old"' not in metrics.exposition("")[0]


def test_values_outside_of_the_known_ones_are_one_label(counted: Counted) -> None:
    for number in range(100):
        metrics.observe(record(Decision(f"x{number}", (Verdict("mode", f"y{number}"),), 0)))
        metrics.observe(record(Verification(f"z{number}", 0)))
    assert counted("decisions_total", rule="r", result="other") == 100
    assert counted("guard_verdicts_total", guard="mode", verdict="other") == 100
    assert counted("verifications_total", rule="r", result="other") == 100


@pytest.mark.parametrize(("mode", "value"), [(Mode.OFF, 0), (Mode.OBSERVE, 1), (Mode.APPROVE, 2), (Mode.ENFORCE, 3)])
def test_the_mode_is_its_rank(mode: Mode, value: int) -> None:
    metrics.set_mode(mode)
    assert metrics.REGISTRY.get_sample_value("remediator_mode") == value


def families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name, type and labels of our own metrics, as they are exposed."""
    found = {}
    for metric in vars(metrics).values():
        if hasattr(metric, "_labelnames") and hasattr(metric, "describe"):
            for family in metric.describe():
                name = f"{family.name}_total" if family.type == "counter" else family.name
                found[name] = (family.type, tuple(metric._labelnames))
    return found


def test_every_metric_has_its_row_in_the_docs_and_every_row_its_metric() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", DOCS.read_text(), re.MULTILINE)
    documented = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert documented == families()


def test_every_metric_that_was_promised_is_there() -> None:
    assert {f"remediator_{name}" for name in PROMISED} <= set(families())
