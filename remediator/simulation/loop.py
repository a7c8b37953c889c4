"""An event loop in virtual time: while nothing is ready it moves the world on to what is due next, and never waits.

Everything runs on one thread in one order. A `Group` of tasks can be killed or frozen between any two of its steps,
as a process is by its machine.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import threading
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from remediator.simulation.world import World


class Group:
    """Tasks that live and die together, as those of one process. `at_step` is called before each of their steps.

    `tasks` are those that have not ended, `unheard` those that ended with an error which nobody had asked for then.
    """

    def __init__(self, name: str) -> None:
        self.name, self.alive, self.frozen, self.steps = name, True, False, 0
        self.at_step: Callable[[], None] = lambda: None
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.unheard: list[asyncio.Task[Any]] = []
        self.held: list[asyncio.Handle] = []

    def kill(self) -> None:
        """End all tasks here and now. Their cleanup may still run: see that it cannot reach anything."""
        self.alive = False
        for task in list(self.tasks):
            task.cancel()

    def failures(self) -> list[asyncio.Task[Any]]:
        """Tasks that ended with an error which nobody has asked for since."""
        self.unheard = [task for task in self.unheard if task._log_traceback]  # type: ignore[attr-defined]
        return self.unheard

    @property
    def stands_still(self) -> bool:
        """Whether it may take no step: frozen, and not even dying."""
        return self.frozen and self.alive


_group: contextvars.ContextVar[Group | None] = contextvars.ContextVar("group", default=None)


class VirtualLoop(BaseEventLoop):
    """An asyncio event loop whose time is that of a world. Without sockets, signals and waiting.

    `failed` has every exception that escaped from a callback, with where it was.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world, self._origin = world, world.clock.now()
        self._outside, self._woken = 0, threading.Event()
        self.steps = 0
        self.failed: list[tuple[str, BaseException]] = []
        self.set_task_factory(self._new_task)  # type: ignore[arg-type]
        self.set_exception_handler(self._note)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return (self._world.clock.now() - self._origin).total_seconds()

    def start(self, coroutine: Coroutine[Any, Any, Any], group: Group | None = None) -> asyncio.Task[Any]:
        """Run a coroutine as a task of a group, or of none; all tasks that it starts belong to the same."""
        context = contextvars.copy_context()
        context.run(_group.set, group)
        return context.run(self.create_task, coroutine)

    def thaw(self, group: Group) -> None:
        """Let a frozen group go on, in the order in which its callbacks became ready."""
        group.frozen = False
        held, group.held = group.held, []
        self._ready.extend(held)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """While a thread is waited for: virtual time stands still until it calls back."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def _run_once(self) -> None:
        """One callback; before it, as much virtual time as it takes until there is one."""
        while not self._ready and not self._stopping:  # type: ignore[attr-defined]
            self._move_on()
        if not self._ready:
            return
        handle = self._ready.popleft()
        group: Group | None = handle._context.get(_group)  # type: ignore[attr-defined]
        if group is not None and not handle.cancelled() and not group.stands_still:
            group.steps += 1
            group.at_step()
        if group is not None and group.stands_still:
            group.held.append(handle)
        elif not handle.cancelled():
            self.steps += 1
            handle._run()

    def _move_on(self) -> None:
        if self._outside:
            self._woken.wait()
            self._woken.clear()
            return
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)._scheduled = False  # type: ignore[attr-defined]
        world, due = self._world, [self._world.next_event(), self._world.clock.next_wake()]
        if self._scheduled:
            due.append(self._origin + timedelta(seconds=self._scheduled[0].when()))
        world.advance_to(min(instant for instant in due if instant is not None))
        while self._scheduled and self._scheduled[0].when() <= self.time() + 1e-6:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]
            self._ready.append(handle)

    def _write_to_self(self) -> None:
        """A thread has called back."""
        self._woken.set()

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task, group = asyncio.Task(coroutine, loop=loop, **options), _group.get()
        if group is not None:
            group.tasks[task] = None
            task.add_done_callback(lambda done: self._ended(group, done))
        return task

    def _ended(self, group: Group, task: asyncio.Task[Any]) -> None:
        del group.tasks[task]
        if group.alive and not task.cancelled() and task._log_traceback:  # type: ignore[attr-defined]
            group.unheard.append(task)

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self.failed.append((str(context.get("message")), error))

    def finish(self) -> None:
        """Cancel whatever still runs, let it end, and close."""
        self.run_until_complete(self._cancel_all())
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self) - {asyncio.current_task(self)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
