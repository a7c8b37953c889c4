"""What Alertmanager holds: silenced alerts are nobody's business, lost ones are found, an end is no mere absence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from remediator.clients.alertmanager import MalformedPayload, parse
from remediator.core.events import IncidentClosed, Intent, Record, Signal
from remediator.core.model import CloseReason
from remediator.simulation.alertmanager import Alert, Peer, fingerprint
from tests.simulate.promises.decisions import is_masked
from tests.simulate.promises.limits import cooldown_of
from tests.simulate.promises.promise import Promise

GOOD = 3
"""Answers in a row that lack an alert until its absence is believed."""

OLD = timedelta(seconds=80)
"""How old an answer may be on which a write stands: a look takes at most a minute and is used within ten seconds."""

SOON = timedelta(minutes=5)
"""By when a lost webhook is made up for, at the latest after a few rounds of asking."""


class Silenced(Promise):
    """A step is begun only on alerts that Alertmanager has, and is not kept from telling of, or that a step before it
    may have ended.
    """

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._loud: dict[str, datetime] = {}

    def on_held(self, process: str, place: int, alertmanager: Peer) -> None:
        """Note which alerts are loud, while somebody asks."""
        now = self.oracle.world.clock.now()
        self._loud.update(dict.fromkeys((mark for mark, is_loud in alertmanager.loud().items() if is_loud), now))

    def on_record(self, record: Record) -> None:
        """At an intent: some alert of the incident was held and loud when Alertmanager was asked last."""
        event, data = record.event, record.event.data
        rule = self.history.rules.get(event.rule)
        if not self.oracle.reconciles or rule is None or not rule.when.alert:
            return
        if not isinstance(data, Intent) or data.part > 1:
            return
        since = self.oracle.world.clock.now() - OLD
        story = self.history.stories[event.incident]
        known = {each.data.fingerprint for each in story.events if isinstance(each.data, Signal)}
        loud = is_masked(story, rule) or any(self._loud.get(each, self.oracle.start) >= since for each in known)
        self.check("no act on what is silenced", loud, f"{data.id}: none of its alerts is told of since {since}")


class Ended(Promise):
    """An alert is over when a webhook says so, or when three whole answers in a row of all Alertmanagers lack it; and
    where Prometheus is asked about its rules, only while what they measure is measured.
    """

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._process, self._said = "", set[str]()
        self._ended: list[tuple[Record, Signal]] = []
        self._lacking: dict[tuple[str, int], dict[str, int]] = {}
        self._lives: dict[tuple[str, int], str] = {}

    def before(self, process: str, records: Sequence[Record]) -> None:
        """A new append."""
        self._process, self._ended = process, []
        self._said = set()

    def on_held(self, process: str, place: int, alertmanager: Peer) -> None:
        """Count for each known alert how many answers in a row lacked it."""
        firing = alertmanager.loud().keys()
        life = alertmanager.status()
        before = self._lives.get((process, place), life["uptime"])
        if before != life["uptime"] or life["cluster"]["status"] == "settling":
            self._begin_anew(process, place)
        self._lives[process, place] = life["uptime"]
        lacking = self._lacking.setdefault((process, place), {})
        known = {seen.fingerprint for each in self.history.state.incidents.values() for seen in each.signals}
        for each in list(lacking):
            if each in firing or each not in known:
                del lacking[each]
        for each in known - firing:
            lacking[each] = lacking.get(each, 0) + 1

    def _begin_anew(self, process: str, place: int) -> None:
        """One that was restarted begins empty: all count anew, and what another has just said counts as the first."""
        self._lacking.pop((process, place), None)
        for other in range(self.oracle.alertmanagers):
            counts = self._lacking.get((process, other), {})
            counts.update({mark: min(count, 1) for mark, count in counts.items()})

    def on_record(self, record: Record) -> None:
        """Ends of alerts, judged when it is known which payloads they came from."""
        data = record.event.data
        if isinstance(data, Signal) and (data.source, data.status) == ("alertmanager", "resolved"):
            self._ended.append((record, data))

    def on_consumed(self, receipt: int, body: bytes) -> None:
        """What a payload says is over."""
        try:
            alerts = parse(body).alerts
        except MalformedPayload:
            return
        self._said |= {alert.fingerprint for alert in alerts if alert.status == "resolved"}

    def after(self, process: str, records: Sequence[Record]) -> None:
        """Each end has its ground."""
        for record, data in self._ended:
            what = f"{record.seq}: {data.labels}"
            sure = data.fingerprint in self._said or self._is_lacking(data.fingerprint)
            self.check("an end is more than an absence", sure, what)
            if self.oracle.doubts and record.event.incident:
                self.check("an end is measured", self._is_measured(), what)

    def _is_lacking(self, mark: str) -> bool:
        """Whether the Alertmanagers lacked it so often; one that is told of an end in doubt is asked about nothing."""
        places = range(self.oracle.alertmanagers)
        counts = [self._lacking.get((self._process, place), {}).get(mark, 0) for place in places]
        doubted = any(
            isinstance(each.data, Signal) and each.data.fingerprint == mark and each.data.status == "doubted"
            for story in self.history.stories.values()
            for each in story.events[-20:]
        )
        return (self.oracle.reconciles and min(counts) >= GOOD) or (doubted and not self.oracle.reconciles)

    def _is_measured(self) -> bool:
        """Whether no scrape was missed just before; the answer may have taken its time."""
        missed = self.oracle.scrapes.missed_at
        return missed is None or self.oracle.world.clock.now() - missed >= timedelta(seconds=30)


class Found(Promise):
    """What fires is known, though its webhook was lost: where Alertmanager is asked, level counts, not edge."""

    def at_end(self) -> None:
        """Every alert that has long been firing and loud, and that a rule speaks of, is said."""
        if not self.oracle.reconciles:
            return
        for alertmanager in self.oracle.alerting:
            for alert in alertmanager.firing():
                if self._is_due(alert) and not alertmanager.silenced_by(alert.labels):
                    self._demand(alert)

    def _is_due(self, alert: Alert) -> bool:
        soon = max(SOON, timedelta(seconds=3 * self.oracle.asks_every))
        return alert.fired is not None and alert.fired < self.oracle.world.clock.now() - soon

    def _demand(self, alert: Alert) -> None:
        state, mark = self.history.state, fingerprint(alert.labels)
        for rule in self.history.rules.values():
            if rule.when.matches(alert.labels):
                key = f"{rule.name}|{mark}"
                said = key in state.told or key in state.noted or self._echoes(rule.name, mark)
                self.check("a lost alert is found", said, f"{rule.name}: {alert.labels} since {alert.fired}")

    def _echoes(self, rule: str, mark: str) -> bool:
        """Whether it only echoes what was cured within the cooldown."""
        since = self.oracle.now() - timedelta(seconds=cooldown_of(self.history, rule)) - SOON
        return any(
            isinstance(each.data, IncidentClosed) and each.data.reason is CloseReason.RECOVERED and each.time >= since
            for story in self.history.stories.values()
            if story.rule == rule
            and story.closed
            and any(isinstance(one.data, Signal) and one.data.fingerprint == mark for one in story.events)
            for each in story.events[-1:]
        )
