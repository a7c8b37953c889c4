"""Observe: what was read to resolve an alert's target is kept for a moment, as the first look at it.

An incident that is due at once would read the same object again some milliseconds later. Only for an incident that
has done nothing yet: what it plans carries the read's resourceVersion, and is refused where the object moved on.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

from remediator.core.model import Json, Ref, Resource, Value
from remediator.ports import Clock

MOMENT = timedelta(seconds=1)
"""How old a read may be, inclusive, when a look begins with it."""

MOST_KEPT = 64


class Reader(Protocol):
    """As much of a cluster as resolving takes."""

    async def get(self, ref: Ref) -> Json:
        """See `ports.Cluster.get`."""
        ...

    async def list(self, resource: Resource, namespace: str = "", selector: str = "") -> list[Json]:
        """See `ports.Cluster.list`."""
        ...


class Once:
    """Reads each object and each list once, for all alerts of one payload: a crowd of pods speaks of one Deployment.

    An error is everybody's who asked.
    """

    def __init__(self, cluster: Reader) -> None:
        self._cluster = cluster
        self._objects: dict[Ref, asyncio.Future[Json]] = {}
        self._lists: dict[tuple[Resource, str, str], asyncio.Future[list[Json]]] = {}

    async def get(self, ref: Ref) -> Json:
        """See `Reader.get`."""
        if ref not in self._objects:
            self._objects[ref] = asyncio.ensure_future(self._cluster.get(ref))
        return await asyncio.shield(self._objects[ref])

    async def list(self, resource: Resource, namespace: str = "", selector: str = "") -> list[Json]:
        """See `Reader.list`."""
        wanted = (resource, namespace, selector)
        if wanted not in self._lists:
            self._lists[wanted] = asyncio.ensure_future(self._cluster.list(*wanted))
        return await asyncio.shield(self._lists[wanted])


class Read(Value, frozen=True):
    """An object as it was read live, and the instant before it was asked for."""

    taken_at: datetime
    live: Json


class Reads:
    """Reads live and keeps each answer for one `take` within `MOMENT`. Never answers from what it keeps."""

    def __init__(self, cluster: Reader, clock: Clock) -> None:
        self._cluster, self._clock = cluster, clock
        self._kept: dict[Ref, Read] = {}

    async def get(self, ref: Ref) -> Json:
        """See `ports.Cluster.get`: always the live object."""
        taken_at = self._clock.now()
        live = await self._cluster.get(ref)
        self._kept.pop(ref, None)
        self._kept[ref] = Read(taken_at, live)
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return live

    async def list(self, resource: Resource, namespace: str = "", selector: str = "") -> list[Json]:
        """See `ports.Cluster.list`: always the live objects."""
        return await self._cluster.list(resource, namespace, selector)

    def take(self, ref: Ref) -> Read | None:
        """The read of an object, once and only while it is fresh."""
        kept = self._kept.pop(ref, None)
        if kept is None or self._clock.now() - kept.taken_at > MOMENT:
            return None
        return kept
