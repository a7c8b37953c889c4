"""The format of a line, its hash, and what `verify` finds: on lines, before any database or file."""

from __future__ import annotations

import enum
import json
import math
import types
import typing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediator.core.events import Decision, Event, IncidentOpened, Leader, Outcome, Payload, Record
from remediator.core.model import Mode, OutcomeStatus, Target, Verdict
from remediator.journal.canonical import canonical, canonical_of, parse, plain, spelled, text_of
from remediator.journal.chain import START, Head, chained, digest, line_of, place_of, record_of, seal
from remediator.journal.verification import ends_at, verify
from remediator.ports import Broken, JournalError

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
Lines = list[dict[str, Any]]
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def journal(length: int) -> Lines:
    events = [Event(NOW, IncidentOpened(labels={"number": str(number)}), f"inc-{number}") for number in range(length)]
    return chained(events, START, after=0)


# --- canonical bytes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        # RFC 8785, section 3.2.2 and appendix B, and the corners that docs/journal.md names
        (333333333.33333329, "333333333.3333333"),
        (1e30, "1e+30"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (1e-27, "1e-27"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (-0.0, "0"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (9007199254740993, "9007199254740993"),
        (60.0, "60"),
        (True, "true"),
        (None, "null"),
        ('€$\x0f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\x7f\u2028é😀", '"\x7f\u2028é😀"'),
        ({"b": [1, {"d": 2, "c": 3}], "a": {}}, '{"a":{},"b":[1,{"c":3,"d":2}]}'),
        ({"\r": 1, "1": 2, "ö": 3, "€": 4, "": 5}, '{"":5,"\\r":1,"1":2,"ö":3,"€":4}'),
        ({"\U0001f600": 1, "\uff46": 2}, '{"\uff46":2,"\U0001f600":1}'),
    ],
)
def test_a_value_has_one_spelling(value: Any, spelling: str):
    assert canonical(value) == spelling.encode()


@unhurried
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_spelled_number_reads_back_as_the_same_double(value: float):
    assert float(canonical(value)) == value


@unhurried
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_equal_numbers_are_spelled_alike_whichever_program_wrote_them(value: float):
    """A tool that rewrites 60 as 60.0, or 0.00001 as 1e-05, does not break the chain."""
    rewritten = [json.dumps(value), canonical(value).decode(), f"{value:.17e}"]
    assert {canonical(parse(text)) for text in rewritten} == {canonical(value)}


@unhurried
@given(st.floats() | st.integers(-(2**80), 2**80), st.text())
def test_what_is_spelled_at_once_is_spelled_as_all_else(value, text):
    made = {"a": value, "b": [value, text], text: f":{value}"}
    assert canonical_of(spelled(made)) == canonical(plain(made))


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', "NaN", "[Infinity]", "-Infinity", "1e400", '"\\ud800"', "{", "", "01"],
)
def test_text_that_readers_would_take_differently_is_refused(text: str):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize("pretty", ['{ "a" : 1.0 }', '{"b":1,"a":[2]}', '"\\u0041"', "1E2"])
def test_text_in_another_spelling_is_read(pretty: str):
    assert parse(pretty) == json.loads(pretty)


# --- lines and records -----------------------------------------------------------------------------------------------


def test_a_line_has_the_public_form():
    target = Target("Deployment", "shop", "web", "u-1")
    outcome = Outcome("i-1", OutcomeStatus.APPLIED, "", "1042", 7)
    line = seal(Event(NOW, outcome, "inc-1", "undo-bad-rollout", target, Mode.ENFORCE), START)
    assert list(line) == ["seq", "time", "kind", "incident", "rule", "target", "mode", "actor", "data", "prev", "hash"]
    assert line == {
        "seq": 1,
        "time": "2026-08-01T12:00:00.000000Z",
        "kind": "outcome",
        "incident": "inc-1",
        "rule": "undo-bad-rollout",
        "target": {"kind": "Deployment", "namespace": "shop", "name": "web", "uid": "u-1"},
        "mode": "enforce",
        "actor": "controller",
        "data": {"intent": "i-1", "status": "applied", "detail": "", "resource_version": "1042", "generation": 7},
        "prev": "",
        "hash": "e852fdc7da15e9721e19fc9b7471b8e9309d99bb1912b44e42af5e6f7816d9f4",
    }


def test_time_is_utc_with_six_decimals_so_that_text_sorts_as_time_does():
    east = timezone(timedelta(hours=5, minutes=30))
    assert seal(Event(NOW.astimezone(east), Leader(1, "a")), START)["time"] == "2026-08-01T12:00:00.000000Z"


def test_a_kind_this_version_does_not_know_verifies_but_is_no_record():
    line = {**journal(1)[0], "kind": "verdict_of_2040", "data": {"by": "alice", "weight": 0.5}}
    line["hash"] = digest(line)
    assert verify([line]).records == 1
    with pytest.raises(JournalError, match=r"record 1 of kind 'verdict_of_2040' cannot be read by this version.*newer"):
        record_of(line)


def test_fields_of_a_later_version_verify_and_are_left_out_of_the_record():
    line = {**journal(1)[0], "epoch": 7}
    line["data"] = {**line["data"], "later": [1.5]}
    line["hash"] = digest(line)
    assert verify([line]).records == 1
    assert record_of(line).hash == line["hash"]
    assert line_of(record_of(line)) != line


@pytest.mark.parametrize("missing", ["seq", "time", "kind", "data", "prev", "hash"])
def test_a_line_without_a_field_is_no_record(missing: str):
    line = journal(1)[0]
    del line[missing]
    with pytest.raises(JournalError, match="cannot be read"):
        record_of(line)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-3)), timezone(timedelta(hours=5, minutes=45))])


