"""Payloads as Alertmanager sends them, damaged in one to four ways; the same seed makes the same ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

ALERT = {
    "status": "firing",
    "labels": {"alertname": "Stuck", "namespace": "shop", "deployment": "web", "Überschrift": "ø🙂"},
    "annotations": {"summary": "it is stuck", "description": "x" * 200},
    "startsAt": "2026-01-01T00:00:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph?g0.expr=up",
    "fingerprint": "0123456789abcdef",
}
WHOLE = {
    "version": "4",
    "groupKey": '{}:{alertname="Stuck"}',
    "truncatedAlerts": 3,
    "status": "firing",
    "receiver": r"web\.hook",
    "groupLabels": {"alertname": "Stuck"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "notification_reason": "repeat",
    "alerts": [ALERT, ALERT | {"status": "resolved", "endsAt": "2026-01-01T01:00:00Z"}],
}
HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    10**400,
    1e308,
    "",
    "\0",
    "\ud800",
    "4\n4",
    "x" * 70_000,
    [],
    {},
    [[]] * 50,
    {"": ""},
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:60Z",
    "NaN",
    "{{ .Labels }}",
    "../../etc/passwd",
)
BYTES = (b"\xff", b"\x00", b"\xed\xa0\x80", b"\\ud800", b"[" * 2000, b'{"a":' * 500, b"1e999", b"NaN", b'"', b"}", b",")


def payloads(seed: int, count: int) -> Iterator[bytes]:
    """So many damaged payloads."""
    dice = random.Random(seed)
    for _ in range(count):
        body = _text(_changed(dice) if dice.random() < 0.6 else WHOLE)
        for _ in range(dice.randint(0, 3) if dice.random() < 0.7 else 0):
            body = dice.choice(_WAYS)(dice, body)
        yield body


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _changed(dice: random.Random) -> Any:
    """The payload with some of its values replaced, doubled or gone, and its JSON still whole."""
    whole = json.loads(_text(WHOLE))
    for _ in range(dice.randint(1, 3)):
        where = dice.choice((whole, *(each for each in whole.get("alerts") or () if isinstance(each, dict))))
        key = dice.choice((*where, "unknown")) if where else "unknown"
        inner = where.get(key)
        if isinstance(inner, dict) and dice.random() < 0.5:
            inner[dice.choice((*inner, "", "n" * 1100, "\ud800"))] = deepcopy(dice.choice(HOSTILE))
        elif dice.random() < 0.2:
            where.pop(key, None)
        else:
            where[key] = deepcopy(dice.choice(HOSTILE))
        if not isinstance(whole.get("alerts"), list):
            break
    return whole


def _flipped(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body) or 1)
    return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]


def _cut(dice: random.Random, body: bytes) -> bytes:
    return body[: dice.randrange(len(body) or 1)]


def _without(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body) or 1)
    return body[:at] + body[at + dice.randint(1, 40) :]


def _doubled(dice: random.Random, body: bytes) -> bytes:
    at, size = dice.randrange(len(body) or 1), dice.randint(1, 400)
    return body[: at + size] + body[at : at + size] * dice.randint(1, 5) + body[at + size :]


def _inserted(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body) or 1)
    return body[:at] + dice.choice(BYTES) + body[at:]


_WAYS: tuple[Callable[[random.Random, bytes], bytes], ...] = (_flipped, _cut, _without, _doubled, _inserted)
