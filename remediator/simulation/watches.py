"""Watch streams over the store's history: who waits for the next commit, bookmarks, and streams that end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from remediator.core.model import Json, Resource
from remediator.simulation.selectors import Selector
from remediator.simulation.store import Commit, Store
from remediator.simulation.values import copied, labels_of


class Watches:
    """All open watch streams of one world."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[asyncio.Future[None]] = []
        self._closed = self._bookmarks = 0
        store.listen(self._wake)

    def close(self) -> None:
        """End every stream without an error, as servers do every few minutes."""
        self._closed += 1
        self._wake()

    def bookmark(self) -> None:
        """Send every stream a BOOKMARK with the present revision."""
        self._bookmarks += 1
        self._wake()

    async def stream(
        self, resource: Resource, namespace: str, since: str, matches: Selector
    ) -> AsyncIterator[tuple[str, Json]]:
        """Events after a revision; without one (or `0`) every object there is as ADDED, then what follows.

        Raises `NotFound` (410) where the history does not reach back.
        """
        closed, bookmarks, position = self._closed, self._bookmarks, self._store.revision
        if since in ("", "0"):
            for obj in [each for each in self._store.each(resource.kind, namespace) if matches(labels_of(each))]:
                yield "ADDED", copied(obj)
        else:
            position = int(since)
        while closed == self._closed:
            commits = self._store.since(position)
            for commit in commits:
                position = commit.revision
                about = commit.kind == resource.kind and namespace in ("", commit.key[0])
                if about and (kind := _seen_as(commit, matches)):
                    yield kind, copied(commit.obj)
            if bookmarks != self._bookmarks:
                bookmarks = self._bookmarks
                yield "BOOKMARK", _bookmark(resource, position)
            elif not commits:
                await self._next()

    async def _next(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake(self, commit: Commit | None = None) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def _seen_as(commit: Commit, matches: Selector) -> str:
    """What a commit is to a watch with a selector: one that begins or ceases to match comes or goes; '' for nothing."""
    before = commit.old is not None and matches(labels_of(commit.old))
    after = commit.type != "DELETED" and matches(labels_of(commit.obj))
    if before and after:
        return "MODIFIED"
    return "ADDED" if after else "DELETED" if before else ""


def _bookmark(resource: Resource, revision: int) -> Json:
    metadata = {"resourceVersion": str(revision), "creationTimestamp": None}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
