"""A deterministic Prometheus for the simulated world: what is wrong becomes alerts, of which Alertmanagers are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from remediator.core.model import Json
from remediator.simulation.alert_rules import RULES, AlertRule, Labels
from remediator.simulation.alertmanager import Alert, AlertKey, Peer, Silence, Timing, key_of
from remediator.simulation.findings import Findings
from remediator.simulation.world import World


class AlertSource:
    """Evaluates the rules as the world's time goes on; its `alertmanagers` hand every payload to `send`, in the world's
    own steps.
    """

    def __init__(
        self,
        world: World,
        send: Callable[[Json], None],
        timing: Timing | None = None,
        *,
        receiver: str = "remediator",
        rules: Sequence[AlertRule] = RULES,
        alertmanagers: int = 1,
    ) -> None:
        self._world, self._timing, self._rules = world, timing or Timing(), tuple(rules)
        self._findings = Findings(world.store, rules)
        self._alerts: dict[AlertKey, Alert] = {}
        self._waiting: dict[AlertKey, None] = {}
        self._gone: dict[AlertKey, datetime] = {}
        self._looked_at = self.evaluated_at = world.clock.now()
        self.alertmanagers = tuple(
            Peer(world.clock.now, send, self._timing, receiver, alone=alertmanagers == 1) for _ in range(alertmanagers)
        )
        self.join()
        world.after(self._timing.interval, self._tick)

    @property
    def rules(self) -> tuple[AlertRule, ...]:
        """The rules that are evaluated, every `interval` seconds."""
        return self._rules

    @property
    def interval(self) -> float:
        """Seconds between two evaluations."""
        return self._timing.interval

    @property
    def firing(self) -> list[Labels]:
        """The labels of all alerts that fire now."""
        return [alert.labels for alert in self._alerts.values() if alert.fired is not None]

    def active(self, rule: AlertRule) -> list[Labels]:
        """The labels of a rule's alerts that are pending or fire."""
        return [alert.labels for alert in self._alerts.values() if alert.rule.name == rule.name]

    def look_again(self) -> None:
        """Look at every object at the next evaluation: what the rules find has changed without a write."""
        self._findings.look_again()

    def silence(self, labels: Labels, seconds: float) -> None:
        """Nobody is told of alerts with these labels for so long; all Alertmanagers hear of it that are joined."""
        now = self._world.clock.now()
        first = self.alertmanagers[0]
        silence = Silence(f"silence-{len(first.gossip.silences)}", labels, now + timedelta(seconds=seconds))
        for gossip in {id(each.gossip): each.gossip for each in self.alertmanagers}.values():
            gossip.silences = [*(each for each in gossip.silences if now < each.until), silence]

    def part(self) -> None:
        """The Alertmanagers do not hear of each other any more: each sends what it thinks is news."""
        for each in self.alertmanagers[1:]:
            each.gossip = each.gossip.copied()

    def join(self) -> None:
        """They hear of each other again."""
        first, *others = self.alertmanagers
        for each in others:
            first.gossip.take(each.gossip)
            each.gossip = first.gossip

    def _tick(self) -> None:
        now = self._world.clock.now()
        self._evaluate(now)
        for each in self.alertmanagers:
            if each.blank:  # Prometheus says again and again what fires
                self._tell_all(each)
            each.flush()
        self._world.after(self._timing.interval, self._tick)

    def _tell_all(self, alertmanager: Peer) -> None:
        alertmanager.blank = False
        for alert in self._alerts.values():
            if alert.fired is not None:
                alertmanager.hear(alert)

    def _evaluate(self, now: datetime) -> None:
        for rule, found, before in self._findings.changes():
            kept = [self._see(rule, labels, now) for labels in found]
            gone = {_key(rule, labels): self._looked_at for labels in before}
            self._gone |= {key: seen for key, seen in gone.items() if key not in kept}
        self._looked_at = self.evaluated_at = now
        for key, seen in list(self._gone.items()):
            if seen + timedelta(seconds=self._alerts[key].rule.lingers) < now:
                self._resolve(key, now)
        for key in list(self._waiting):
            if now >= self._alerts[key].active + timedelta(seconds=self._timing.holds):
                self._fire(key, now)

    def _see(self, rule: AlertRule, labels: Labels, now: datetime) -> AlertKey:
        key = _key(rule, labels)
        if key in self._alerts:
            self._gone.pop(key, None)
        else:
            self._alerts[key] = Alert(rule, _labels(rule, labels), now)
            self._waiting[key] = None
        return key

    def _fire(self, key: AlertKey, now: datetime) -> None:
        del self._waiting[key]
        self._alerts[key] = msgspec.structs.replace(self._alerts[key], fired=now)
        self._tell(self._alerts[key])

    def _resolve(self, key: AlertKey, now: datetime) -> None:
        alert = self._alerts.pop(key)
        del self._gone[key]
        self._waiting.pop(key, None)
        if alert.fired is not None:
            self._tell(msgspec.structs.replace(alert, ended=now))

    def _tell(self, alert: Alert) -> None:
        for each in self.alertmanagers:
            each.hear(alert)


def _key(rule: AlertRule, labels: Labels) -> AlertKey:
    return key_of(_labels(rule, labels))


def _labels(rule: AlertRule, found: Labels) -> Labels:
    return {"alertname": rule.name, "severity": rule.severity, **found}
