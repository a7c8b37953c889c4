"""One answer serves all who may live with its age."""

import asyncio
import gc

import pytest

from remediator.sources.fresh import Fresh


class Asked:
    """Counts how often it is asked; an answer is its number, given when it is let go."""

    def __init__(self) -> None:
        self.times, self.under_way, self.most = 0, 0, 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self) -> int:
        self.times += 1
        number, self.under_way = self.times, self.under_way + 1
        self.most = max(self.most, self.under_way)
        await self.go.wait()
        self.under_way -= 1
        return number


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def test_an_answer_is_kept_for_its_age(asked: Asked) -> None:
    fresh = Fresh(asked, 3600)
    assert [await fresh.get(), await fresh.get(), await fresh.get(0.0), await fresh.get()] == [1, 1, 2, 2]


async def test_who_comes_meanwhile_waits_for_the_same(asked: Asked) -> None:
    fresh = Fresh(asked, 3600)
    assert await asyncio.gather(*(fresh.get() for _ in range(9))) == [1] * 9


async def test_who_needs_a_later_one_shares_the_next_and_it_is_asked_once_at_a_time(asked: Asked) -> None:
    fresh = Fresh(asked, 3600)
    asked.go.clear()
    early = asyncio.create_task(fresh.get())
    await asyncio.sleep(0.01)
    late = [asyncio.create_task(fresh.get(0.0)) for _ in range(9)]
    await asyncio.sleep(0.01)
    asked.go.set()
    assert [await early, *[await each for each in late]] == [1] + [2] * 9
    assert asked.most == 1


async def test_errors_are_shared_as_answers_are() -> None:
    async def fails() -> int:
        raise ValueError("no")

    fresh = Fresh(fails, 3600)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await fresh.get()


async def test_an_error_that_nobody_waits_for_any_more_is_no_alarm() -> None:
    """The one who asked was cancelled: the loop would complain of an exception that was never retrieved."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context["message"]))
    goes_on = asyncio.Event()

    async def fails() -> int:
        await goes_on.wait()
        raise ValueError("nobody hears this")

    asker = asyncio.create_task(Fresh(fails, 1.0).get())
    await asyncio.sleep(0)
    asker.cancel()
    await asyncio.wait([asker])
    goes_on.set()
    for _ in range(3):
        await asyncio.sleep(0)
    del asker
    gc.collect()
    assert complaints == []
