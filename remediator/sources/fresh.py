"""One answer for all who ask at about the same time, so that a crowd of incidents asks a server once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Fresh(Generic[T]):
    """What `ask` answered, where that is at most `age` seconds ago; else it is asked anew. Errors are shared too."""

    def __init__(self, ask: Callable[[], Awaitable[T]], age: float) -> None:
        self._ask, self._age = ask, age
        self._task: asyncio.Future[T] | None = None
        self._asked_at = float("-inf")

    async def get(self) -> T:
        """The answer; raises what `ask` raises."""
        now = asyncio.get_running_loop().time()
        if self._task is None or now - self._asked_at > self._age:
            self._task, self._asked_at = asyncio.ensure_future(self._ask()), now
        return await asyncio.shield(self._task)
