"""Whether lines of any origin are a journal: unchanged, complete, in order, from its beginning on.

A journal begins with record 1, or behind the last of those that one of its records says were dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from remediator.core.model import Value
from remediator.journal.canonical import Line
from remediator.journal.chain import START, Head, digest
from remediator.ports import Broken, JournalError


class Extent(Value, frozen=True):
    """What a verification saw: how many records, the last one, and what was not there to be seen.

    `after` is the place before the first record, `dropped` are the places up to which records say that others were
    dropped. `gaps` are ranges of sequence numbers, both ends included, and empty unless the lines were declared to be
    filtered; `unseen` are the anchors whose records are not there for either reason.
    """

    records: int
    head: Head
    gaps: tuple[tuple[int, int], ...] = ()
    unseen: tuple[int, ...] = ()
    after: Head = START
    dropped: tuple[Head, ...] = ()


def verify(
    lines: Iterable[Line],
    *,
    after: Head | None = START,
    anchors: Mapping[int, str] | None = None,
    filtered: bool = False,
    each: Callable[[Line], None] | None = None,
) -> Extent:
    """Check that the lines are a journal from the record behind `after` on, unchanged, complete and in order.

    Without `after` they may begin anywhere: see `begins_rightly`. `anchors` are records known from elsewhere (sequence
    number and hash) that must be among them, or before them. With `filtered` lines may be absent: every line's own
    hash, the order, and the link between neighbours are checked, and the gaps are given back. Raises `Broken` with the
    first record that is changed, missing or out of place. `each` is handed every line that holds so far.

    A chain cannot show by itself that its end was cut off or written on: see `ends_at`.
    """
    walk = Walk(after, anchors, filtered=filtered)
    for line in lines:
        walk.take(line)
        if each is not None:
            each(line)
    return walk.extent()


def begins_rightly(extent: Extent) -> None:
    """Check that verified lines begin with record 1, or behind what one of them says was dropped; else `Broken`."""
    if extent.after != START and extent.after not in extent.dropped:
        raise Broken(
            f"record 1 is missing: the first one is record {extent.after[0] + 1}, and none says that those before it "
            "were dropped",
            seq=1,
        )


def ends_at(extent: Extent, head: Head) -> None:
    """Check that verified lines end exactly at a head known from elsewhere; `Broken` names the first misfit."""
    seq, known = extent.head
    if seq > head[0]:
        raise Broken(f"record {head[0] + 1} was added after record {head[0]}, the known end", seq=head[0] + 1)
    if seq < head[0]:
        raise Broken(f"record {seq + 1} is missing: the known end is record {head[0]}", seq=seq + 1)
    if known != head[1]:
        raise Broken(f"record {seq} is not the known end: it, or one before it, was rewritten", seq=seq)


def joined(sources: Iterable[Iterable[Line]]) -> Iterator[Line]:
    """The lines of several sources as those of one: each goes on where the one before it ends.

    Records that a source has once more are checked and left out. Raises `Broken` where they are not the same, and
    `JournalError` for a source that has nothing after them.
    """
    last = START
    for source in sources:
        lines = iter(source)
        first = _past(lines, last)
        for line in chain([] if first is None else [first], lines):
            last = (line.get("seq", 0), line.get("hash", ""))  # whoever takes the line verifies it
            yield line


def _past(lines: Iterator[Line], last: Head) -> Line | None:
    """The first line behind a place; those up to it lead to that very place."""
    again, beyond = Walk(None), None
    for line in lines:
        if type(line.get("seq")) is not int or line["seq"] > last[0]:
            beyond = line
            break
        again.take(line)
    extent = again.extent()
    if extent.records and beyond is None and extent.head[0] < last[0]:
        raise JournalError(
            f"a file ends with record {extent.head[0]} after one that ends with record {last[0]}: give the files in "
            "the order of their records, and none that is part of another"
        )
    if extent.records:
        ends_at(extent, last)
    return beyond


class Walk:
    """A way along lines, as `verify` goes it. `last` is the place that it has come to."""

    def __init__(self, after: Head | None, anchors: Mapping[int, str] | None = None, *, filtered: bool = False) -> None:
        self._after, self.last = after, START
        self._anchors, self._filtered = dict(anchors or {}), filtered
        self._records, self._gaps, self._dropped = 0, [], []
        if after is not None:
            self._begin(after)

    _gaps: list[tuple[int, int]]
    _dropped: list[Head]

    def _begin(self, after: Head) -> None:
        self._after = self.last = after
        self._reach(after)

    def take(self, line: Line) -> None:
        """The next line; `Broken` where it is not the one that must follow."""
        if self._after is None:
            self._begin(_place_before(line))
        place = _own(line, self.last, filtered=self._filtered)
        if place[0] > self.last[0] + 1:
            self._gaps.append((self.last[0] + 1, place[0] - 1))
        else:
            _follows(line, self.last)
        self._reach(place)
        data = line.get("data")
        if line.get("kind") == "dropped" and isinstance(data, dict):
            self._dropped.append((int(data.get("until") or 0), str(data.get("hash") or "")))
        self._records, self.last = self._records + 1, place

    def _reach(self, place: Head) -> None:
        """A place where an anchor may lie."""
        known = self._anchors.pop(place[0], None)
        if known is not None and known != place[1]:
            raise Broken(
                f"record {place[0]} is not the one of the anchor: it, or one before it, was rewritten", seq=place[0]
            )

    def extent(self) -> Extent:
        """The end of the lines; `Broken` where an anchor names a record behind it."""
        after, missing = self._after or START, self.last[0] + 1
        if not self._filtered and any(seq >= missing for seq in self._anchors):
            named = max(self._anchors)
            raise Broken(f"record {missing} is missing: an anchor names record {named}", seq=missing)
        unseen = tuple(sorted(self._anchors))
        return Extent(self._records, self.last, tuple(self._gaps), unseen, after, tuple(self._dropped))


def _place_before(line: Line) -> Head:
    """The place that a line says it was written after."""
    seq, prev = line.get("seq"), line.get("prev")
    return (seq - 1, prev) if type(seq) is int and seq > 1 and isinstance(prev, str) else START


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


def _follows(line: Line, last: Head) -> None:
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
