"""A deterministic Alertmanager: groups, silences, what it posts to the webhook, and what its API v2 says it holds.

Who is told what follows its notification pipeline (notify/notify.go, DedupStage): a log of what was sent last, kept
for each group and shared by gossip, says whether there is news.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from remediator.core.model import Json, Value
from remediator.simulation.alert_rules import AlertRule, Labels
from remediator.simulation.clock import stamp

NEVER = "0001-01-01T00:00:00Z"
"""The `endsAt` of an alert that still fires."""

SETTLES = timedelta(seconds=30)
"""How long a restarted member of a cluster says that it is not ready."""

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


class Silence(Value, frozen=True):
    """Alerts with all these labels are nobody's business until an instant (exclusive)."""

    id: str
    labels: Labels
    until: datetime

    def covers(self, labels: Labels, now: datetime) -> bool:
        """Whether it silences an alert now."""
        return now < self.until and all(labels.get(name) == value for name, value in self.labels.items())


class Sent(Value, frozen=True):
    """What a group's receiver was told last, and when."""

    at: datetime
    firing: frozenset[AlertKey]
    resolved: frozenset[AlertKey]


class Group:
    """Alerts that are sent together."""

    def __init__(self, first_flush: datetime) -> None:
        self.alerts: dict[AlertKey, Alert] = {}
        self.due = first_flush


class Peer:
    """One of a cluster. `gossip`: what was sent and what is silenced, one value for all who hear each other.

    `blank`: it was restarted, and Prometheus has not told it of its alerts since: they are kept in memory alone.
    """

    def __init__(
        self, now: Callable[[], datetime], send: Callable[[Json], None], timing: Timing, receiver: str, *, alone: bool
    ) -> None:
        self._now, self._send, self._timing, self._receiver, self._alone = now, send, timing, receiver, alone
        self._groups: dict[AlertKey, Group] = {}
        self._began = now()
        self.gossip = Gossip()
        self.blank = False
        self._bodies: dict[AlertKey, tuple[Alert, Json]] = {}

    def hear(self, alert: Alert) -> None:
        """Prometheus tells of an alert that fires or has ended; of one that it never heard of, no end is kept."""
        key = key_of(alert.labels)
        name = tuple((name, alert.labels[name]) for name in _GROUP_BY if name in alert.labels)
        if name not in self._groups:
            if alert.ended is not None:
                return
            self._groups[name] = Group(self._now() + timedelta(seconds=self._timing.group_wait))
        if alert.ended is None or key in self._groups[name].alerts:
            self._groups[name].alerts[key] = alert

    def flush(self) -> None:
        """Send each group that is due and has news."""
        for name in list(self._groups):
            self._flush(name, self._groups[name], self._now())

    def restart(self, *, data: bool) -> None:
        """Begin anew; without its `data`, and without a peer, silences and what was sent are forgotten too."""
        self._groups.clear()
        self._began, self.blank = self._now(), True
        if not data:
            self.gossip = Gossip()

    def status(self) -> Json:
        """As `GET /api/v2/status` answers."""
        settled = self._now() - self._began >= SETTLES
        cluster = "disabled" if self._alone else "ready" if settled else "settling"
        return {"uptime": stamp(self._began), "cluster": {"status": cluster}, "config": {"original": ""}}

    def alerts(self) -> list[Json]:
        """As `GET /api/v2/alerts` answers: all that fires, also what is silenced."""
        return [self._held(alert) for alert in self.firing()]

    def loud(self) -> dict[str, bool]:
        """What fires, by its fingerprint, and whether nobody has silenced it."""
        return {self._body(alert)["fingerprint"]: not self.silenced_by(alert.labels) for alert in self.firing()}

    def firing(self) -> list[Alert]:
        """All that fires, as far as it knows."""
        return [alert for group in self._groups.values() for alert in group.alerts.values() if alert.ended is None]

    def silenced_by(self, labels: Labels) -> list[str]:
        """The ids of the silences over an alert."""
        return [each.id for each in self.gossip.silences if each.covers(labels, self._now())]

    def _held(self, alert: Alert) -> Json:
        silences = self.silenced_by(alert.labels)
        state = {"state": "suppressed" if silences else "active", "silencedBy": silences}
        more = {"inhibitedBy": [], "mutedBy": []}
        receivers, until = [{"name": self._receiver}], stamp(self._now() + timedelta(minutes=4))
        return {**self._body(alert), "endsAt": until, "receivers": receivers, "status": {**state, **more}}

    def _body(self, alert: Alert) -> Json:
        """The alert as it is posted, made once: it is asked for again and again."""
        key = key_of(alert.labels)
        kept = self._bodies.get(key)
        if kept is None or kept[0] is not alert:
            kept = self._bodies[key] = alert, _alert(alert)
        return kept[1]

    def _flush(self, name: AlertKey, group: Group, now: datetime) -> None:
        """Send what is loud where that is news; what is resolved is forgotten, whether anybody was told or not."""
        if now < group.due:
            return
        group.due = now + timedelta(seconds=self._timing.group_interval)
        loud = {key: alert for key, alert in group.alerts.items() if not self.silenced_by(alert.labels)}
        firing = frozenset(key for key, alert in loud.items() if alert.ended is None)
        told = Sent(now, firing, frozenset(loud) - firing)
        if loud and self._is_news(self.gossip.sent.get(name), told):
            self._send(payload(dict(name), list(loud.values()), self._receiver))
            self.gossip.sent[name] = told
        group.alerts = {key: alert for key, alert in group.alerts.items() if alert.ended is None}
        if not group.alerts:
            del self._groups[name]

    def _is_news(self, before: Sent | None, told: Sent) -> bool:
        if before is None:
            return bool(told.firing)
        if not told.firing <= before.firing:
            return True
        if not told.firing:
            return bool(before.firing)
        late = told.at >= before.at + timedelta(seconds=self._timing.repeat_interval)
        return not told.resolved <= before.resolved or late


class Gossip:
    """What the members of a cluster tell each other."""

    def __init__(self) -> None:
        self.sent: dict[AlertKey, Sent] = {}
        self.silences: list[Silence] = []

    def copied(self) -> Gossip:
        """The same for one who hears nothing more of the others."""
        other = Gossip()
        other.sent, other.silences = dict(self.sent), list(self.silences)
        return other

    def take(self, other: Gossip) -> None:
        """Hear all that another knows; of each group the later word counts."""
        for name, sent in other.sent.items():
            if name not in self.sent or self.sent[name].at < sent.at:
                self.sent[name] = sent
        self.silences += [each for each in other.silences if each not in self.silences]


def key_of(labels: Labels) -> AlertKey:
    """What tells one alert from another."""
    return tuple(sorted(labels.items()))


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
    return _hashed(key_of(labels))


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
