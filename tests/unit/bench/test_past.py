"""What the benchmark of long histories measures is a journal as the product writes it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from remediator.core.fold import fold
from remediator.core.state import State
from remediator.journal import connect, reading
from remediator.recovery import restore
from tests.bench.crowd import Crowd
from tests.bench.fold import measure
from tests.bench.past import write


def test_a_crowd_is_the_fold_of_its_events_a_third_of_it_waiting_and_the_rest_held() -> None:
    crowd = Crowd()
    events = [*crowd.begin(), *(event for some in crowd.grow(60) for event in some)]
    assert fold(events) == crowd.state
    decided = Counter(each.said.result if each.said else "" for each in crowd.state.incidents.values())
    assert len(crowd.state.incidents) == 60
    assert decided[""] == 20
    assert decided["hold"] > 20


def test_a_start_from_its_checkpoint_gives_the_state_of_all_its_records(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    written = write(path, closed=40, opened=12, behind=10, say=print)
    assert (written.closed, written.opened, written.behind) == (40, 12, 10)
    with reading(f"sqlite://{path}") as journal:
        assert journal.verify().records == written.seq

    async def both() -> tuple[State, State]:
        journal = connect(f"sqlite://{path}")
        restored, records = await restore(journal), await journal.read(limit=10_000)
        await journal.close()
        return restored.state, fold(record.event for record in records)

    restored, folded = asyncio.run(both())
    assert restored == folded


def test_a_start_and_decisions_are_measured(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    write(path, closed=40, opened=30, behind=10, say=print)
    found = asyncio.run(measure(path, decisions=5))
    assert (found.incidents, found.since, len(found.looked), len(found.arrived)) == (30, 10, 5, 5)
