"""From objects of the cluster to the loop: each that meets a rule's condition is a signal, as soon as it does.

Only what rules speak of is followed. What is too old to go by makes their conditions unknown: what was seen before
neither acts nor clears until the cache is current again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from remediator import metrics
from remediator.core.observations import Asked, Light, Sighting
from remediator.core.state import State, dark_key
from remediator.logs import logger
from remediator.ports import Clock, Cluster
from remediator.sources.reflector import Scope
from remediator.sources.watched import SOURCE, Watched, scopes

log = logger("objects")

MAX_AGE = 90.0
"""Seconds since a cache was known to be current after which conditions on it are unknown."""

TICKS = 18
"""How many times within the greatest age it is looked whether a cache is too old."""


class Objects:
    """Follows what the rules in force speak of. `max_age`: see `MAX_AGE`; `jitter` gives numbers from 0 to 1."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        state: Callable[[], State],
        bring: Callable[[Asked], Awaitable[None]],
        max_age: float = MAX_AGE,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._cluster, self._clock, self._state, self._bring = cluster, clock, state, bring
        self._max_age, self._every, self._jitter = max_age, max_age / TICKS, jitter
        self._watched: dict[Scope, Watched] = {}
        self._tasks: dict[Scope, asyncio.Task[None]] = {}
        self._wanted, self._runs, self._speaks = asyncio.Event(), False, False
        self._shown: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled. What `warm` came to know before is known already."""
        self._runs = self._speaks = True
        self.follow()
        try:
            while True:
                for watched in tuple(self._watched.values()):
                    await self._look(watched)
                await self._wanted.wait()
                await self._clock.sleep(self._every)
        finally:
            await self.end()

    def warm(self) -> None:
        """Follow what the rules speak of and say nothing of it: what a replica does that stands by."""
        self._runs = True
        self.follow()

    async def end(self) -> None:
        """Follow nothing any more."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def follow(self) -> None:
        """Follow what the rules speak of that are in force now; what they no longer speak of is forgotten."""
        if not self._runs:
            return
        wanted = scopes(self._state().rules[name] for name in sorted(self._state().rules))
        for scope, watched in tuple(self._watched.items()):
            if watched.rules != wanted.get(scope):
                self._tasks.pop(scope).cancel()
                del self._watched[scope]
        for scope, rules in wanted.items():
            if scope not in self._watched:
                watched = Watched(scope, rules, self._cluster, self._clock, self._state, self._say, self._jitter)
                self._watched[scope] = watched
                self._tasks[scope] = asyncio.create_task(self._keep(watched))
        self._wanted.set() if self._watched else self._wanted.clear()

    def unsynced(self) -> tuple[str, ...]:
        """What is not known, or no longer, each with the reason."""
        return tuple(
            f"{scope}: {watched.reflector.problem or 'being listed'}"
            for scope, watched in self._watched.items()
            if not self._is_fresh(watched)
        )

    def measure(self) -> None:
        """Show how old what is known of each kind is: the oldest of its scopes."""
        ages: dict[str, float] = {}
        for scope, watched in self._watched.items():
            kind = scope.resource.kind
            ages[kind] = max(ages.get(kind, 0.0), watched.reflector.age)
        for kind in self._shown - set(ages):
            metrics.CACHE_AGE.remove(kind)
        for kind, age in ages.items():
            metrics.CACHE_AGE.labels(kind).set(age)
        self._shown = set(ages)

    async def _keep(self, watched: Watched) -> None:
        """Follow one scope; what breaks our code is told and does not keep the others from being followed."""
        while True:
            try:
                await watched.reflector.run()
            except Exception as error:
                log.error("a change was not understood", scope=str(watched.scope), problem=repr(error))
                await self._clock.sleep(self._every)

    async def _look(self, watched: Watched) -> None:
        """Say whether what is known is current, and what the journal does not know of it."""
        state, fresh = self._state(), self._is_fresh(watched)
        if not fresh and watched.reflector.age <= self._max_age:
            return
        reason = "" if fresh else self._why_old(watched)
        lights = tuple(
            Light(fresh, rule.name, reason)
            for rule in watched.rules
            if fresh is (dark_key(SOURCE, rule.name) in state.dark)
        )
        news = await watched.news(self._every) if fresh else []
        if (lights or news) and self._watched.get(watched.scope) is watched:
            await self._bring(Asked(SOURCE, lights, tuple(news)))

    def _is_fresh(self, watched: Watched) -> bool:
        return watched.reflector.current_at is not None and watched.reflector.age <= self._max_age

    def _why_old(self, watched: Watched) -> str:
        problem = watched.reflector.problem or "no word from the API server"
        return f"what is known of {watched.scope} is {watched.reflector.age:.0f} s old: {problem}"

    async def _say(self, sightings: list[Sighting]) -> None:
        if self._speaks:
            await self._bring(Asked(SOURCE, (), tuple(sightings)))
