"""The hash chain: each record's hash covers its content and its predecessor's hash.

Records become lines and lines records here; `verification` checks them. The format is told in docs/journal.md, exactly
enough to check a journal without this program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import msgspec

from remediator.core.events import Event, Record
from remediator.journal.canonical import Line, canonical, canonical_of, parse, plain, spelled
from remediator.ports import Fenced, JournalError

Head: TypeAlias = tuple[int, str]
"""A place in the chain: a sequence number and the hash of the record that has it."""

START: Head = (0, "")
"""The place before the first record."""

FIELDS = ("seq", "time", "kind", "incident", "rule", "target", "mode", "actor", "data", "prev", "hash")
"""The fields of a line, in the order in which lines are shown."""


def instant(time: datetime) -> str:
    """An instant as lines and tables write it: UTC, always six decimals, so that text sorts as time does.

    Raises `ValueError` where it has no time zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"the instant {time.isoformat()} has no time zone")
    return time.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def digest(line: Mapping[str, Any]) -> str:
    """The hash of a line: SHA-256 in hexadecimal over the canonical bytes of all its fields but `hash`."""
    covered = {name: value for name, value in line.items() if name != "hash"}
    return hashlib.sha256(canonical(covered)).hexdigest()


class Link(NamedTuple):
    """A line as tables hold it: `target` and `data` are canonical texts."""

    row: Line

    @property
    def line(self) -> Line:
        """The line as plain JSON."""
        return self.row | {name: parse(self.row[name]) for name in ("target", "data") if self.row[name] is not None}

    @property
    def record(self) -> Record:
        """The record as it will be read: of equal value, whatever made the event. Raises `JournalError`."""
        event = {name: self.row[name] for name in ("time", "incident", "rule", "mode", "actor")}
        event["target"] = _raw(self.row["target"])
        event["data"] = _raw(_with_kind(self.row["kind"], self.row["data"]))
        placed = {"seq": self.row["seq"], "event": event, "prev": self.row["prev"], "hash": self.row["hash"]}
        try:
            return _records().decode(canonical_of(placed))
        except msgspec.ValidationError as error:
            raise _unreadable(self.row, error) from error


def seal(event: Event, after: Head) -> Line:
    """The line of an event that follows the given place. Raises `JournalError` where it cannot be written down."""
    return _link(event, after).line


def _link(event: Event, after: Head) -> Link:
    try:
        data = spelled(event.data)
        row = _fields(event, after[0] + 1, after[1], data.pop("kind"))
        row["target"] = canonical_of(spelled(event.target)).decode() if event.target else None
        row["data"] = canonical_of(data).decode()
        covered = row | {name: _raw(row[name]) for name in ("target", "data")}
        row["hash"] = hashlib.sha256(canonical_of(covered)).hexdigest()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise JournalError(
            f"an event of kind {event.kind} cannot be written to the journal: {error}; nothing was appended. "
            "This is a defect of whatever made the event: please report it"
        ) from error
    return Link(row)


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _with_kind(kind: str, data: str) -> str:
    """The text of an event's data with its kind, by which it is known what it is."""
    return f'{{"kind":"{kind}"{"," if data != "{}" else ""}{data[1:]}'


@cache
def _records() -> msgspec.json.Decoder[Record]:
    return msgspec.json.Decoder(Record)


def chained(events: Sequence[Event], head: Head, *, after: int) -> list[Line]:
    """The lines of `links`."""
    return [link.line for link in links(events, head, after=after)]


def links(events: Sequence[Event], head: Head, *, after: int) -> list[Link]:
    """The lines that events become behind a head; `Fenced` where that head is not the one they were decided on."""
    if head[0] != after:
        raise Fenced(
            f"the journal ends at record {head[0]}, this append was decided on record {after}: another writer is in "
            "charge, or this one missed records; it must stop acting and read the journal again"
        )
    found: list[Link] = []
    for event in events:
        found.append(_link(event, head))
        head = place_of(found[-1].row)
    return found


def place_of(line: Line) -> Head:
    """Where a line stands."""
    return line["seq"], line["hash"]


def line_of(record: Record) -> Line:
    """The public form of a record. Raises `ValueError` or `TypeError` where it holds what JSON cannot say."""
    data = plain(record.event.data)
    line = _fields(record.event, record.seq, record.prev, data.pop("kind"))
    return line | {"target": plain(record.event.target), "data": data, "hash": record.hash}


def record_of(line: Line) -> Record:
    """The record of a line. Fields this version does not know are left out, the hash stays that of the line.

    Raises `JournalError` where the line is none or is of a kind that this version does not know.
    """
    try:
        event = {name: line[name] for name in ("time", "incident", "rule", "target", "mode", "actor")}
        event["data"] = {**line["data"], "kind": line["kind"]}
        placed = {"seq": line["seq"], "event": event, "prev": line["prev"], "hash": line["hash"]}
        return msgspec.convert(placed, Record)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise _unreadable(line, error) from error


def _unreadable(line: Line, error: Exception) -> JournalError:
    return JournalError(
        f"record {line.get('seq')} of kind {line.get('kind')!r} cannot be read by this version: {error}. "
        "Was it written by a newer remediator? Run that version again, or check the journal with "
        "`remediator audit verify`"
    )


def _fields(event: Event, seq: int, prev: str, kind: str) -> Line:
    """A line in its order without its hash; `target` and `data` are still to be filled in."""
    return {
        "seq": seq,
        "time": instant(event.time),
        "kind": kind,
        "incident": event.incident,
        "rule": event.rule,
        "target": None,
        "mode": event.mode.value if event.mode else None,
        "actor": event.actor,
        "data": None,
        "prev": prev,
    }
