"""The hash chain: each record's hash covers its content and its predecessor's hash.

Records become lines and lines records here; `verification` checks them. The format is told in docs/journal.md, exactly
enough to check a journal without this program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from remediator.core.events import Event, Record
from remediator.journal.canonical import Line, canonical, canonical_of, plain, spelled
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
    """A line, and the canonical text of those of its fields that are JSON, by name."""

    line: Line
    spelled: dict[str, str]


def seal(event: Event, after: Head) -> Line:
    """The line of an event that follows the given place. Raises `JournalError` where it cannot be written down."""
    return _link(event, after).line


def _link(event: Event, after: Head) -> Link:
    try:
        line = _place(event, after[0] + 1, after[1])
        texts = {name: spelled(line[name]) for name in ("target", "data") if line[name] is not None}
        raw = {name: msgspec.Raw(text) for name, text in texts.items()}
        line["hash"] = hashlib.sha256(canonical_of(line | raw)).hexdigest()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise JournalError(
            f"an event of kind {event.kind} cannot be written to the journal: {error}; nothing was appended. "
            "This is a defect of whatever made the event: please report it"
        ) from error
    return Link(line, {name: text.decode() for name, text in texts.items()})


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
        head = place_of(found[-1].line)
    return found


def place_of(line: Line) -> Head:
    """Where a line stands."""
    return line["seq"], line["hash"]


def line_of(record: Record) -> Line:
    """The public form of a record. Raises `ValueError` or `TypeError` where it holds what JSON cannot say."""
    line = _place(record.event, record.seq, record.prev)
    line["hash"] = record.hash
    return line


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
        raise JournalError(
            f"record {line.get('seq')} of kind {line.get('kind')!r} cannot be read by this version: {error}. "
            "Was it written by a newer remediator? Run that version again, or check the journal with "
            "`remediator audit verify`"
        ) from error


def _place(event: Event, seq: int, prev: str) -> Line:
    """A line without its hash."""
    said = plain(event)
    data = said["data"]
    said.update(seq=seq, time=instant(event.time), kind=data.pop("kind"), prev=prev)
    return {name: said[name] for name in FIELDS if name != "hash"}
