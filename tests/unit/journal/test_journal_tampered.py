"""A journal's database in foreign hands: mistakes are refused, intent is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from remediator.core.events import Event, Leader
from remediator.journal import connect, reading
from remediator.journal.canonical import text_of
from remediator.journal.chain import FIELDS, digest
from remediator.ports import Broken

from .conftest import LENGTH, NOW


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET actor = 'operator:mallory' WHERE seq = 3",
        "UPDATE journal SET seq = 9 WHERE seq = 7",
        "DELETE FROM journal WHERE seq = 7",
        "DELETE FROM journal",
        f"INSERT INTO journal SELECT seq + 92, {', '.join(FIELDS[1:])} FROM journal WHERE seq = 7",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE seq = 3",
    ],
)
def test_the_database_itself_refuses_to_change_a_record(path: Path, statement: str):
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


def set_cell(column: str, value: str) -> list[str]:
    return [f"UPDATE journal SET {column} = {value} WHERE seq = 3"]


TAMPERED: dict[str, tuple[list[str], int]] = {
    **{
        f"{column} changed": (set_cell(column, "'x'"), 3)
        for column in FIELDS
        if column not in ("seq", "data", "target")
    },
    "data changed": (set_cell("data", "replace(data, '0.25', '0.26')"), 3),
    "data no JSON": (set_cell("data", "'{'"), 3),
    "data a blob": (set_cell("data", "CAST(data AS BLOB)"), 3),
    "rule a blob": (set_cell("rule", "CAST(rule AS BLOB)"), 3),
    "rule no text": (set_cell("rule", "CAST(x'ff' AS TEXT)"), 3),
    "target changed": (set_cell("target", "replace(target, 'web', 'wab')"), 3),
    "target null": (set_cell("target", "NULL"), 3),
    "first dropped": (["DELETE FROM journal WHERE seq = 1"], 1),
    "one dropped": (["DELETE FROM journal WHERE seq = 3"], 3),
    "last dropped": (["DELETE FROM journal WHERE seq = 7"], 7),
    "all dropped": (["DELETE FROM journal"], 1),
    "two exchanged": (
        [f"UPDATE journal SET seq = {new} WHERE seq = {old}" for old, new in ((3, 33), (4, 3), (33, 4))],
        3,
    ),
    "renumbered": (
        ["UPDATE journal SET seq = seq + 100 WHERE seq > 3", "UPDATE journal SET seq = seq - 99 WHERE seq > 3"],
        4,
    ),
    "end's note moved back": (["UPDATE journal_head SET seq = 6, hash = (SELECT hash FROM journal WHERE seq = 6)"], 7),
    "end's note changed": (["UPDATE journal_head SET hash = 'x'"], 7),
    "end's note lost": (["DELETE FROM journal_head"], 8),
}


@pytest.mark.parametrize("tamper", TAMPERED)
def test_whatever_is_done_to_the_database_is_found_and_its_place_named(
    path: Path, raw: sqlite3.Connection, tamper: str
):
    statements, seq = TAMPERED[tamper]
    for statement in statements:
        raw.execute(statement)
    with reading(f"sqlite:///{path}") as journal, pytest.raises(Broken) as found:
        journal.verify()
    assert found.value.seq == seq


async def test_a_blob_whose_base64_is_the_text_it_replaces_is_found(path: Path, raw: sqlite3.Connection):
    journal = connect(f"sqlite:///{path}")
    await journal.append([Event(NOW, Leader(3, "a"), rule="YWJj")], after=LENGTH)
    await journal.close()
    raw.execute("UPDATE journal SET rule = x'616263' WHERE seq = 8")
    with reading(f"sqlite:///{path}") as book, pytest.raises(Broken, match="record 8 is changed: a blob"):
        book.verify()


def test_a_record_put_in_by_hand_with_its_right_hash_is_found(path: Path, raw: sqlite3.Connection):
    with reading(f"sqlite:///{path}") as journal:
        last = list(journal.lines())[-1]
    line = {**last, "seq": 8, "prev": last["hash"], "actor": "operator:mallory"}
    line["hash"] = digest(line)
    line["data"] = text_of(line["data"])
    raw.execute(f"INSERT INTO journal VALUES ({', '.join('?' * len(FIELDS))})", [line[name] for name in FIELDS])
    with reading(f"sqlite:///{path}") as journal, pytest.raises(Broken, match="record 8 was added") as found:
        journal.verify()
    assert found.value.seq == 8


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_journal_whose_end_does_not_hold_is_not_opened(path: Path, raw: sqlite3.Connection, tamper: str):
    statements, seq = TAMPERED[tamper]
    for statement in statements:
        raw.execute(statement)
    with pytest.raises(Broken, match=r"Nothing is appended.*remediator audit verify") as refused:
        connect(f"sqlite:///{path}")
    assert refused.value.seq == seq


async def test_the_check_at_the_start_does_not_grow_with_history(path: Path, raw: sqlite3.Connection):
    """Only the last hundred records are looked at; the rest is for `audit verify`."""
    journal = connect(f"sqlite:///{path}")
    await journal.append([Event(NOW, Leader(number, "a")) for number in range(100)], after=LENGTH)
    await journal.close()
    raw.execute("UPDATE journal SET actor = 'operator:mallory' WHERE seq = 7")
    journal = connect(f"sqlite:///{path}")
    assert (await journal.append([Event(NOW, Leader(1, "b"))], after=107))[0].seq == 108
    await journal.close()
    raw.execute("UPDATE journal SET actor = 'operator:mallory' WHERE seq = 9")
    with pytest.raises(Broken, match="record 9 is changed"):
        connect(f"sqlite:///{path}")
