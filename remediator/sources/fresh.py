"""One answer for all who ask at about the same time, so that a crowd of incidents asks a server once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Fresh(Generic[T]):
    """What `ask` answered, where it was asked at most `age` seconds ago (inclusive); else it is asked anew.

    Whoever comes while it is being asked waits for the same answer; who needs a later one, for the next: it is asked
    once at a time. Errors are shared as answers are.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], age: float) -> None:
        self._ask, self._age = ask, age
        self._task: asyncio.Future[T] | None = None
        self._asked_at = float("-inf")

    async def get(self, age: float | None = None) -> T:
        """The answer; raises what `ask` raises. `age`: in seconds, for this one who asks."""
        loop = asyncio.get_running_loop()
        since = loop.time() - (self._age if age is None else age)
        while self._task is None or self._asked_at < since:
            if self._task is not None and not self._task.done():
                await asyncio.wait((self._task,))
                continue
            self._task, self._asked_at = asyncio.ensure_future(self._ask()), loop.time()
            self._task.add_done_callback(_heard)
        return await asyncio.shield(self._task)


def _heard(answer: asyncio.Future[Any]) -> None:
    """An error that nobody comes to hear is nobody's."""
    if not answer.cancelled():
        answer.exception()
