"""Alertmanager's payload: what is taken, what is one skip, what is malformed; and that nothing else ever happens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediator.clients.alertmanager import (
    LARGEST_ALERT,
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_ALERTS,
    MOST_LABELS,
    Alert,
    MalformedPayload,
    Payload,
    counted,
    fingerprint,
    one_by_one,
    parse,
)
from remediator.clients.alerts_sent import whole

T = TypeVar("T")
LABELS = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "web-1"}


def alert(**change: Any) -> dict[str, Any]:
    """An alert as Alertmanager 0.34 sends it; `...` takes a field away."""
    whole = {
        "status": "firing",
        "labels": LABELS,
        "annotations": {"summary": "it crashes"},
        "startsAt": "2026-11-23T10:00:00.123456789+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "00000000deadbeef",
    }
    return {name: value for name, value in (whole | change).items() if value is not ...}


def payload(*alerts: Any, **change: Any) -> bytes:
    whole = {
        "version": "4",
        "groupKey": '{}:{alertname="KubePodCrashLooping"}',
        "truncatedAlerts": 3,
        "status": "firing",
        "receiver": r"web\.hook",
        "groupLabels": {"alertname": "KubePodCrashLooping"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "notification_reason": "repeat",
        "routeLabels": {},
        "alerts": list(alerts),
    }
    return json.dumps({name: value for name, value in (whole | change).items() if value is not ...}).encode()


def test_a_payload_of_alertmanager_is_read() -> None:
    starts_at = datetime(2026, 11, 23, 9, 0, 0, 123457, tzinfo=UTC)
    assert parse(payload(alert())) == Payload(
        version="4",
        group_key='{}:{alertname="KubePodCrashLooping"}',
        receiver=r"web\.hook",
        status="firing",
        truncated=3,
        alerts=(
            Alert(
                "firing",
                LABELS,
                {"summary": "it crashes"},
                starts_at,
                None,
                "00000000deadbeef",
            ),
        ),
        skipped=(),
    )


def test_a_resolved_alert_has_an_end() -> None:
    found = parse(payload(alert(status="resolved", endsAt="2026-11-23T10:00:00Z"))).alerts[0]
    assert (found.status, found.ends_at) == ("resolved", datetime(2026, 11, 23, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "fields", ["groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "externalURL", "alerts"]
)
def test_a_payload_may_lack(fields: str) -> None:
    assert parse(payload(alert(), **{fields: ...})).skipped == ()


@pytest.mark.parametrize("alerts", [None, []])
def test_no_alerts_is_a_payload(alerts: Any) -> None:
    assert parse(payload(alerts=alerts)).alerts == ()


@pytest.mark.parametrize("field", ["annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"])
def test_an_alert_may_lack(field: str) -> None:
    read = parse(payload(alert(**{field: ...})))
    assert (len(read.alerts), read.skipped) == (1, ())


@pytest.mark.parametrize("field", ["groupKey", "receiver", "status", "truncatedAlerts", "externalURL", "groupLabels"])
def test_a_field_that_is_not_needed_may_be_anything(field: str) -> None:
    assert len(parse(payload(alert(), **{field: [{"x": 1}]})).alerts) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"alerts=1", "malformed"),
        (b"[]", "Expected `object`, got `array`"),
        (b'"4"', "Expected `object`"),
        (b"\xff\xfe", "malformed"),
        (b'{"version": "\xff"}', "utf-8"),
        (payload() + b"{}", "malformed"),
        (b'{"version":"4","alerts":' + b"[" * 100_000, "recursion"),
        (payload(alerts={}), "Expected `array | null`, got `object`"),
        (payload(version="5"), 'version "5" is not supported: .*"4"'),
        (payload(version=4), "no version is not supported"),
        (payload(version=...), "no version is not supported"),
        (payload(version="4\n" + "x" * 1000), r'version "4\?x{18}" is not'),
        (b'{"version":"4","alerts":[' + b"1," * 1_000_001 + b"1]}", "more than 1000000 values"),
    ],
)
def test_malformed(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPayload, match=reason) as got:
        parse(body)
    assert got.value.reason.isprintable()
    assert len(got.value.reason) < 300


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (5, "Expected `object`, got `int`"),
        (None, "Expected `object`, got `null`"),
        (alert(status=...), "status is '', neither firing nor resolved"),
        (alert(status="Firing"), "status is 'Firing'"),
        (alert(status=1), "status is '1'"),
        (alert(labels=...), "it has no labels"),
        (alert(labels={}), "it has no labels"),
        (alert(labels={"alertname": ""}), "it has no labels"),
        (alert(labels=[]), r"at `\$.labels`"),
        (alert(labels={"a": 1}), r"`str`, got `int` - at `\$.labels\[...\]`"),
        (alert(labels={"a": None}), r"at `\$.labels\[...\]`"),
        (alert(labels={"": "x"}), "name of one of its labels has 0 characters"),
        (alert(annotations={"a": {}}), r"at `\$.annotations\[...\]`"),
        (alert(startsAt="yesterday"), r"RFC3339.* at `\$.startsAt`"),
        (alert(startsAt="2026-11-23T10:00:00"), "timezone"),
        (alert(startsAt="0001-01-01T00:00:00+10:00"), "out of range"),
        (alert(endsAt=5), r"at `\$.endsAt`"),
        (alert(labels={f"l{n}": "v" for n in range(MOST_LABELS + 1)}), f"257 labels, more than {MOST_LABELS}"),
        (alert(annotations={f"l{n}": "v" for n in range(MOST_LABELS + 1)}), "257 annotations"),
        (alert(labels={"n" * (LONGEST_NAME + 1): "v"}), f"has {LONGEST_NAME + 1} characters"),
        (alert(labels={"a": "v" * (LONGEST_VALUE + 1)}), f"labels: a has {LONGEST_VALUE + 1} characters"),
        (alert(annotations={"a\n": "\0"}), r"annotations: a\? has a NUL"),
        (alert(x="y" * LARGEST_ALERT), f"larger than {LARGEST_ALERT} bytes"),
    ],
)
def test_one_bad_alert_is_one_skip_and_the_rest_goes_on(bad: Any, reason: str) -> None:
    read = parse(payload(alert(), bad, alert(status="resolved")))
    assert [found.status for found in read.alerts] == ["firing", "resolved"]
    assert len(read.skipped) == 1
    assert read.skipped[0].startswith("alerts[1]: ")
    assert read.skipped[0].isprintable()
    assert re.search(reason, read.skipped[0])


def test_at_its_bounds_an_alert_is_taken() -> None:
    labels = {f"l{n}": "v" for n in range(MOST_LABELS)}
    whole = alert(labels=labels, annotations={"n" * LONGEST_NAME: "v" * LONGEST_VALUE})
    assert parse(payload(whole)).skipped == ()


def test_alerts_beyond_the_most_are_one_skip() -> None:
    read = parse(payload(*[5] * (MOST_ALERTS + 7)))
    assert read.skipped[-1].startswith(f"alerts[{MOST_ALERTS}:]: 7 alerts beyond")


def test_five_thousand_alerts_are_all_taken() -> None:
    read = parse(payload(*[alert(labels={"alertname": "a", "pod": str(n)}, fingerprint=...) for n in range(5000)]))
    assert len({found.fingerprint for found in read.alerts}) == 5000


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"name": "garland, briggs", "fear": "love is not enough"}, 5799056148416392346),
        ({}, 14695981039346656037),
    ],
)
def test_the_fingerprint_is_alertmanagers(labels: dict[str, str], expected: int) -> None:
    """The vectors of prometheus/common, model/signature_test.go."""
    assert fingerprint(labels) == f"{expected:016x}"


@pytest.mark.parametrize("given_", [..., "", 5, "DEADBEEF00000000", "../../x", "0" * 17])
def test_a_missing_or_odd_fingerprint_is_computed_from_the_labels(given_: Any) -> None:
    assert parse(payload(alert(fingerprint=given_))).alerts[0].fingerprint == fingerprint(LABELS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
near_alerts = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved", "x"]) | json_values,
        "labels": st.dictionaries(st.text(max_size=5), st.text(max_size=5) | json_values, max_size=5) | json_values,
        "annotations": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5) | json_values,
        "startsAt": st.datetimes().map(lambda at: at.isoformat() + "Z") | json_values,
        "endsAt": st.datetimes().map(lambda at: at.isoformat() + "-23:59") | json_values,
        "fingerprint": json_values,
        "generatorURL": json_values,
    },
)
near_payloads = st.fixed_dictionaries(
    {"version": st.just("4")},
    optional={
        "alerts": st.lists(near_alerts | json_values, max_size=4) | json_values,
        "status": json_values,
        "receiver": json_values,
        "groupKey": json_values,
        "truncatedAlerts": json_values,
    },
)


def attempt(read: Callable[[bytes], T], body: bytes) -> T | str:
    """What is read of a body, or why that cannot be."""
    try:
        return read(body)
    except MalformedPayload as malformed:
        return malformed.reason


def check(body: bytes) -> None:
    """Malformed, with one printable line, or every alert is usable text or one skip; whichever way it is read."""
    found = attempt(parse, body)
    assert attempt(one_by_one, body) == found
    assert attempt(counted, body) == (found if isinstance(found, str) else (len(found.alerts), found.skipped))
    read = Payload("4", "", "", "", 0, (), (found,)) if isinstance(found, str) else found
    assert all(reason.isprintable() for reason in read.skipped)
    for found in read.alerts:
        assert found.labels
        assert found.status in ("firing", "resolved")
        assert len(found.fingerprint) == 16
        json.dumps([found.labels, found.annotations], ensure_ascii=False).encode()
        assert all(at is None or at.tzinfo is UTC for at in (found.starts_at, found.ends_at))


@given(st.binary())
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    check(body)


@given(near_payloads, st.sampled_from([True, False]))
@settings(max_examples=400)
def test_anything_shaped_like_a_payload_is_read_or_malformed(content: Any, ascii_only: bool) -> None:
    text = json.dumps(content, ensure_ascii=ascii_only)
    check(text.encode("utf-8", "surrogatepass"))


texts = st.text(max_size=5) | st.sampled_from(["", "\0", "x" * (LONGEST_NAME + 1)])
instants = st.builds(
    lambda at, zone: at.isoformat() + zone,
    st.datetimes() | st.sampled_from([datetime.min, datetime.max]),
    st.sampled_from(["Z", "+00:00", "+14:00", "-23:59"]),
)
right_alerts = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved"]), "labels": st.dictionaries(texts, texts, max_size=3)},
    optional={
        "annotations": st.none() | st.dictionaries(texts, texts, max_size=3),
        "startsAt": st.none() | instants,
        "endsAt": st.none() | instants,
        "fingerprint": st.just("00000000deadbeef") | st.none(),
    },
)


@given(st.lists(right_alerts, max_size=3))
@settings(max_examples=400)
def test_a_payload_without_a_slip_is_read_at_once_as_it_would_be_alert_by_alert(alerts: list[Any]) -> None:
    check(payload(*alerts))


@pytest.mark.parametrize("field", ["startsAt", "endsAt"])
@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59"])
def test_an_instant_beyond_the_calendar_is_a_skip_however_it_is_read(field: str, instant: str) -> None:
    body = payload(alert(), alert(**{field: instant}))
    check(body)
    assert counted(body)[0] == 1


def test_most_payloads_are_read_at_once() -> None:
    assert whole(payload(alert(), alert(status="resolved"), alert(annotations=None))) is not None


@given(st.data())
@settings(max_examples=400)
def test_a_payload_damaged_anywhere_is_read_or_malformed(data: st.DataObject) -> None:
    body = bytearray(payload(alert(), alert(status="resolved")))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    check(bytes(body))


@given(st.lists(near_alerts | json_values, max_size=6))
def test_every_alert_is_either_taken_or_skipped(alerts: list[Any]) -> None:
    try:
        read = parse(json.dumps({"version": "4", "alerts": alerts}).encode())
    except MalformedPayload:
        return
    assert len(read.alerts) + len(read.skipped) == len(alerts)
