"""2xx means kept: each payload that was accepted is worked on, and each alert in it that concerns a rule is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from remediator.clients.alertmanager import Alert, MalformedPayload, parse
from remediator.core.events import Event, IncidentClosed, Record, Signal
from remediator.core.model import CloseReason
from remediator.core.state import MAX_SIGNALS
from tests.simulate.promises.limits import cooldown_of
from tests.simulate.promises.promise import Promise

Key = tuple[str, str]
"""Rule and fingerprint."""

SLACK = 60.0
"""Seconds that a decision may have been on its way to the journal, on a disk that refuses."""

SOON = timedelta(minutes=1)
"""How long a payload may wait in fine weather."""


class Kept(Promise):
    """Promise 5."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._accepted: dict[bytes, list[datetime]] = {}
        self._consumed: Counter[bytes] = Counter()
        self._said: dict[Key, Event] = {}
        self._now: dict[Key, list[Event]] = {}
        self._open: set[str] = set()

    def before(self, process: str, records: Sequence[Record]) -> None:
        """An append may hold the answer to several payloads: what counts is the last word before it, and all in it."""
        self._said |= {key: events[-1] for key, events in self._now.items()}
        self._now, self._open = {}, set(self.history.open)

    def on_accepted(self, body: bytes) -> None:
        """It must come to an end some time."""
        self._accepted.setdefault(body, []).append(self.oracle.world.clock.now())

    def on_record(self, record: Record) -> None:
        """Note every word on an alert."""
        event = record.event
        if isinstance(event.data, Signal):
            self._now.setdefault((event.rule, event.data.fingerprint), []).append(event)

    def on_consumed(self, receipt: int, body: bytes) -> None:
        """Its alerts are in the journal by now."""
        self._consumed[body] += 1
        try:
            alerts = parse(body).alerts
        except MalformedPayload:
            return
        for alert in alerts:
            for rule in self.history.rules.values():
                if alert.status == "firing" and rule.when.matches(alert.labels):
                    said = self._is_said(rule.name, alert) or self._is_surplus(rule.name)
                    self.check("an alert is never lost", said, f"{rule.name}: {alert.labels} fires and is not said")

    def _is_said(self, rule: str, alert: Alert) -> bool:
        """Whether the alert is said in this append, was before and is still about something open, or is an echo."""
        key = rule, alert.fingerprint
        if any(event.data.status in ("firing", "unresolved") for event in self._now.get(key, ())):
            return True
        event = self._said.get(key)
        if event is None or event.data.status not in ("firing", "unresolved", "resolved"):
            return False
        if not event.incident or event.incident in self._open:
            return event.data.status in ("firing", "unresolved")
        ended = self.history.stories[event.incident].last(IncidentClosed)
        if ended is None or ended.data.reason is not CloseReason.RECOVERED:
            return False
        rested = (self.oracle.now() - ended.time).total_seconds() - SLACK
        return rested < cooldown_of(self.history, rule) and event.data.starts_at == alert.starts_at

    def _is_surplus(self, rule: str) -> bool:
        """Whether some incident of the rule has so many signals that one more is not noted."""
        incidents = self.history.state.incidents.values()
        return any(each.definition.name == rule and len(each.signals) >= MAX_SIGNALS for each in incidents)

    def at_end(self) -> None:
        """Nothing that was accepted is still waiting, but for what has only just come."""
        since = self.oracle.world.clock.now() - SOON
        for body, instants in self._accepted.items():
            due = [at for at in instants if at < since]
            what = f"accepted at {list(map(str, instants))}, worked on {self._consumed[body]} times: {body[:300]!r}"
            self.check("2xx means kept", self._consumed[body] >= len(due), what)
