"""Alertmanager's webhook payload, version 4, as frozen values. Pure; everything in it is hostile data.

What is wrong with the whole is `MalformedPayload`; what is wrong with one alert is one skip, and the rest goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from remediator.clients.alerts_sent import (
    BAD_JSON,
    LARGEST_ALERT,
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_LABELS,
    VERSION,
    Instant,
    SentAlert,
    SentGroup,
    whole,
)
from remediator.core.model import Value

T = TypeVar("T")

MOST_ALERTS = 50_000
"""Alerts read of one payload; those beyond are one skip."""
_MOST_COMMAS = 1_000_000
"""More of them are no alerts, but an attempt to make millions of values of a few megabytes."""
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


class MalformedPayload(Exception):
    """The body is no webhook payload that can be read; `reason` is one line that says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Alert(Value, frozen=True):
    """One alert of the snapshot. `ends_at` is `None` while it fires. What it links to is not even read.

    `fingerprint` is Alertmanager's: a hash of the labels alone. Labels with an empty value count as absent, as there.
    """

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime | None
    ends_at: datetime | None
    fingerprint: str


class Payload(Value, frozen=True):
    """A snapshot of one group. `truncated` counts alerts that Alertmanager left out; `skipped` has a reason for each
    alert that cannot be used.
    """

    version: str
    group_key: str
    receiver: str
    status: str
    truncated: int
    alerts: tuple[Alert, ...]
    skipped: tuple[str, ...]


class _Group(Value, frozen=True, rename="camel"):
    """The payload on the wire, its alerts still unread. What is not needed may be of any type."""

    version: Any = None
    group_key: Any = ""
    receiver: Any = ""
    status: Any = ""
    truncated_alerts: Any = 0
    alerts: list[msgspec.Raw] | None = None


class _Alert(Value, frozen=True, rename={"starts_at": "startsAt", "ends_at": "endsAt"}):
    """One alert on the wire; of the API v2 its `status` is an object."""

    status: Any = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] | None = None
    starts_at: Instant = None
    ends_at: Instant = None
    fingerprint: Any = ""


_group = msgspec.json.Decoder(_Group)
_alert = msgspec.json.Decoder(_Alert)


def parse(body: bytes) -> Payload:
    """The payload in a body, or `MalformedPayload`. Unknown fields are ignored and missing ones tolerated, but for
    the version, and of an alert its status and labels.
    """
    sent = whole(body)
    return _parsed(sent, sent.alerts, _taken) if sent is not None else one_by_one(body)


def counted(body: bytes) -> tuple[int, tuple[str, ...]]:
    """How many alerts of a payload can be used, and why others cannot: what `parse` would say, for less. Raises
    `MalformedPayload` as it does.
    """
    sent = whole(body)
    if sent is not None and all(_has_instants(alert) for alert in sent.alerts):
        return len(sent.alerts), ()
    payload = parse(body)
    return len(payload.alerts), payload.skipped


def one_by_one(body: bytes) -> Payload:
    """As `parse`, which takes this way where something is wrong: alert by alert, so that it is said of which."""
    group = _read_group(body)
    alerts = group.alerts or ()
    payload = _parsed(group, alerts[:MOST_ALERTS], usable)
    if (beyond := len(alerts) - MOST_ALERTS) <= 0:
        return payload
    said = f"alerts[{MOST_ALERTS}:]: {beyond} alerts beyond the first {MOST_ALERTS} of one payload"
    return replace(payload, skipped=(*payload.skipped, said))


def _parsed(group: SentGroup | _Group, sent: Iterable[T], read: Callable[[T], Alert]) -> Payload:
    alerts, skipped = [], []
    for index, each in enumerate(sent):
        try:
            alerts.append(read(each))
        except UnusableAlert as error:
            skipped.append(f"alerts[{index}]: {error}")
    return Payload(
        VERSION,
        _text(group.group_key),
        _text(group.receiver),
        _text(group.status),
        _count(group.truncated_alerts),
        tuple(alerts),
        tuple(skipped),
    )


def fingerprint(labels: dict[str, str]) -> str:
    """Alertmanager's fingerprint of a label set: 64-bit FNV-1a over sorted names and values, each ended by 0xff."""
    value = 0xCBF29CE484222325
    for name in sorted(labels, key=str.encode):
        for byte in b"%s\xff%s\xff" % (name.encode(), labels[name].encode()):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


class UnusableAlert(Exception):
    """One alert cannot be used; the message says why."""