def values(type_: Any) -> st.SearchStrategy[Any]:
    """Anything that a field of this type may hold; follows the classes, so that later ones are covered too."""
    if type_ is Any:
        return JSON
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        hints = typing.get_type_hints(type_)
        return st.builds(
            type_, **{name: st.deferred(lambda t=hints[name]: values(t)) for name in type_.__struct_fields__}
        )
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        return st.sampled_from(type_)
    if type_ is datetime:
        return st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)
    if type_ is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    if origin is tuple and arguments[-1] is not ...:
        return st.tuples(*map(values, arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is list:
        return st.lists(values(arguments[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    return {str: st.text(), int: st.integers(-(2**63), 2**63), bool: st.booleans(), type(None): st.none()}[type_]


@unhurried
@given(values(Event), st.integers(0, 2**40), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_any_record_keeps_its_hash_through_line_text_and_back(event: Event, seq: int, prev: str):
    line = seal(event, (seq, prev))
    assert verify([line], after=(seq, prev)).records == 1
    record = record_of(line)
    read = record_of(parse(text_of(line_of(record))))
    assert read.hash == record.hash == digest(line_of(read)) == digest(json.loads(json.dumps(line)))
    assert line_of(read) == line_of(record) == line
    assert read == record


def test_every_kind_of_event_is_among_those_tried():
    kinds = {type_.__struct_config__.tag for type_ in typing.get_args(Payload)}
    assert {"signal", "decision", "intent", "outcome", "rules"} <= kinds
    assert typing.get_type_hints(Event)["data"] == Payload


def test_what_json_has_no_number_for_is_written_as_prometheus_writes_it():
    seen = {"a": math.nan, "b": [math.inf, -math.inf]}
    assert plain(seen) == {"a": "NaN", "b": ["+Inf", "-Inf"]}
    verdict = Verdict("budget", "allow", inputs=seen)
    line = seal(Event(NOW, Decision("act", (verdict,), 0)), START)
    assert line["data"]["verdicts"][0]["inputs"] == {"a": "NaN", "b": ["+Inf", "-Inf"]}


@pytest.mark.parametrize(
    "event",
    [
        Event(NOW, IncidentOpened(labels={"a": "\ud800"})),
        Event(NOW, Decision("act", (), 0, evidence={"object": object()})),
        Event(NOW.replace(tzinfo=None), Leader(1, "a")),
    ],
    ids=["lone surrogate", "no JSON", "no zone"],
)
def test_an_event_that_cannot_be_written_down_is_refused_and_says_why(event: Event):
    with pytest.raises(JournalError, match=rf"event of kind {event.kind} cannot be written .*: .*nothing was appended"):
        seal(event, START)


# --- the chain -------------------------------------------------------------------------------------------------------


def resealed(line: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The line changed, with the hash that fits it: what somebody does who knows the format."""
    line = {**line, **changed}
    return {**line, "hash": digest(line)}


def change(name: str, value: Any) -> Callable[[Lines], Lines]:
    return lambda lines: [{**line, name: value} if line["seq"] == 4 else line for line in lines]


TAMPERED: dict[str, tuple[Callable[[Lines], Lines], int]] = {
    "time changed": (change("time", "2026-08-01T12:00:00.000001Z"), 4),
    "kind changed": (change("kind", "leader"), 4),
    "incident changed": (change("incident", ""), 4),
    "rule changed": (change("rule", "another"), 4),
    "target changed": (change("target", {"kind": "Node", "namespace": "", "name": "n", "uid": ""}), 4),
    "mode changed": (change("mode", "observe"), 4),
    "actor changed": (change("actor", "operator:bob"), 4),
    "data changed": (change("data", {"labels": {"number": "4"}, "annotations": {}}), 4),
    "prev changed": (change("prev", "0" * 64), 4),
    "hash changed": (change("hash", "0" * 64), 4),
    "seq changed": (change("seq", 40), 4),
    "seq no integer": (change("seq", "4"), 4),
    "seq true": (lambda lines: [{**lines[0], "seq": True}, *lines[1:]], 1),
    "hash absent": (lambda lines: [*lines[:3], {k: v for k, v in lines[3].items() if k != "hash"}, *lines[4:]], 4),
    "field added": (change("note", "harmless"), 4),
    "changed with its hash": (lambda lines: [*lines[:3], resealed(lines[3], actor="operator:bob"), *lines[4:]], 4),
    "first dropped": (lambda lines: lines[1:], 1),
    "one dropped": (lambda lines: lines[:3] + lines[4:], 4),
    "some dropped": (lambda lines: lines[:3] + lines[6:], 4),
    "dropped and renumbered": (
        lambda lines: lines[:3] + [resealed(line, seq=line["seq"] - 1) for line in lines[4:]],
        3,  # record 5, now called 4, does not follow it
    ),
    "two exchanged": (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], 4),
    "one doubled": (lambda lines: lines[:4] + lines[3:], 5),
    "moved to the end": (lambda lines: [*lines[:3], *lines[4:], lines[3]], 4),
    "inserted between": (
        lambda lines: [*lines[:3], resealed(lines[3], prev=lines[2]["hash"], actor="mallory"), *lines[3:]],
        5,
    ),
    "added with a made-up hash": (lambda lines: [*lines, {**lines[-1], "seq": 8, "hash": "f" * 64}], 8),
    "added without predecessor": (lambda lines: [*lines, resealed(lines[-1], seq=8, prev="f" * 64)], 7),
    "another journal's beginning": (lambda lines: [resealed(lines[0], prev="f" * 64), *lines[1:]], 1),
}


@pytest.mark.parametrize("tamper", TAMPERED)
def test_whatever_is_done_to_a_journal_is_found_and_its_place_named(tamper: str):
    doing, seq = TAMPERED[tamper]
    with pytest.raises(Broken) as found:
        verify(doing(journal(7)))
    assert found.value.seq == seq
    assert f"record {seq}" in str(found.value)


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_journal_that_nobody_touched_holds(length: int):
    extent = verify(journal(length))
    head = place_of(journal(length)[-1]) if length else START
    assert (extent.records, extent.head, extent.gaps, extent.unseen) == (length, head, (), ())
    ends_at(extent, head)


HEAD: Head = place_of(journal(7)[-1])


def rewritten_from(seq: int, lines: Lines) -> Lines:
    """A whole new chain from that record on: every hash fits."""
    events = [record_of(line).event for line in lines]
    events[seq - 1] = msgspec.structs.replace(events[seq - 1], actor="operator:mallory")
    return chained(events, START, after=0)


def appended(lines: Lines) -> Lines:
    return [*lines, *chained([Event(NOW, Leader(2, "mallory"))], HEAD, after=7)]


def test_a_line_added_with_its_right_hash_shows_against_the_known_head_alone():
    extent = verify(appended(journal(7)))
    with pytest.raises(Broken, match="record 8 was added after record 7") as found:
        ends_at(extent, HEAD)
    assert found.value.seq == 8


def test_lines_cut_off_at_the_end_show_against_the_known_head():
    with pytest.raises(Broken, match="record 6 is missing") as found:
        ends_at(verify(journal(5)), HEAD)
    assert found.value.seq == 6


def test_a_rewritten_chain_shows_against_the_known_head():
    with pytest.raises(Broken, match="record 7 is not the known end") as found:
        ends_at(verify(rewritten_from(3, journal(7))), HEAD)
    assert found.value.seq == 7


def test_a_journal_that_went_on_holds_its_anchors():
    lines = appended(journal(7))
    assert verify(lines, anchors={3: lines[2]["hash"], 7: HEAD[1]}).records == 8


@pytest.mark.parametrize(("anchor", "found_at"), [(2, None), (3, 3), (5, 5), (7, 7)])
def test_an_anchor_shows_that_something_up_to_it_was_rewritten(anchor: int, found_at: int | None):
    known = {anchor: journal(7)[anchor - 1]["hash"]}
    forged = rewritten_from(3, journal(7))
    if found_at is None:
        assert verify(forged, anchors=known).records == 7
        return
    with pytest.raises(Broken, match=f"record {found_at} is not the one of the anchor") as found:
        verify(forged, anchors=known)
    assert found.value.seq == found_at


def test_an_anchor_behind_the_end_shows_that_the_end_is_missing():
    with pytest.raises(Broken, match="record 6 is missing: an anchor names record 7") as found:
        verify(journal(5), anchors=dict([HEAD]))
    assert found.value.seq == 6


# --- filtered exports ------------------------------------------------------------------------------------------------


def test_a_filtered_export_holds_line_by_line_and_its_gaps_are_told():
    lines = journal(9)
    kept = [lines[index] for index in (1, 2, 5, 8)]
    extent = verify(kept, anchors={3: lines[2]["hash"], 5: "unknown"}, filtered=True)
    assert extent.records == 4
    assert extent.head == place_of(lines[8])
    assert extent.gaps == ((1, 1), (4, 5), (7, 8))
    assert extent.unseen == (5,)


def test_a_filtered_export_without_gaps_is_a_whole_one():
    assert verify(journal(4), filtered=True) == verify(journal(4))


@pytest.mark.parametrize(
    ("tamper", "seq"),
    [
        ("data changed", 4),
        ("hash changed", 4),
        ("field added", 4),
        ("changed with its hash", 4),
        ("two exchanged", 4),
        ("one doubled", 4),
        ("moved to the end", 4),
    ],
)
def test_what_was_done_to_the_lines_of_a_filtered_export_is_found(tamper: str, seq: int):
    with pytest.raises(Broken) as found:
        verify(TAMPERED[tamper][0](journal(7)), filtered=True)
    assert found.value.seq == seq


def test_neighbours_in_a_filtered_export_must_follow_each_other():
    lines = journal(7)
    with pytest.raises(Broken, match="record 5 is not the one that record 6 was written after"):
        verify([lines[2], resealed(lines[4], actor="mallory"), lines[5]], filtered=True)


def test_a_record_is_immutable_evidence():
    record = record_of(journal(1)[0])
    with pytest.raises(AttributeError):
        record.seq = 2  # type: ignore[misc]
    assert isinstance(record, Record)
