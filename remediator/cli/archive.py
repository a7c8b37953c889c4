"""`remediator audit archive`: old records out of the journal and into a file, while no service has it open."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from remediator.core.events import Checkpoint, Dropped
    from remediator.ports import Journal
    from remediator.recovery import Restored


def archive(url: str, until: datetime, file: Path) -> None:
    """Archive what is older than an instant, and say what was done. Raises `JournalError` where nothing could be."""
    from remediator.journal import connect

    click.echo(asyncio.run(_archived(connect(url, alone=True), until, file)))


async def _archived(journal: Journal, until: datetime, file: Path) -> str:
    from remediator.recovery import restore

    try:
        before = await restore(journal)
        said = await _outgoing(journal, before, until, file)
        if said is None:  # all that is old enough came after the last checkpoint, or there is none yet
            before = await _checkpointed(journal, before)
            said = await _outgoing(journal, before, until, file)
        if said is None:
            return f"nothing is archived: no record before {until:%Y-%m-%d %H:%M:%SZ} may go yet, see docs/journal.md"
        await _append(journal, said, before.seq)
        count = await journal.drop()
        return f"{count} records up to {said.until} are in {file} and no longer in the journal"
    finally:
        await journal.close()


async def _outgoing(journal: Journal, before: Restored, until: datetime, file: Path) -> Dropped | None:
    from remediator.journal.archive import Archive
    from remediator.retention import outgoing

    return await outgoing(journal, before.state, until, lambda after: Archive(file, after))


async def _checkpointed(journal: Journal, before: Restored) -> Restored:
    """The same state, with a checkpoint that stands in for all records before it."""
    from msgspec.structs import replace

    from remediator.upkeep import checkpoint

    seq = before.seq
    for part in checkpoint(before.state, seq + 1):
        seq = await _append(journal, part, seq)
    return replace(before, seq=seq)


async def _append(journal: Journal, data: Checkpoint | Dropped, after: int) -> int:
    from remediator.clock import SystemClock
    from remediator.core.events import Event

    (record,) = await journal.append([Event(SystemClock().now(), data, actor="operator:audit")], after=after)
    return record.seq
