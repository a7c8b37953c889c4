"""A kind of object followed by list and watch: what changed goes on at once, and how far back that is known is told.

After client-go's reflector: a list in pages, then a watch from its version with bookmarks, renewed when the server ends
it; a version that is too old begins anew with a list, of which only what differs goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from remediator.agenda import backoff
from remediator.core.model import Resource, Value
from remediator.logs import logger
from remediator.ports import Clock, Cluster, ClusterError, NotFound
from remediator.sources.forms import Form, Identity, Key

log = logger("reflector")

LASTING = 5.0
"""Seconds after which a watch counts as one that worked, though nothing happened in it."""


class Scope(Value, frozen=True, order=True):
    """What is followed: a type, in one namespace or (empty) in all, as far as it matches a selector."""

    resource: Resource
    namespace: str = ""
    selector: str = ""

    def __str__(self) -> str:
        inside = f" in {self.namespace}" if self.namespace else ""
        return f"{self.resource}{inside}" + (f" with {self.selector}" if self.selector else "")


class Changes(Value, frozen=True):
    """Decoded objects that are new or changed, each with who it is, and the keys of those that are gone."""

    changed: Sequence[tuple[Identity, Any]] = ()
    gone: Sequence[Key] = ()


Take = Callable[[Changes], Awaitable[None]]
"""Is handed changes in their order, and waited for."""


class Reflector:
    """Follows one scope. `jitter` gives numbers from 0 to 1: many clients do not come back at one instant."""

    def __init__(
        self, cluster: Cluster, clock: Clock, scope: Scope, form: Form, take: Take, jitter: Callable[[], float]
    ) -> None:
        self._cluster, self._clock, self._jitter = cluster, clock, jitter
        self._scope, self._form, self._take = scope, form, take
        self._versions: dict[Key, str] = {}
        self._since = ""
        self._misses = 0
        self._began = clock.now()
        self.current_at: datetime | None = None
        self.problem = ""

    @property
    def age(self) -> float:
        """Seconds since all that is there was known; since the beginning where it never was."""
        return (self._clock.now() - (self.current_at or self._began)).total_seconds()

    @property
    def size(self) -> int:
        """How many objects are known."""
        return len(self._versions)

    async def run(self) -> None:
        """Work until cancelled. Whatever goes wrong is waited out and tried again."""
        while True:
            try:
                if not self._since:
                    await self._list()
                await self._watch()
            except NotFound as error:
                self._since = ""
                self._missed(error)
            except ClusterError as error:
                self._missed(error)
            if self._misses:
                await self._clock.sleep(backoff(self._misses - 1).total_seconds() * (0.5 + self._jitter() / 2))

    def _missed(self, error: ClusterError) -> None:
        self._misses += 1
        self.problem = str(error)
        log.warning(f"{self._scope} cannot be followed; trying again", problem=self.problem, misses=self._misses)

    async def _list(self) -> None:
        """Read all there is; what was known and is not there any more is gone."""
        began, left, version = self._clock.now(), dict.fromkeys(self._versions), ""
        scope = self._scope
        pages = self._cluster.pages(scope.resource, scope.namespace, scope.selector, self._form.type)
        async with aclosing(pages) as reading:  # type: ignore[type-var]
            async for objects, of in reading:
                await self._note(objects, left)
                version = of
        for key in left:
            del self._versions[key]
        await self._take(Changes(gone=tuple(left)))
        self._since, self.current_at, self.problem = version, began, ""

    async def _note(self, objects: Sequence[Any], left: dict[Key, None]) -> None:
        """Pass on what differs of one page."""
        changed = []
        for obj in objects:
            who = self._form.identity(obj)
            left.pop(who.key, None)
            if self._versions.get(who.key) != who.version:
                self._versions[who.key] = who.version
                changed.append((who, obj))
        await self._take(Changes(changed))

    async def _watch(self) -> None:
        began, scope = self._clock.now(), self._scope
        watch = self._cluster.watch(scope.resource, scope.namespace, self._since, scope.selector, self._form.type)
        try:
            async with aclosing(watch) as events:  # type: ignore[type-var]
                async for kind, obj in events:
                    await self._happened(kind, obj)
            self._misses += 1  # a server that ends every watch at once is not asked without a pause
        finally:
            if (self._clock.now() - began).total_seconds() >= LASTING:
                self._misses = 0

    async def _happened(self, kind: str, obj: Any) -> None:
        """One event; a bookmark only tells how far the watch has seen."""
        who = self._form.identity(obj)
        if kind == "DELETED":
            self._versions.pop(who.key, None)
            await self._take(Changes(gone=(who.key,)))
        elif kind != "BOOKMARK":
            self._versions[who.key] = who.version
            await self._take(Changes(((who, obj),)))
        self._since, self.current_at, self.problem = who.version, self._clock.now(), ""
