"""The journal as text that leaves the product: JSON lines or CSV, and back, so that a copy can be verified."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TextIO

from remediator.journal.canonical import Line, parse, text_of
from remediator.journal.chain import FIELDS
from remediator.ports import Broken

_TEXT = ("time", "kind", "incident", "rule", "actor", "prev", "hash")
_ABSENT = ("target", "mode")  # an empty cell is null


def write_jsonl(lines: Iterable[Line], out: TextIO) -> None:
    """One JSON object a line."""
    for line in lines:
        out.write(text_of(line) + "\n")


def write_csv(lines: Iterable[Line], out: TextIO) -> None:
    """A header and one row a line; `target` and `data` are JSON in their cells, null is an empty cell."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(FIELDS)
    for line in lines:
        table.writerow([_cell(name, line[name]) for name in FIELDS])


WRITERS: dict[str, Callable[[Iterable[Line], TextIO], None]] = {"jsonl": write_jsonl, "csv": write_csv}
"""The formats by name."""


def read(source: Iterable[str]) -> Iterator[Line]:
    """The lines of an export, in whichever format it is. `Broken` where a line cannot be one of an export."""
    rest = iter(source)
    first = next(rest, "")
    everything = chain([first], rest)
    return _read_csv(everything) if first.lstrip("\ufeff").startswith("seq,") else _read_jsonl(everything)


def _read_jsonl(source: Iterable[str]) -> Iterator[Line]:
    seq = 0
    for number, text in enumerate(source, 1):
        if not text.strip():
            continue
        line = _object(text.rstrip("\r\n"), number, seq + 1)
        yield line
        seq = line["seq"]


def _object(text: str, number: int, expected: int) -> Line:
    try:
        line = parse(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(number, expected, str(error)) from error
    if not isinstance(line, dict) or type(line.get("seq")) is not int:
        raise _unreadable(number, expected, "it has no sequence number")
    return line


def _read_csv(source: Iterable[str]) -> Iterator[Line]:
    csv.field_size_limit(sys.maxsize)  # a cell holds as much as a record does
    rows = csv.reader(source, strict=True)
    names: list[str] = []
    seq = 0
    try:
        for row in rows:
            if not names:
                names = _header(row)
                continue
            line: Line = {name: _value(name, cell) for name, cell in zip(names, row, strict=True)}
            yield line
            seq = line["seq"]
    except (csv.Error, ValueError, RecursionError) as error:
        raise _unreadable(rows.line_num, seq + 1, str(error)) from error


def _header(row: list[str]) -> list[str]:
    names = [row[0].lstrip("\ufeff"), *row[1:]]
    if len(set(names)) < len(names):
        raise ValueError("a column stands there twice")
    return names


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    return str(value) if name in _TEXT or name in ("seq", "mode") else text_of(value)


def _value(name: str, cell: str) -> object:
    """The value of a cell; a column that this version does not know holds JSON."""
    if name in _TEXT:
        return cell
    if name in _ABSENT and not cell:
        return None
    return cell if name == "mode" else int(cell) if name == "seq" else parse(cell)


def _unreadable(number: int, expected: int, why: str) -> Broken:
    return Broken(
        f"record {expected} cannot be read: line {number} of the file is not one of an export: {why}", seq=expected
    )
