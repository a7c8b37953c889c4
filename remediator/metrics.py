"""The product's Prometheus metrics, all in one registry. Counters follow the journal: `observe` reads them off its
records, so that they say what the journal says; gauges and latencies are set by whoever knows them.

Each metric has a row in docs/metrics.md. Label values are names from rule files and settings, or of fixed sets;
nothing that an alert brings becomes one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from remediator import __version__
from remediator.bare import bare
from remediator.core.events import (
    Decision,
    IncidentClosed,
    Intent,
    Notice,
    Outcome,
    Record,
    RulesChanged,
    Signal,
    Source,
    Undo,
    Verification,
)
from remediator.core.model import Mode, OutcomeStatus

with bare("prometheus_client"):
    from prometheus_client.metrics import Counter, Gauge, Histogram, disable_created_metrics
    from prometheus_client.platform_collector import PlatformCollector
    from prometheus_client.process_collector import ProcessCollector
    from prometheus_client.registry import CollectorRegistry

REGISTRY = CollectorRegistry(auto_describe=True)
"""What `/metrics` shows."""

disable_created_metrics()
_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, text, registry=REGISTRY, buckets=buckets)


SIGNALS = _counter("remediator_signals_total", "Signals journalled, by source.", "source")
DECISIONS = _counter("remediator_decisions_total", "Decisions journalled, by rule and result.", "rule", "result")
VERDICTS = _counter("remediator_guard_verdicts_total", "Guards' answers in decisions.", "guard", "verdict")
ACTIONS = _counter("remediator_actions_total", "Intents by their outcome.", "rule", "action", "outcome")
VERIFICATIONS = _counter("remediator_verifications_total", "Verifications by result.", "rule", "result")
RULE_MISSED = _counter("remediator_rule_missed_total", "Evaluations of rules that were due and did not happen.")
NOTICES = _counter(
    "remediator_notices_total", "Messages to people by what became of them.", "receiver", "endpoint", "outcome"
)
WEBHOOKS = _counter("remediator_webhook_requests_total", "Webhook requests by status code.", "code")
REFUSALS = _counter("remediator_http_refusals_total", "Requests refused, by status code.", "code")

INCIDENTS = _gauge("remediator_incidents", "Open incidents by rule and state.", "rule", "state")
NOTICES_WAITING = _gauge(
    "remediator_notices_waiting", "Messages that no endpoint has taken yet.", "receiver", "endpoint"
)
SOURCE_UP = _gauge("remediator_source_up", "1 where a source answers, else 0.", "source")
CACHE_AGE = _gauge("remediator_cache_age_seconds", "Age of the cache of a kind: seconds since it was current.", "kind")
LEADER = _gauge("remediator_leader", "1 where this process decides and writes, else 0.")
RULES_LOADED = _gauge("remediator_rules_loaded_timestamp_seconds", "When rules were last loaded without error.")
RULES_GOOD = _gauge("remediator_rules_last_load_successful", "1 where the rule files are in force as they are, else 0.")
WRITABLE = _gauge("remediator_journal_writable", "1 where the last append became durable, 0 where it could not.")
PAUSES = _gauge("remediator_pauses", "Pauses that stand.")
BREAKER = _gauge("remediator_breaker_open", "1 where the breaker of a rule's action is open, else 0.", "rule", "action")
MODE = _gauge("remediator_mode", "Ceiling over every rule: 0 off, 1 observe, 2 approve, 3 enforce.")
BUILD = _gauge("remediator_build_info", "1, with the version.", "version")

ACTION_SECONDS = _histogram("remediator_action_duration_seconds", "From a durable intent to its outcome.", _SLOW)
SIGNAL_TO_WRITE_SECONDS = _histogram(
    "remediator_signal_to_write_seconds", "From a payload's receipt to the answer of the API server.", _SLOW
)
RULE_DELAY = _histogram("remediator_rule_delay_seconds", "How long after it was due a query of a rule is begun.", _SLOW)
EVALUATION_SECONDS = _histogram("remediator_rule_evaluation_seconds", "Time to evaluate a rule once.", _FAST)
APPEND_SECONDS = _histogram("remediator_journal_append_seconds", "Time to make events durable.", _FAST)

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
BUILD.labels(__version__).set(1)

_OF_RULES = (DECISIONS, ACTIONS, VERIFICATIONS, INCIDENTS)
_RESULTS = frozenset(("act", "observe", "hold", "deny", "await_approval"))
_VERDICTS = frozenset(("allow", "hold", "deny"))
_DELIVERED = frozenset(("delivered", "undelivered", "abandoned"))
_VERIFIED = frozenset(("healthy", "not_yet", "failed", "unknown"))
_MOST_OPEN = 10_000
_open: dict[str, tuple[str, datetime]] = {}
_received: dict[str, datetime] = {}
"""When the first signal of an incident was received, until its first outcome or end."""
_prompt: set[str] = set()
"""Rules whose `for` is 0: only with them the time to the first write is ours."""


def observe(record: Record) -> None:
    """Count what a record says. For records as they are appended, not for those read again at the start, of which
    only intents without an outcome are given to `expect`.
    """
    data = record.event.data
    if isinstance(data, Intent | Undo):
        expect(data, record.event.time)
    elif counted := _COUNTED.get(type(data)):
        counted(record, data)


def expect(intent: Intent | Undo, since: datetime) -> None:
    """Remember an intent or undo, so that its outcome can be counted under its action."""
    if len(_open) < _MOST_OPEN:
        _open[intent.id] = (intent.action, since)


def show_incidents(counts: dict[tuple[str, str], int]) -> None:
    """Show the open incidents by rule and state, and nothing of rules and states that have none."""
    INCIDENTS.clear()
    for (rule, state), count in counts.items():
        INCIDENTS.labels(_name(rule), state).set(count)


def show_waiting(counts: dict[tuple[str, str], int]) -> None:
    """Show the messages on their way by receiver and endpoint."""
    NOTICES_WAITING.clear()
    for (receiver, endpoint), count in counts.items():
        NOTICES_WAITING.labels(_name(receiver), _name(endpoint)).set(count)


def show_breakers(stand: dict[tuple[str, str], bool]) -> None:
    """Show which breakers are open, by rule and action, of those that have anything to go by."""
    BREAKER.clear()
    for (rule, action), is_open in stand.items():
        BREAKER.labels(_name(rule), _name(action)).set(is_open)


def set_mode(mode: Mode) -> None:
    """Show the ceiling over every rule."""
    MODE.set(mode.rank)


def exposition(accept: str) -> tuple[bytes, str]:
    """All metrics in the format that an `Accept` header prefers, and that format's content type."""
    with bare("prometheus_client"):  # with the first scrape: it loads HTTP servers and clients of its own
        from prometheus_client.exposition import choose_encoder
    try:
        encode, content_type = choose_encoder(accept)
    except (ValueError, TypeError):  # the library compares what it could not read as a version
        encode, content_type = choose_encoder("")
    return encode(REGISTRY), content_type


