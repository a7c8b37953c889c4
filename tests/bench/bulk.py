"""Many records that are alike, written into a journal's file at once: each as the product would write it, hash and all.

The product seals one record; the others differ from it in a few words. What is written is verified by the product.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from remediator.core.events import Event
from remediator.journal.canonical import canonical
from remediator.journal.chain import FIELDS, Head, seal

PREV = "0" * 64
SEQ = 777_777_777
"""Stand in a sealed record for what each record has of its own."""


class Likeness:
    """A record by the words that its likes have of their own. `marks` tells which texts of the event are such words."""

    def __init__(self, event: Event, marks: Mapping[str, str]) -> None:
        line = seal(event, (SEQ - 1, PREV))
        own = {**marks, PREV: "prev", f'"seq":{SEQ}': "seq"}
        covered = {name: value for name, value in line.items() if name != "hash"}
        self._line = _template(canonical(covered).decode(), own).replace("%(seq)s", '"seq":%(seq)d')
        texts = {name: canonical(line[name]).decode() for name in ("target", "data")}
        shown = {name: texts.get(name, line[name]) for name in FIELDS if name not in ("seq", "prev", "hash")}
        self._columns = {name: _template(str(value), marks) for name, value in shown.items() if value is not None}

    def row(self, words: Mapping[str, str], after: Head) -> dict[str, Any]:
        """The row of such a record behind a place."""
        own = {**words, "seq": after[0] + 1, "prev": after[1]}
        row: dict[str, Any] = {name: text % own for name, text in self._columns.items()}
        row.update(seq=after[0] + 1, prev=after[1], hash=hashlib.sha256((self._line % own).encode()).hexdigest())
        return row


def _template(text: str, marks: Mapping[str, str]) -> str:
    text = text.replace("%", "%%")
    for mark, name in marks.items():
        text = text.replace(mark, f"%({name})s")
    return text


def write(path: Path, records: Iterable[tuple[Likeness, Mapping[str, str]]], after: Head, batch: int = 20_000) -> Head:
    """Write records behind a place into a file that nobody else has open; answers the last one's place."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    insert = f"INSERT INTO journal ({', '.join(FIELDS)}) VALUES ({', '.join('?' for _ in FIELDS)})"
    head, rows = after, _rows(records, after)
    while some := list(islice(rows, batch)):
        head = some[-1]["seq"], some[-1]["hash"]
        connection.execute("BEGIN")
        connection.executemany(insert, ([row.get(name) for name in FIELDS] for row in some))
        connection.execute("UPDATE journal_head SET seq = ?, hash = ?", head)
        connection.execute("COMMIT")
    connection.close()
    return head


def _rows(records: Iterable[tuple[Likeness, Mapping[str, str]]], head: Head) -> Iterator[dict[str, Any]]:
    for likeness, words in records:
        row = likeness.row(words, head)
        head = row["seq"], row["hash"]
        yield row
