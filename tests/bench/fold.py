"""What a service does with a journal at its start and in its decisions, alone in a process of its own.

`python -m tests.bench.fold JOURNAL DECISIONS` prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from pathlib import Path

import msgspec

from remediator.core.fold import fold
from remediator.core.model import Phase
from remediator.core.observations import Arrived
from remediator.journal import connect
from remediator.ports import Journal
from remediator.recovery import Restored, restore
from tests.bench.crowd import BEGIN, Crowd, rules, sighting
from tests.bench.process import cpu_seconds, resident_mebibytes


class Found(msgspec.Struct):
    """Seconds of the restore and of what it took of a core, incidents that were open after it, microseconds of each
    decision, records folded a second, and resident memory in MiB before and after.
    """

    restored: float
    restored_cpu: float
    since: int
    incidents: int
    looked: list[float]
    arrived: list[float]
    folded_a_second: float
    before: float
    after: float


async def measure(path: Path, decisions: int) -> Found:
    """Open, restore, decide; garbage is collected as in the service, once it is ready."""
    gc.disable()
    journal = connect(f"sqlite://{path}")
    before = resident_mebibytes(os.getpid())
    begun, cpu = time.perf_counter(), cpu_seconds(os.getpid())
    restored = await restore(journal)
    took, cpu = time.perf_counter() - begun, cpu_seconds(os.getpid()) - cpu
    after = resident_mebibytes(os.getpid())
    gc.freeze()
    gc.enable()
    crowd = Crowd(restored.state, BEGIN.replace(year=BEGIN.year + 1))
    incidents = len(restored.state.incidents)
    looked, arrived = _looks(crowd, decisions), _arrivals(crowd, decisions)
    rate = await _folded(journal, restored)
    await journal.close()
    return Found(took, cpu, restored.since, incidents, looked, arrived, rate, before, after)


def _looks(crowd: Crowd, count: int) -> list[float]:
    """Decisions on incidents that a guard held: every guard is asked again."""
    held = [each for each in crowd.state.incidents.values() if each.phase is Phase.PENDING and each.said is not None]
    observations = [crowd.look(each) for each in held[:: max(len(held) // count, 1)][:count]]
    return [_timed(crowd, each) for each in observations]


def _arrivals(crowd: Crowd, count: int) -> list[float]:
    """Alerts of targets that have no incident yet."""
    names = [rule.name for rule in rules()]
    first = len(crowd.state.incidents) + 500_000
    seen = (sighting(names[number % len(names)], number, crowd.now) for number in range(first, first + count))
    return [_timed(crowd, Arrived((each,))) for each in seen]


def _timed(crowd: Crowd, observation: object) -> float:
    begun = time.perf_counter()
    crowd.see(observation)  # type: ignore[arg-type]
    return 1e6 * (time.perf_counter() - begun)


async def _folded(journal: Journal, restored: Restored) -> float:
    """Records read and folded a second, of the last ones once more."""
    begun = time.perf_counter()
    records = await journal.read(after=max(restored.seq - 5000, 0), limit=5000)
    fold((record.event for record in records), restored.state)
    return len(records) / (time.perf_counter() - begun)


if __name__ == "__main__":
    found = asyncio.run(measure(Path(sys.argv[1]), int(sys.argv[2])))
    sys.stdout.buffer.write(msgspec.json.encode(found))
