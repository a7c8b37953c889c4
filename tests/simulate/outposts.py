"""The ports of one process: clock, API server, journal and pager, each behind a way that may fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TypeVar

from remediator.core.events import Event, Record
from remediator.core.model import Change, Json, Ref, Resource
from remediator.ports import Delivered, Delivery, Journal, JournalError, OutcomeUnknown, Receipt, Unavailable
from tests.simulate.life import Life

T = TypeVar("T")

SILENCE = 60.0
"""Seconds of a silent watch after which it is begun anew."""

ACCOUNT = "system:serviceaccount:remediator:remediator"


class MachineClock:
    """A `ports.Clock` that may be wrong and jump; what sleeps is not moved by that."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        return self._life.scene.now()

    async def sleep(self, seconds: float) -> None:
        """See `ports.Clock.sleep`."""
        self._life.demand()
        await self._life.scene.world.clock.sleep(seconds)


class Wire:
    """A `ports.Cluster`: the simulated API server behind a network."""

    def __init__(self, life: Life) -> None:
        self._life, self._cluster = life, life.scene.world.cluster(ACCOUNT)

    async def get(self, ref: Ref) -> Json:
        """See `ports.Cluster.get`."""
        live = await self._life.travel("read", lambda: self._cluster.get(ref), late=_no_answer())
        self._life.scene.oracle.read(live)
        return live

    async def list(self, resource: Resource, namespace: str = "", selector: str = "", fields: str = "") -> list[Json]:
        """See `ports.Cluster.list`."""
        ask = lambda: self._cluster.list(resource, namespace, selector, fields)  # noqa: E731
        found = await self._life.travel("read", ask, late=_no_answer())
        self._life.scene.oracle.listed(found)
        return found

    async def logs(self, pod: Ref, container: str, *, previous: bool = False, lines: int = 60) -> str:
        """See `ports.Cluster.logs`."""
        ask = lambda: self._cluster.logs(pod, container, previous=previous, lines=lines)  # noqa: E731
        return await self._life.travel("read", ask, late=_no_answer())

    async def write(self, change: Change) -> Json:
        """See `ports.Cluster.write`."""
        self._life.demand()
        self._life.scene.oracle.sends(self._life.name, change)
        return await self._life.travel("write", lambda: self._cluster.write(change), late=_who_knows())

    async def rehearse(self, change: Change) -> Json:
        """See `ports.Cluster.rehearse`."""
        return await self._life.travel("rehearse", lambda: self._cluster.rehearse(change), late=_who_knows())

    async def pages(
        self, resource: Resource, namespace: str = "", selector: str = "", form: type[T] = dict
    ) -> AsyncIterator[tuple[Sequence[T], str]]:
        """See `ports.Cluster.pages`."""

        async def ask() -> list[tuple[Sequence[T], str]]:
            return [page async for page in self._cluster.pages(resource, namespace, selector, form)]

        for page in await self._life.travel("read", ask, late=_no_answer()):
            yield page

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        since: str = "",
        selector: str = "",
        form: type[T] = dict,
        name: str = "",
    ) -> AsyncIterator[tuple[str, T]]:
        """See `ports.Cluster.watch`; of one that falls silent the client tires after a while, as the real one does."""
        events = self._cluster.watch(resource, namespace, since, selector, form, name)
        async with aclosing(events):
            async for event in events:
                self._life.demand()
                await self._hold_up(resource)
                self._life.scene.oracle.watched(self._life.name, resource.kind)
                yield event

    async def _hold_up(self, resource: Resource) -> None:
        """Pass events on late, or not at all."""
        weather, waited = self._life.scene.weather, 0.0
        if weather.watch == "breaks":
            weather.meet("watches break")
            raise Unavailable("simulated: connection reset")
        while weather.watch == "silent":
            weather.meet("watches silent")
            await self._life.scene.world.clock.sleep(5.0)
            self._life.demand()
            waited += 5.0
            if waited >= SILENCE:
                raise Unavailable("nothing was heard of the watch", reason="Timeout")


def _no_answer() -> Exception:
    return Unavailable("no answer within the client's time-out", reason="Timeout")


