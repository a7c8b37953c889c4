"""Upgrade: journals that earlier versions wrote are read, brought up to date and gone on with; the way back is refused.

`tests/data/journal/version-N.sqlite` was written by the last program of that schema version.
"""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest

from remediator.core.events import Checkpoint, Decision, Event, Leader
from remediator.core.fold import fold
from remediator.core.model import Phase
from remediator.core.state import State
from remediator.journal import connect, reading
from remediator.journal.chain import record_of
from remediator.journal.tables import SCHEMA_VERSION
from remediator.narrate import narrate
from remediator.ports import JournalError
from remediator.recovery import restore
from remediator.repeat import repeat
from tests.unit.repository.sources import ROOT

OLD = {int(path.stem.removeprefix("version-")): path for path in (ROOT / "tests/data/journal").glob("version-*.sqlite")}


def version_of(path: Path) -> int:
    look = sqlite3.connect(path)
    (found,) = look.execute("SELECT version FROM schema_version").fetchone()
    look.close()
    return found


@pytest.fixture(params=sorted(OLD))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A journal of an earlier version, in a place where it may be changed."""
    path = tmp_path / "journal.db"
    shutil.copyfile(OLD[request.param], path)
    assert version_of(path) == request.param
    return path


def test_there_is_a_journal_of_every_earlier_version() -> None:
    assert sorted(OLD) == list(range(1, SCHEMA_VERSION))


def test_it_can_be_looked_at_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    with reading(f"sqlite:///{old}") as journal:
        assert journal.verify().head == journal.head()
    assert old.read_bytes() == before


async def test_opening_it_brings_it_up_to_date_and_every_record_stays_as_it_was(old: Path) -> None:
    with reading(f"sqlite:///{old}") as look:
        before = list(look.lines())
    journal = connect(f"sqlite:///{old}")
    assert list(await journal.lines()) == before
    seq = before[-1]["seq"]
    await journal.append([Event(datetime.fromisoformat(before[-1]["time"]), Leader(99, "new"))], after=seq)
    await journal.close()
    assert version_of(old) == SCHEMA_VERSION
    with reading(f"sqlite:///{old}") as look:
        assert look.verify().records == len(before) + 1


async def test_what_is_kept_from_other_programs_is_kept_after_it_too(old: Path) -> None:
    await connect(f"sqlite:///{old}").close()
    other = sqlite3.connect(old)
    for statement in ("UPDATE journal SET actor = 'nobody'", "DELETE FROM journal", "DELETE FROM journal_start"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement)
    other.close()


async def test_the_state_is_what_its_records_say(tmp_path: Path) -> None:
    """That of version 1 has records that are about nothing."""
    shutil.copyfile(OLD[2], tmp_path / "journal.db")
    journal = connect(f"sqlite:///{tmp_path}/journal.db")
    records = await journal.read()
    restored = await restore(journal)
    state = fold(record.event for record in records)
    assert (restored.state, restored.seq) == (state, records[-1].seq)
    for record in records:
        assert narrate(record.event).text
    await journal.close()


@pytest.fixture
async def state() -> State:
    path = OLD[2]
    with reading(f"sqlite:///{path}") as look:
        return fold(record_of(line).event for line in look.lines())


async def test_incidents_pauses_and_rules_of_version_2_are_there(state: State) -> None:
    (incident,) = state.incidents.values()
    assert (incident.definition.name, incident.target.name, incident.phase) == (
        "undo-bad-rollout",
        "web",
        Phase.VERIFYING,
    )
    assert {(each.pause.namespace, each.pause.rule, each.by) for each in state.pauses.values()} == {
        ("cart", "", "operator:alice"),
        ("", "undo-bad-rollout", "operator:bob"),
    }
    assert [rule.do[0].action for rule in state.rules.values()] == ["rollback"]


async def test_its_inbox_is_worked_on(tmp_path: Path) -> None:
    shutil.copyfile(OLD[2], tmp_path / "journal.db")
    journal = connect(f"sqlite:///{tmp_path}/journal.db")
    (receipt,) = await journal.waiting()
    assert (receipt.source, b"Later" in receipt.body) == ("alertmanager", True)
    await journal.close()


async def test_a_checkpoint_of_an_earlier_form_is_passed_over_or_read(tmp_path: Path) -> None:
    """While all records are there, they are the truth; the checkpoint stands in where they are not."""
    shutil.copyfile(OLD[2], tmp_path / "journal.db")
    journal = connect(f"sqlite:///{tmp_path}/journal.db")
    records = await journal.read()
    last = [record.seq for record in records if isinstance(record.event.data, Checkpoint)][-1]
    restored = await restore(journal)
    assert restored.state == fold(record.event for record in records)
    assert last < restored.seq
    await journal.close()


async def test_its_decisions_can_be_explained(tmp_path: Path) -> None:
    shutil.copyfile(OLD[2], tmp_path / "journal.db")
    journal = connect(f"sqlite:///{tmp_path}/journal.db")
    for record in await journal.read():
        if isinstance(record.event.data, Decision) and record.event.data.evidence:
            before = await restore(journal, before=record.seq)
            again = repeat(before.state, record.event.incident, record.event.data, record.event.time)
            assert (again.result, again.why_not) == (record.event.data.result, "")
    await journal.close()


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    shutil.copyfile(OLD[1], path)
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE journal_start (in_the_way)")
    other.commit()
    before = other.execute("SELECT * FROM journal").fetchall()
    with pytest.raises(Exception, match="journal_start"):
        connect(f"sqlite:///{path}")
    assert version_of(path) == 1
    assert other.execute("SELECT * FROM journal").fetchall() == before
    other.execute("DROP TABLE journal_start")
    other.commit()
    other.close()
    await connect(f"sqlite:///{path}").close()
    assert version_of(path) == SCHEMA_VERSION


def test_the_way_back_is_refused_with_what_to_do(old: Path) -> None:
    """An older program meets a newer journal as this one meets version 9."""
    newer = sqlite3.connect(old)
    newer.execute("UPDATE schema_version SET version = 9")
    newer.commit()
    newer.close()
    for opening in (lambda: connect(f"sqlite:///{old}"), lambda: reading(f"sqlite:///{old}").__enter__()):
        with pytest.raises(JournalError, match=r"version 9, this program knows .*Run the remediator that wrote it"):
            opening()
    assert version_of(old) == 9
