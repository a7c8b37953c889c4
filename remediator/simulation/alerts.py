"""A deterministic Prometheus and Alertmanager for the simulated world: what is wrong becomes webhook payloads.

Payloads are Alertmanager's version 4: a snapshot of a group, firing and resolved mixed, sent again as it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from remediator.core.model import Json, Value
from remediator.simulation.alert_rules import RULES, AlertRule, Labels
from remediator.simulation.clock import stamp
from remediator.simulation.findings import Findings
from remediator.simulation.world import World

NEVER = "0001-01-01T00:00:00Z"
"""The `endsAt` of an alert that still fires."""

_EXTERNAL_URL = "http://alertmanager.simulated:9093"
_GROUP_BY = ("alertname", "namespace")

AlertKey = tuple[tuple[str, str], ...]


class Timing(Value, frozen=True):
    """How fast alerting is, in seconds. The mixin waits 15 minutes (`holds`), Alertmanager's usual values follow."""

    interval: float = 15.0
    holds: float = 900.0
    group_wait: float = 30.0
    group_interval: float = 300.0
    repeat_interval: float = 14_400.0


class Alert(Value, frozen=True):
    """One alert: active since, firing since, resolved at."""

    rule: AlertRule
    labels: Labels
    active: datetime
    fired: datetime | None = None
    ended: datetime | None = None


class Group:
    """Alerts that are sent together."""

    def __init__(self, first_flush: datetime) -> None:
        self.alerts: dict[AlertKey, Alert] = {}
        self.due = first_flush
        self.changed = True
        self.sent: dict[AlertKey, bool] = {}
        self.sent_at: datetime | None = None


class AlertSource:
    """Evaluates the rules as the world's time goes on and hands every payload to `send`, in the world's own steps."""

    def __init__(
        self,
        world: World,
        send: Callable[[Json], None],
        timing: Timing | None = None,
        *,
        receiver: str = "remediator",
        rules: Sequence[AlertRule] = RULES,
    ) -> None:
        self._world, self._send, self._timing = world, send, timing or Timing()
        self._receiver, self._findings = receiver, Findings(world.store, rules)
        self._alerts: dict[AlertKey, Alert] = {}
        self._waiting: dict[AlertKey, None] = {}
        self._gone: dict[AlertKey, datetime] = {}
        self._looked_at = world.clock.now()
        self._groups: dict[AlertKey, Group] = {}
        world.after(self._timing.interval, self._tick)

    @property
    def firing(self) -> list[Labels]:
        """The labels of all alerts that fire now."""
        return [alert.labels for alert in self._alerts.values() if alert.fired is not None]

    def look_again(self) -> None:
        """Look at every object at the next evaluation: what the rules find has changed without a write."""
        self._findings.look_again()

    def _tick(self) -> None:
        now = self._world.clock.now()
        self._evaluate(now)
        for key in list(self._groups):
            self._flush(key, self._groups[key], now)
        self._world.after(self._timing.interval, self._tick)

    def _evaluate(self, now: datetime) -> None:
        for rule, found, before in self._findings.changes():
            kept = [self._see(rule, labels, now) for labels in found]
            gone = {_key(rule, labels): self._looked_at for labels in before}
            self._gone |= {key: seen for key, seen in gone.items() if key not in kept}
        self._looked_at = now
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
        alert = self._alerts[key] = msgspec.structs.replace(self._alerts[key], fired=now)
        group_key = tuple((name, alert.labels[name]) for name in _GROUP_BY if name in alert.labels)
        if group_key not in self._groups:
            self._groups[group_key] = Group(now + timedelta(seconds=self._timing.group_wait))
        group = self._groups[group_key]
        group.alerts[key], group.changed = alert, True

    def _resolve(self, key: AlertKey, now: datetime) -> None:
        del self._alerts[key], self._gone[key]
        self._waiting.pop(key, None)
        for group in self._groups.values():
            if key in group.alerts:
                group.alerts[key], group.changed = msgspec.structs.replace(group.alerts[key], ended=now), True

    def _flush(self, key: AlertKey, group: Group, now: datetime) -> None:
        """Send a group that is due and has changed, or was not sent for `repeat_interval`; forget what is resolved."""
        if now < group.due:
            return
        group.due = now + timedelta(seconds=self._timing.group_interval)
        repeat = timedelta(seconds=self._timing.repeat_interval)
        if not group.changed and group.sent_at is not None and now < group.sent_at + repeat:
            return
        group.changed = False
        state = {name: alert.ended is None for name, alert in group.alerts.items()}
        if state != group.sent or group.sent_at is None or now >= group.sent_at + repeat:
            self._send(payload(dict(key), list(group.alerts.values()), self._receiver))
            group.sent_at = now
        group.alerts = {name: alert for name, alert in group.alerts.items() if alert.ended is None}
        group.sent = dict.fromkeys(group.alerts, True)
        if not group.alerts:
            del self._groups[key]


def _key(rule: AlertRule, labels: Labels) -> AlertKey:
    return tuple(sorted(_labels(rule, labels).items()))


def _labels(rule: AlertRule, found: Labels) -> Labels:
    return {"alertname": rule.name, "severity": rule.severity, **found}


def payload(group_labels: Labels, alerts: Sequence[Alert], receiver: str) -> Json:
    """The webhook body for a group."""
    bodies = [_alert(alert) for alert in alerts]
    firing = any(body["status"] == "firing" for body in bodies)
    matchers = ", ".join(f'{name}="{value}"' for name, value in group_labels.items())
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{matchers}}}",
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": receiver,
        "groupLabels": group_labels,
        "commonLabels": _common([body["labels"] for body in bodies]),
        "commonAnnotations": _common([body["annotations"] for body in bodies]),
        "externalURL": _EXTERNAL_URL,
        "alerts": bodies,
    }


def fingerprint(labels: Labels) -> str:
    """The fingerprint that Alertmanager gives a label set: FNV-1a of 64 bits over sorted names and values."""
    return _hashed(tuple(sorted(labels.items())))


@lru_cache(maxsize=4096)
def _hashed(key: AlertKey) -> str:
    value = 0xCBF29CE484222325
    for name, text in key:
        for byte in name.encode() + b"\xff" + text.encode() + b"\xff":
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def _alert(alert: Alert) -> Json:
    assert alert.fired is not None
    texts = {"description": alert.rule.description.format(**alert.labels), "summary": alert.rule.summary}
    return {
        "status": "firing" if alert.ended is None else "resolved",
        "labels": dict(alert.labels),
        "annotations": texts,
        "startsAt": stamp(alert.fired),
        "endsAt": NEVER if alert.ended is None else stamp(alert.ended),
        "generatorURL": f"http://prometheus.simulated:9090/graph?g0.expr={alert.rule.name}",
        "fingerprint": fingerprint(alert.labels),
    }


def _common(maps: list[Labels]) -> Labels:
    """What all of them have with the same value."""
    first = maps[0] if maps else {}
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in maps)}
