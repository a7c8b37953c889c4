"""The hash chain: each record's hash covers its content and its predecessor's hash.

Records become lines and lines records here; `verify` walks lines of any origin. The format is told in
docs/journal.md, exactly enough to check a journal without this program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

from remediator.core.events import Event, Record
from remediator.core.model import Value
from remediator.journal.canonical import Line, canonical, plain
from remediator.ports import Broken, Fenced, JournalError

Head: TypeAlias = tuple[int, str]
"""A place in the chain: a sequence number and the hash of the record that has it."""

START: Head = (0, "")
"""The place before the first record."""

FIELDS = ("seq", "time", "kind", "incident", "rule", "target", "mode", "actor", "data", "prev", "hash")
"""The fields of a line, in the order in which lines are shown."""


class Extent(Value, frozen=True):
    """What a verification saw: how many records, the last one, and what was not there to be seen.

    `gaps` are ranges of sequence numbers, both ends included; `unseen` the anchors that fall into them. Both are
    empty unless the lines were declared to be filtered.
    """

    records: int
    head: Head
    gaps: tuple[tuple[int, int], ...] = ()
    unseen: tuple[int, ...] = ()


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


def seal(event: Event, after: Head) -> Line:
    """The line of an event that follows the given place. Raises `JournalError` where it cannot be written down."""
    try:
        line = _place(event, after[0] + 1, after[1])
        line["hash"] = digest(line)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise JournalError(
            f"an event of kind {event.kind} cannot be written to the journal: {error}; nothing was appended. "
            "This is a defect of whatever made the event: please report it"
        ) from error
    return line


def chained(events: Sequence[Event], head: Head, *, after: int) -> list[Line]:
    """The lines that events become behind a head; `Fenced` where that head is not the one they were decided on."""
    if head[0] != after:
        raise Fenced(
            f"the journal ends at record {head[0]}, this append was decided on record {after}: another writer is in "
            "charge, or this one missed records; it must stop acting and read the journal again"
        )
    lines: list[Line] = []
    for event in events:
        lines.append(seal(event, head))
        head = place_of(lines[-1])
    return lines


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


def verify(
    lines: Iterable[Line],
    *,
    after: Head = START,
    anchors: Mapping[int, str] | None = None,
    filtered: bool = False,
) -> Extent:
    """Check that the lines are a journal from the record behind `after` on, unchanged, complete and in order.

    `anchors` are records known from elsewhere (sequence number and hash) that must be among them. With `filtered`
    lines may be absent: every line's own hash, the order, and the link between neighbours are checked, and the
    gaps are given back. Raises `Broken` with the first record that is changed, missing or out of place.

    A chain cannot show by itself that its end was cut off or written on: see `ends_at`.
    """
    wanted = dict(anchors or {})
    gaps: list[tuple[int, int]] = []
    records, last = 0, after
    for line in lines:
        place = _own(line, last, filtered=filtered)
        if place[0] > last[0] + 1:
            gaps.append((last[0] + 1, place[0] - 1))
        else:
            _joined(line, last)
        _anchored(place, wanted.pop(place[0], None))
        records, last = records + 1, place
    _all_seen(wanted, last, filtered=filtered)
    return Extent(records, last, tuple(gaps), tuple(sorted(wanted)))


def ends_at(extent: Extent, head: Head) -> None:
    """Check that verified lines end exactly at a head known from elsewhere; `Broken` names the first misfit."""
    seq, known = extent.head
    if seq > head[0]:
        raise Broken(f"record {head[0] + 1} was added after record {head[0]}, the known end", seq=head[0] + 1)
    if seq < head[0]:
        raise Broken(f"record {seq + 1} is missing: the known end is record {head[0]}", seq=seq + 1)
    if known != head[1]:
        raise Broken(f"record {seq} is not the known end: it, or one before it, was rewritten", seq=seq)


def _place(event: Event, seq: int, prev: str) -> Line:
    """A line without its hash."""
    said = plain(event)
    data = said["data"]
    said.update(seq=seq, time=instant(event.time), kind=data.pop("kind"), prev=prev)
    return {name: said[name] for name in FIELDS if name != "hash"}


def _own(line: Line, last: Head, *, filtered: bool) -> Head:
    """The line's place, where its hash is that of its content and its number may follow the last one."""
    expected, seq = last[0] + 1, line.get("seq")
    named = seq if filtered and type(seq) is int else expected
    if type(seq) is not int or not _holds(line):
        raise Broken(f"record {named} is changed: its hash is not that of its content", seq=named)
    if seq <= last[0] or (seq != expected and not filtered):
        raise Broken(
            f"record {named} is missing or out of place: record {last[0]} is followed by record {seq}", seq=named
        )
    return seq, str(line["hash"])


def _holds(line: Line) -> bool:
    try:
        return bool(line.get("hash") == digest(line))
    except (TypeError, ValueError, RecursionError):
        return False


def _joined(line: Line, last: Head) -> None:
    """The line was written after exactly the record before it."""
    if line.get("prev") == last[1]:
        return
    if last == START:
        raise Broken("record 1 is not the beginning of a journal: it names a predecessor", seq=1)
    raise Broken(
        f"record {last[0]} is not the one that record {last[0] + 1} was written after: it, or one before it, "
        "was rewritten",
        seq=last[0],
    )


def _anchored(place: Head, known: str | None) -> None:
    if known is not None and known != place[1]:
        raise Broken(
            f"record {place[0]} is not the one of the anchor: it, or one before it, was rewritten", seq=place[0]
        )


def _all_seen(wanted: Mapping[int, str], last: Head, *, filtered: bool) -> None:
    if wanted and not filtered:
        missing = last[0] + 1
        raise Broken(f"record {missing} is missing: an anchor names record {max(wanted)}", seq=missing)
