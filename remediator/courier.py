"""The courier: what is to be told, brought to each endpoint, one after the other, until it is taken or given up.

It follows the state's `post` and answers with observations, so that what was delivered is durable before the next
message goes out. Nothing waits for it: an endpoint that is down holds up its own thread alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta

from remediator.agenda import backoff
from remediator.core.events import Event, Notice
from remediator.core.observations import Told
from remediator.core.post import Thread
from remediator.core.state import State
from remediator.logs import logger
from remediator.ports import Clock, Delivered, Delivery, Notifier

MOST_AT_ONCE = 16
"""Deliveries under way."""

LONGEST_WAIT = 300.0
"""Seconds between two attempts at most, unless the endpoint asks for longer."""

LONGEST_ASKED = 3600.0
"""Seconds that an endpoint may ask to wait at most."""

log = logger("courier")

Place = tuple[str, str, str]
"""Incident, receiver, endpoint: one thread."""


class Courier:
    """Delivers what waits in the state. `saw` is called with every event that became durable."""

    def __init__(
        self,
        notifier: Notifier,
        clock: Clock,
        state: Callable[[], State],
        tell: Callable[[Told], Awaitable[None]],
    ) -> None:
        self._notifier, self._clock, self._state, self._tell = notifier, clock, state, tell
        self._news = asyncio.Event()
        self._waiting: dict[str, None] = {}
        self._under_way: dict[Place, asyncio.Task[None]] = {}
        self._misses: dict[Place, int] = {}
        self._not_before: dict[Place, datetime] = {}

    def saw(self, event: Event) -> None:
        """A message waits, or was answered."""
        if isinstance(event.data, Notice):
            self._waiting[event.incident] = None
            if event.data.status != "requested":
                self._under_way.pop((event.incident, event.data.receiver, event.data.endpoint), None)
            self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._waiting |= {incident: None for incident, held in self._state().post.items() if held.is_waiting}
        try:
            while True:
                self._news.clear()
                for place, thread in self._due():
                    self._under_way[place] = asyncio.create_task(self._deliver(place, thread))
                await self._pause()
        finally:
            tasks = tuple(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self) -> Iterator[tuple[Place, Thread]]:
        now = self._clock.now()
        for place, thread in list(self._threads()):
            room = len(self._under_way) < MOST_AT_ONCE
            if room and place not in self._under_way and self._not_before.get(place, now) <= now:
                yield place, thread

    def _threads(self) -> Iterator[tuple[Place, Thread]]:
        """Threads with a message that waits; what was told to the end is forgotten."""
        post = self._state().post
        for incident in list(self._waiting):
            held = post.get(incident)
            if held is None or not held.is_waiting:
                self._forget(incident)
                continue
            for thread in held.threads:
                if thread.waiting:
                    yield (incident, thread.receiver, thread.endpoint), thread

    def _forget(self, incident: str) -> None:
        del self._waiting[incident]
        for place in [each for each in self._not_before if each[0] == incident]:
            del self._not_before[place], self._misses[place]

    async def _deliver(self, place: Place, thread: Thread) -> None:
        """One attempt at the thread's next message, and what came of it as an observation."""
        letter, (incident, receiver, endpoint) = thread.waiting[0], place
        key = f"{letter.key}-{endpoint}" if endpoint else letter.key
        answer = await self._attempt(Delivery(receiver, endpoint, key, letter.message, thread.ref))
        if answer.problem:
            self._put_off(place, answer)
        else:
            self._misses.pop(place, None)
            self._not_before.pop(place, None)
        await self._tell(Told(incident, letter.key, receiver, endpoint, answer.problem, answer.thread))
        if answer.problem:  # most failures are said once, so that no event brings the thread back
            self._under_way.pop(place, None)
            self._news.set()

    async def _attempt(self, delivery: Delivery) -> Delivered:
        try:
            return await self._notifier.deliver(delivery)
        except Exception as error:  # a fault of ours in one receiver must not silence the others
            log.error("delivery failed", receiver=delivery.receiver, endpoint=delivery.endpoint, problem=repr(error))
            return Delivered(f"the delivery itself failed: {type(error).__name__}")

    def _put_off(self, place: Place, answer: Delivered) -> None:
        misses = self._misses.get(place, 0)
        asked = timedelta(seconds=min(max(answer.retry_after, 0.0), LONGEST_ASKED))
        self._misses[place] = misses + 1
        self._not_before[place] = self._clock.now() + max(backoff(misses, LONGEST_WAIT), asked)

    async def _pause(self) -> None:
        """Until there is news, or the next attempt is due."""
        room = len(self._under_way) < MOST_AT_ONCE  # otherwise the next one that ends is the news
        free = [self._not_before[place] for place, _ in self._threads() if room and self._is_put_off(place)]
        now = self._clock.now()
        alarm = asyncio.create_task(self._ring((min(free) - now).total_seconds())) if free else None
        try:
            await self._news.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    def _is_put_off(self, place: Place) -> bool:
        return place in self._not_before and place not in self._under_way

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._news.set()