def _read_group(body: bytes) -> _Group:
    if body.count(b",") > _MOST_COMMAS:
        raise MalformedPayload(f"more than {_MOST_COMMAS} values: this is no webhook of Alertmanager's")
    try:
        group = _group.decode(body)
    except BAD_JSON as error:
        raise MalformedPayload(_line(error)) from error
    if group.version != VERSION:
        said = f'version "{_line(group.version, 20)}"' if isinstance(group.version, str) else "no version"
        raise MalformedPayload(f'{said} is not supported: send Alertmanager\'s webhook payload of version "{VERSION}"')
    return group


def usable(raw: msgspec.Raw, status: str = "") -> Alert:
    """One alert of a payload, or, where its `status` is known, of the API v2. Raises `UnusableAlert`."""
    text = bytes(raw)
    if len(text) > LARGEST_ALERT:
        raise UnusableAlert(f"it is larger than {LARGEST_ALERT} bytes")
    try:
        wire = _alert.decode(raw)
    except BAD_JSON as error:
        raise UnusableAlert(_line(error)) from error
    status = status or wire.status
    if not isinstance(status, str) or status not in ("firing", "resolved"):
        raise UnusableAlert(f"status is {_line(status, 20)!r}, neither firing nor resolved")
    if not _is_small(text) or "" in wire.labels or "" in (wire.annotations or {}):
        _demand_bounds("labels", wire.labels)
        _demand_bounds("annotations", wire.annotations or {})
    return _taken(wire, status)


def _taken(wire: SentAlert | _Alert, status: str = "") -> Alert:
    """An alert in bounds as it counts: in UTC, without labels that are empty, and with a fingerprint."""
    labels = wire.labels
    if "" in labels.values():
        labels = {name: value for name, value in labels.items() if value}
    if not labels:
        raise UnusableAlert("it has no labels")
    try:
        starts_at, ends_at = _instant(wire.starts_at), _instant(wire.ends_at)
    except OverflowError as error:
        raise UnusableAlert(_line(error)) from error
    given = wire.fingerprint
    known = isinstance(given, str) and _FINGERPRINT.fullmatch(given) is not None
    print_ = given if known else fingerprint(labels)
    return Alert(status or wire.status, labels, wire.annotations or {}, starts_at, ends_at, print_)


def _is_small(text: bytes) -> bool:
    """Whether nothing in an alert can be out of bounds, as in nearly every one: it is shorter than one name may be."""
    return len(text) <= LONGEST_NAME and b"\0" not in text and (b"\\" not in text or b"\\u0000" not in text)


def _demand_bounds(what: str, pairs: dict[str, str]) -> None:
    """The number and lengths of pairs must be what a person or a rule may have written."""
    if len(pairs) > MOST_LABELS:
        raise UnusableAlert(f"it has {len(pairs)} {what}, more than {MOST_LABELS}")
    for name, value in pairs.items():
        if not 0 < len(name) <= LONGEST_NAME:
            raise UnusableAlert(f"the name of one of its {what} has {len(name)} characters, not 1 to {LONGEST_NAME}")
        if len(value) > LONGEST_VALUE:
            raise UnusableAlert(f"{what}: {_line(name, 50)} has {len(value)} characters, more than {LONGEST_VALUE}")
        if "\0" in name or "\0" in value:
            raise UnusableAlert(f"{what}: {_line(name, 50)} has a NUL character, which databases refuse")


def _has_instants(alert: SentAlert) -> bool:
    """Whether its instants can be said in UTC, as all can but those at the calendar's very ends."""
    starts, ends = alert.starts_at, alert.ends_at
    return (starts is None or starts.tzinfo is UTC or 1 < starts.year < 9999) and (
        ends is None or ends.tzinfo is UTC or 1 < ends.year < 9999
    )


def _instant(given: datetime | None) -> datetime | None:
    """In UTC; `None` for Go's zero time, which is how a firing alert says that it has no end."""
    instant = given.astimezone(UTC) if given is not None and given.tzinfo is not UTC else given
    return None if instant is None or instant.year == 1 else instant


def _text(value: object) -> str:
    return value[:LONGEST_VALUE] if isinstance(value, str) else ""


def _count(value: object) -> int:
    return min(value, 1 << 31) if isinstance(value, int) and value > 0 else 0


def _line(text: object, longest: int = 200) -> str:
    """Printable characters of a text, on one line."""
    return "".join(char if char.isprintable() else "?" for char in str(text)[:longest])