def _signal(record: Record, signal: Signal) -> None:
    SIGNALS.labels(_name(signal.source)).inc()
    incident, received = record.event.incident, signal.received_at
    if incident and received is not None and record.event.rule in _prompt and len(_received) < _MOST_OPEN:
        _received.setdefault(incident, received)


def _decision(record: Record, decision: Decision) -> None:
    DECISIONS.labels(_name(record.event.rule), _one_of(_RESULTS, decision.result)).inc()
    for verdict in decision.verdicts:
        _of_verdicts(verdict.guard, verdict.verdict).inc()


@functools.lru_cache(maxsize=256)
def _of_verdicts(guard: str, verdict: str) -> Counter:
    """The counter of a guard's answers; there are thirty of them in each decision."""
    return VERDICTS.labels(_name(guard), _one_of(_VERDICTS, verdict))


def _outcome(record: Record, outcome: Outcome) -> None:
    action, since = _open.pop(outcome.intent, ("unknown", None))
    ACTIONS.labels(_name(record.event.rule), _name(action), OutcomeStatus(outcome.status).value).inc()
    received = _received.pop(record.event.incident, None)
    if received is not None and outcome.status is OutcomeStatus.APPLIED:
        SIGNAL_TO_WRITE_SECONDS.observe(max(0.0, (record.event.time - received).total_seconds()))
    if since is not None:
        ACTION_SECONDS.observe(max(0.0, (record.event.time - since).total_seconds()))


def _verification(record: Record, verification: Verification) -> None:
    VERIFICATIONS.labels(_name(record.event.rule), _one_of(_VERIFIED, verification.result)).inc()


def _notice(record: Record, notice: Notice) -> None:
    """One failure counts once a message, as the journal says it once."""
    if notice.status != "requested":
        outcome = _one_of(_DELIVERED, notice.status)
        NOTICES.labels(_name(notice.receiver), _name(notice.endpoint), outcome).inc()


def _source(record: Record, source: Source) -> None:
    """That one rule's query has no answer says nothing about its source."""
    if not record.event.rule:
        SOURCE_UP.labels(_name(source.source)).set(source.up)


def _rules(record: Record, rules: RulesChanged) -> None:
    """Rules that are no more take their series with them; those of a failed reload stay."""
    if rules.error:
        return
    _prompt.update(rule.name for rule in rules.changed if rule.when.for_ == 0)
    _prompt.difference_update(rule.name for rule in rules.changed if rule.when.for_ > 0)
    _prompt.difference_update(rules.removed)
    if rules.policy is not None:
        set_mode(rules.policy.mode)
    for rule in rules.removed:
        for metric in _OF_RULES:
            metric.remove_by_labels({"rule": _name(rule)})


def _closed(record: Record, _: IncidentClosed) -> None:
    _received.pop(record.event.incident, None)


_COUNTED: dict[type, Callable[[Record, Any], None]] = {
    Signal: _signal,
    Decision: _decision,
    Outcome: _outcome,
    Verification: _verification,
    Notice: _notice,
    IncidentClosed: _closed,
    Source: _source,
    RulesChanged: _rules,
}


def _name(text: str) -> str:
    """A name from a rule file or the settings, not longer than a label value should be."""
    return text[:200]


def _one_of(known: frozenset[str], value: str) -> str:
    return value if value in known else "other"
