"""Exports: every record survives the way out and back, and whatever is done to the text in between is found."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remediator.journal import reading
from remediator.journal.canonical import parse, text_of
from remediator.journal.chain import digest
from remediator.journal.export import WRITERS, read
from remediator.journal.statements import Selection
from remediator.journal.verification import ends_at, verify
from remediator.ports import Broken

from .conftest import LENGTH, NOW

FORMATS = sorted(WRITERS)


def export(path: Path, form: str, selection: Selection | None = None) -> str:
    out = io.StringIO(newline="")
    with reading(f"sqlite:///{path}") as journal:
        WRITERS[form](journal.lines(selection or Selection()), out)
    return out.getvalue()


def lines_in(text: str) -> list[dict[str, Any]]:
    return list(read(io.StringIO(text, newline="")))


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_read_back_as_the_lines_it_was_made_of(path: Path, form: str):
    with reading(f"sqlite:///{path}") as journal:
        assert lines_in(export(path, form)) == list(journal.lines())


@pytest.mark.parametrize("form", FORMATS)
def test_a_whole_export_verifies(path: Path, form: str):
    with reading(f"sqlite:///{path}") as journal:
        extent = verify(lines_in(export(path, form)))
        ends_at(extent, journal.head())
    assert extent.records == LENGTH


def test_one_record_is_one_line_whatever_its_text_holds(path: Path):
    assert [json.loads(text)["seq"] for text in export(path, "jsonl").splitlines()] == [1, 2, 3, 4, 5, 6, 7]


def test_text_that_steers_a_terminal_is_escaped_and_reads_back_as_it_was():
    hostile = "bell\x07 escape\x1b[31m csi\x9b31m delete\x7f reversed\u202e paragraph\u2029"
    text = text_of({"summary": hostile})
    assert text.isprintable()
    assert json.loads(text) == parse(text) == {"summary": hostile}


def test_the_csv_has_the_fields_of_a_line_as_its_header(path: Path):
    header, leader, *_ = export(path, "csv").split("\n")
    assert header == "seq,time,kind,incident,rule,target,mode,actor,data,prev,hash"
    assert leader.startswith('1,2026-08-01T12:00:00.000000Z,leader,,,,,controller,"{""epoch"":1,')


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_line_ends_and_a_byte_order_mark_of_another_system_do_no_harm(path: Path, form: str, ends: str):
    text = "\ufeff" * (form == "csv") + export(path, form).replace("\n", ends)
    assert verify(lines_in(text)).records == LENGTH


def test_an_export_that_a_json_tool_wrote_anew_still_verifies(path: Path):
    rewritten = [json.dumps(json.loads(text)) for text in export(path, "jsonl").split("\n") if text]
    assert rewritten != export(path, "jsonl").split("\n")[:-1]
    assert verify(lines_in("\n".join(rewritten))).records == LENGTH


@pytest.mark.parametrize(
    ("selection", "seqs"),
    [
        (Selection(), [1, 2, 3, 4, 5, 6, 7]),
        (Selection(incident="inc-1"), [2, 3, 5]),
        (Selection(incident="no such"), []),
        (Selection(since=NOW + timedelta(minutes=2)), [3, 4, 5, 6, 7]),
        (Selection(since=NOW + timedelta(minutes=2, microseconds=1)), [4, 5, 6, 7]),
        (Selection(until=NOW + timedelta(minutes=2)), [1, 2]),
        (Selection(until=NOW + timedelta(minutes=2, microseconds=1)), [1, 2, 3]),
        (Selection(NOW + timedelta(minutes=1), NOW + timedelta(minutes=5), "inc-2"), [4]),
    ],
    ids=str,
)
def test_since_is_inclusive_until_is_exclusive(path: Path, selection: Selection, seqs: list[int]):
    for form in FORMATS:
        assert [line["seq"] for line in lines_in(export(path, form, selection))] == seqs


# --- tampering -------------------------------------------------------------------------------------------------------

Tamper = Callable[[list[str]], list[str]]


def edited(old: str, new: str) -> Tamper:
    def edit(lines: list[str]) -> list[str]:
        assert any(old in line for line in lines)
        return [line.replace(old, new) for line in lines]

    return edit


def added_with_its_right_hash(lines: list[str]) -> list[str]:
    last = json.loads(lines[-1])
    forged = {**last, "seq": 8, "prev": last["hash"], "actor": "operator:mallory"}
    return [*lines, text_of({**forged, "hash": digest(forged)})]


# What is done to the lines of a jsonl export, and the sequence number that must be named.
JSONL: dict[str, tuple[Tamper, int]] = {
    "a word": (edited('"result":"hold"', '"result":"act"'), 5),
    "a number": (edited('"value":0.25', '"value":0.26'), 3),
    "a number's last digit": (edited("9223372036854775808", "9223372036854775809"), 3),
    "null to a number out of range": (edited('"mode":null', '"mode":1e400'), 1),
    "null to NaN": (edited('"mode":null', '"mode":NaN'), 1),
    "true to one": (edited('"seq":4', '"seq":4.0000000001'), 4),
    "a key said twice": (edited('"result":"hold"', '"result":"act","result":"hold"'), 5),
    "a lone surrogate": (edited('"pod-1"', '"\\ud800"'), 7),
    "a byte that is no UTF-8": (edited("operator:alice", "operator:\udcff"), 5),
    "a dropped line": (lambda lines: [*lines[:2], *lines[3:]], 3),
    "the first line dropped": (lambda lines: lines[1:], 1),
    "two lines exchanged": (lambda lines: [*lines[:4], lines[5], lines[4], lines[6]], 5),
    "a doubled line": (lambda lines: [*lines[:4], *lines[3:]], 5),
    "a line cut short": (lambda lines: [*lines[:5], lines[5][:40]], 6),
    "a foreign line": (lambda lines: [*lines[:5], "hello", *lines[5:]], 6),
    "a line that is no object": (lambda lines: [*lines[:5], "[]", *lines[5:]], 6),
    "nested without end": (lambda lines: [*lines[:5], "[" * 100_000, *lines[5:]], 6),
    "a line added": (lambda lines: [*lines, lines[-1].replace('"seq":7', '"seq":8')], 8),
}


@pytest.mark.parametrize("tamper", JSONL)
def test_whatever_is_done_to_a_jsonl_export_is_found_and_its_place_named(path: Path, tamper: str):
    doing, seq = JSONL[tamper]
    text = "\n".join(doing(export(path, "jsonl").split("\n")[:-1]))
    with pytest.raises(Broken) as found:
        verify(lines_in(text))
    assert found.value.seq == seq
    assert f"record {seq}" in str(found.value)


CSV: dict[str, tuple[Tamper, int]] = {
    "a cell": (edited(",enforce,operator:alice", ",off,operator:alice"), 5),
    "a null filled": (edited("leader,,,,,", "leader,,,,off,"), 1),
    "data that is no JSON": (edited('""result"":""hold""', '""result"":'), 5),
    "a dropped row": (lambda rows: [row for row in rows if not row.startswith("3,")], 3),
    "two rows exchanged": (lambda rows: [*rows[:-2], rows[-1], rows[-2]], 6),
    "a cell too many": (lambda rows: [*rows[:-1], rows[-1] + ",more"], 7),
    "a sequence number in words": (lambda rows: [*rows[:-1], rows[-1].replace("7,", "seven,", 1)], 7),
    "a quote left open": (lambda rows: [*rows[:-1], rows[-1] + ',"'], 7),
    "a column renamed": (edited("actor,data", "author,data"), 1),
    "a column said twice": (lambda rows: [f"{row},{row.partition(',')[0]}" for row in rows], 1),
}


@pytest.mark.parametrize("tamper", CSV)
def test_whatever_is_done_to_a_csv_export_is_found_and_its_place_named(path: Path, tamper: str):
    doing, seq = CSV[tamper]
    text = "\n".join(doing(export(path, "csv").removesuffix("\n").split("\n")))
    with pytest.raises(Broken) as found:
        verify(lines_in(text))
    assert found.value.seq == seq


def test_a_line_added_with_its_right_hash_is_found_by_the_known_head(path: Path):
    text = "\n".join(added_with_its_right_hash(export(path, "jsonl").split("\n")[:-1]))
    with reading(f"sqlite:///{path}") as journal, pytest.raises(Broken) as found:
        ends_at(verify(lines_in(text)), journal.head())
    assert found.value.seq == 8


def test_a_column_of_a_later_version_is_hashed_with_the_rest():
    line = {"seq": 1, "time": "t", "kind": "k", "epoch": {"term": 1.5}, "prev": ""}
    text = f'seq,time,kind,epoch,prev,hash\n1,t,k,"{{""term"":1.5}}",,{digest(line)}\n'
    assert verify(lines_in(text)).records == 1