def _who_knows() -> Exception:
    return OutcomeUnknown("no answer within the client's time-out; the write may or may not have happened")


class Desk:
    """A `ports.Journal`: the journal as one process reaches it, on a disk that may refuse."""

    def __init__(self, life: Life, journal: Journal) -> None:
        self._life, self._journal = life, journal

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        """See `ports.Journal.append`."""

        async def ask() -> tuple[Record, ...]:
            self._refuse("journal refuses", "refuses")
            records = await self._journal.append(events, after=after, consume=consume)
            self._life.scene.oracle.appended(self._life.name, records, consume)
            self._refuse("journal loses answers", "loses_answer")
            return records

        return await self._travel("append", ask)

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        return await self._look(lambda: self._journal.read(after, limit))

    async def head(self) -> tuple[int, str]:
        """See `ports.Journal.head`."""
        return await self._look(lambda: self._journal.head())

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Json, ...]:
        """See `ports.Journal.lines`."""
        return await self._look(lambda: self._journal.lines(after, limit))

    async def checkpoint(self, before: int | None = None) -> Record | None:
        """See `ports.Journal.checkpoint`."""
        return await self._look(lambda: self._journal.checkpoint(before))

    async def floor(self, incidents: Collection[str], before: datetime) -> tuple[int, str]:
        """See `ports.Journal.floor`."""
        return await self._look(lambda: self._journal.floor(incidents, before))

    async def drop(self) -> int:
        """See `ports.Journal.drop`."""

        async def ask() -> int:
            self._refuse("journal refuses to drop", "refuses")
            return await self._journal.drop()

        return await self._travel("drop", ask)

    async def receive(self, source: str, body: bytes, at: datetime) -> int:
        """See `ports.Journal.receive`."""

        async def ask() -> int:
            self._refuse("journal refuses payloads", "refuses")
            receipt = await self._journal.receive(source, body, at)
            self._life.scene.oracle.stored(receipt, body)
            self._refuse("journal loses answers about payloads", "loses_answer")
            return receipt

        return await self._travel("receive", ask)

    async def waiting(self, after: int = 0, limit: int = 100) -> tuple[Receipt, ...]:
        """See `ports.Journal.waiting`."""
        return await self._look(lambda: self._journal.waiting(after, limit))

    async def backlog(self) -> tuple[int, int]:
        """See `ports.Journal.backlog`."""
        return await self._look(lambda: self._journal.backlog())

    async def close(self) -> None:
        """The journal is the run's: it stays open."""

    async def _look(self, ask: Callable[[], Awaitable[T]]) -> T:
        async def looked() -> T:
            self._refuse("journal unreadable", "unreadable")
            return await ask()

        return await self._travel("look", looked)

    async def _travel(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        """There and back; on a severed way nothing arrives until it is mended: then it does after all, or is lost."""
        life = self._life

        async def held_up() -> T:
            if not life.is_severed:
                return await ask()
            life.scene.weather.meet("a replica severed from the journal")
            while life.is_severed:
                await life.scene.world.clock.sleep(1.0)
            if life.scene.weather.chance(0.5):
                raise JournalError("simulated: the connection to the journal is gone")
            return await ask()

        return await life.travel(what, held_up)

    def _refuse(self, counted: str, trouble: str) -> None:
        weather = self._life.scene.weather
        if weather.journal != trouble or (trouble == "loses_answer" and not weather.chance(0.5)):
            return
        weather.meet(counted)
        self._life.scene.oracle.journal_fails()
        raise JournalError(f"simulated: the journal {trouble}")


class Pager:
    """A `ports.Notifier`: the person on call, who is not always reached."""

    def __init__(self, life: Life) -> None:
        self._life = life

    async def deliver(self, delivery: Delivery) -> Delivered:
        """See `ports.Notifier.deliver`."""

        async def ask() -> Delivered:
            weather = self._life.scene.weather
            if weather.pager:
                weather.meet("pager refuses")
                return Delivered("simulated: 503")
            self._life.scene.oracle.delivered(delivery)
            return Delivered()

        self._life.demand()
        self._life.scene.oracle.tells(self._life.name, delivery)
        return await self._life.travel("deliver", ask)
