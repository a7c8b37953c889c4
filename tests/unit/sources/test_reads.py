"""What was read to resolve a target serves one look, once and not for long; reading is always live."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from remediator.core.kinds import ref_of
from remediator.core.model import Json, Ref, Target
from remediator.ports import NotFound
from remediator.sources.reads import MOMENT, MOST_KEPT, Once, Read, Reads

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEB = ref_of(Target("Deployment", "shop", "web"))


class Cluster:
    """Answers with a counter, so that every live read is another one; a read takes `takes`."""

    def __init__(self) -> None:
        self.now, self.reads, self.takes = NOON, 0, timedelta()

    async def get(self, ref: Ref) -> Json:
        if ref.name == "gone":
            raise NotFound("gone", status=404)
        self.reads += 1
        self.now += self.takes
        return {"read": self.reads}

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Clock:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def now(self) -> datetime:
        return self._cluster.now

    async def sleep(self, seconds: float) -> None:
        await self._cluster.sleep(seconds)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def reads(cluster: Cluster) -> Reads:
    return Reads(cluster, Clock(cluster))


async def test_a_read_is_taken_once_with_the_instant_before_it_was_asked_for(cluster: Cluster, reads: Reads) -> None:
    cluster.takes = timedelta(milliseconds=300)
    await reads.get(WEB)
    assert reads.take(WEB) == Read(NOON, {"read": 1})
    assert reads.take(WEB) is None


async def test_reading_is_live_whatever_is_kept_and_the_latest_read_is_the_one_to_take(reads: Reads) -> None:
    assert [await reads.get(WEB) for _ in range(3)] == [{"read": 1}, {"read": 2}, {"read": 3}]
    assert reads.take(WEB) == Read(NOON, {"read": 3})


@pytest.mark.parametrize(("age", "fresh"), [(MOMENT, True), (MOMENT + timedelta(microseconds=1), False)])
async def test_a_read_is_fresh_for_a_moment_inclusive(
    cluster: Cluster, reads: Reads, age: timedelta, fresh: bool
) -> None:
    await reads.get(WEB)
    cluster.now += age
    assert (reads.take(WEB) is not None) is fresh


async def test_what_could_not_be_read_is_not_kept(reads: Reads) -> None:
    gone = ref_of(Target("Deployment", "shop", "gone"))
    with pytest.raises(NotFound):
        await reads.get(gone)
    assert reads.take(gone) is None


async def test_of_many_reads_the_oldest_are_forgotten(reads: Reads) -> None:
    refs = [ref_of(Target("Deployment", "shop", f"web-{number}")) for number in range(MOST_KEPT + 1)]
    await asyncio.gather(*(reads.get(ref) for ref in refs))
    assert [reads.take(ref) is None for ref in refs] == [True] + [False] * MOST_KEPT


async def test_once_reads_each_object_once_whoever_asks_and_when(cluster: Cluster) -> None:
    once = Once(cluster)  # type: ignore[arg-type]
    assert await asyncio.gather(once.get(WEB), once.get(WEB)) == [{"read": 1}, {"read": 1}]
    assert await once.get(ref_of(Target("Deployment", "shop", "api"))) == {"read": 2}
    assert await once.get(WEB) == {"read": 1}
    assert await Once(cluster).get(WEB) == {"read": 3}  # type: ignore[arg-type]


async def test_once_an_error_is_everybodys(cluster: Cluster) -> None:
    once, gone = Once(cluster), ref_of(Target("Deployment", "shop", "gone"))  # type: ignore[arg-type]
    found = await asyncio.gather(once.get(gone), once.get(gone), return_exceptions=True)
    assert [type(each) for each in found] == [NotFound, NotFound]


async def test_once_who_is_called_off_leaves_the_others_their_answer(cluster: Cluster) -> None:
    once = Once(cluster)  # type: ignore[arg-type]
    first, second = (asyncio.create_task(once.get(WEB)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == {"read": 1}
