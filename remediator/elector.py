"""Elect: of several replicas one is in charge, by a Lease of the Kubernetes API (coordination.k8s.io/v1).

The rules are client-go's (tools/leaderelection): who holds the Lease renews it; others may take it when it was not
renewed for as long as it lasts, by their own monotonic clock. Who cannot renew it stops acting well before that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from remediator.core.kinds import KINDS
from remediator.core.model import Change, Json, PatchType, Precondition, Ref, Value, Verb
from remediator.logs import logger
from remediator.ports import Clock, Cluster, ClusterError, Conflict, NotFound, Unavailable

log = logger("elector")

T = TypeVar("T")
Monotonic = Callable[[], float]
"""Seconds of a clock that nobody sets and that goes on while the process or the machine is stopped."""


def boot_time() -> float:
    """The default of `Monotonic`: time since the machine started, its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class NowhereToMeet(Exception):
    """It is not known in which namespace the Lease is."""


class Terms(Value, frozen=True):
    """Where the Lease is, and its times in seconds: it lasts `duration`; who could not renew it for `renew` gives it
    up; it is tried every `retry`. `retry < renew < duration`: the gap is what a slow clock or a late write may take.
    """

    namespace: str
    name: str = "remediator"
    duration: float = 15.0
    renew: float = 10.0
    retry: float = 2.0

    @property
    def ref(self) -> Ref:
        """The Lease's address."""
        return Ref(KINDS["Lease"], self.namespace, self.name)


class Elector:
    """One candidate. `identity` must be its own: no other process, and no earlier life of this one, has it.

    `holder` is who was seen to hold the Lease, empty where nobody does; `problem` why it could not be asked for.
    """

    def __init__(
        self, cluster: Cluster, clock: Clock, terms: Terms, identity: str, monotonic: Monotonic = boot_time
    ) -> None:
        self._cluster, self._clock, self.terms, self.monotonic = cluster, clock, terms, monotonic
        self.identity, self.holder, self.problem = identity, "", ""
        self._seen: Json = {}
        self._seen_at = self._renewed_at = -1.0
        self._is_held = False
        self._again = asyncio.Event()

    def holds(self) -> bool:
        """Whether this process may act now: it renewed the Lease less than `renew` ago (exclusive).

        Ask right before each act: a process that was stopped for a while wakes up without having been told.
        """
        return self._is_held and self.monotonic() < self._renewed_at + self.terms.renew

    async def acquire(self, may: Callable[[], bool] = lambda: True) -> None:
        """Return when the Lease is held. Tries until then, whatever fails, every `retry`, and as soon as it is given
        back or it is told to `try_again`. While it may not, it only looks who is in charge.
        """
        watching = asyncio.create_task(self._watch())
        try:
            while not await (self._try(self.terms.renew) if may() else self._only_look()):
                with suppress(Unavailable):
                    await self._within(self.terms.retry, self._again.wait())
                self._again.clear()
        finally:
            watching.cancel()
        log.info("the lease is held", lease=str(self.terms.ref), identity=self.identity)

    def try_again(self) -> None:
        """Let `acquire` not wait out its `retry`: what kept it from trying may be over."""
        self._again.set()

    async def keep(self) -> None:
        """Renew the Lease as long as that goes well. Returns when it is lost, at the latest `renew` after that."""
        while self.holds():
            await self._clock.sleep(min(self.terms.retry, self._left()))
            if self.holds() and not await self._try(self._left()) and self.holder != self.identity:
                break
        self._is_held = False
        log.warning("the lease is lost", lease=str(self.terms.ref), holder=self.holder, problem=self.problem)

    async def release(self) -> None:
        """Let others have the Lease at once instead of when it runs out; nothing where it is not held."""
        if not self._is_held:
            return
        self._is_held = False
        try:
            await self._within(self.terms.retry, self._free())
        except ClusterError as error:
            log.warning("the lease could not be released; it runs out by itself", problem=error.message)

    async def _watch(self) -> None:
        """Tell when nobody holds the Lease. No more than a hint: whoever is woken by it looks for itself, and looks
        every `retry` where there is no watch.
        """
        lease = self.terms.ref
        while True:
            try:
                async for kind, seen in self._cluster.watch(lease.resource, lease.namespace, name=lease.name):
                    if kind == "DELETED" or (kind != "BOOKMARK" and not _holder(seen)):
                        self.try_again()
            except ClusterError as error:
                log.debug("the lease cannot be watched; it is looked at instead", problem=error.message)
            await self._clock.sleep(self.terms.retry)

    async def _free(self) -> None:
        """Give the Lease up as it is now: a renewal that was broken off may have come through all the same."""
        for _ in range(2):
            if not self._seen:  # the last try was refused, so that it is not known how the Lease is now
                await self._look()
            if self.holder != self.identity:
                return
            freed = {"holderIdentity": None, "leaseDurationSeconds": 1, "renewTime": _micro_time(self._clock.now())}
            try:
                self._note(await self._cluster.write(self._patch(freed)))
                return
            except Conflict:
                self._seen = {}
        raise Unavailable("it is written by others all the time")

    def _left(self) -> float:
        """Seconds until the Lease counts as lost."""
        return self._renewed_at + self.terms.renew - self.monotonic()

    async def _try(self, patience: float) -> bool:
        """Take or renew the Lease, within so many seconds; whether it is held after that."""
        asked_at = self.monotonic()  # before it was sent: others count from when they see it, which is later
        try:
            await self._within(min(patience, 2 * self.terms.retry), self._take_or_renew())
        except ClusterError as error:
            self._seen = self._seen if isinstance(error, Unavailable) else {}  # after a conflict it is read anew
            self.problem = error.message
            return False
        self.problem = ""
        if self.holder != self.identity:
            return False
        self._renewed_at, self._is_held = asked_at, True
        return True

    async def _only_look(self) -> bool:
        """See how the Lease is; it is not held after that."""
        try:
            await self._within(2 * self.terms.retry, self._look())
        except ClusterError as error:
            self.problem = error.message
        return False

    async def _take_or_renew(self) -> None:
        if not (self._is_held and self._seen):
            await self._look()
        if self._seen and self.holder not in ("", self.identity) and not self._has_run_out():
            return
        now = _micro_time(self._clock.now())
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self.terms.duration)),
            "renewTime": now,
        }
        if self.holder != self.identity:
            spec |= {"acquireTime": now, "leaseTransitions": _spec(self._seen).get("leaseTransitions", -1) + 1}
        self._note(await self._cluster.write(self._patch(spec) if self._seen else self._new(spec)))

    async def _look(self) -> None:
        try:
            self._note(await self._cluster.get(self.terms.ref))
        except NotFound:
            self._seen, self.holder = {}, ""

    def _note(self, live: Json) -> None:
        """Remember the Lease, and since when it is as it is."""
        if _spec(live) != _spec(self._seen):
            self._seen_at = self.monotonic()
        self._seen, self.holder = live, _holder(live)

    def _has_run_out(self) -> bool:
        """Whether nobody renewed it for as long as it lasts (inclusive), by the longer of its word and ours."""
        lasts = max(self.terms.duration, float(_spec(self._seen).get("leaseDurationSeconds") or 0))
        return self.monotonic() >= self._seen_at + lasts

    def _patch(self, spec: Json) -> Change:
        meta = self._seen["metadata"]
        precondition = Precondition(meta["uid"], meta["resourceVersion"])
        return Change(Verb.PATCH, self.terms.ref, {"spec": spec}, precondition, PatchType.MERGE)

    def _new(self, spec: Json) -> Change:
        ref = self.terms.ref
        lease = {
            "apiVersion": ref.resource.api_version,
            "kind": ref.resource.kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "spec": spec,
        }
        return Change(Verb.CREATE, ref, lease, Precondition("", ""))

    async def _within(self, seconds: float, asked: Awaitable[T]) -> T:
        """The answer, or `Unavailable` after so many seconds of the clock."""
        answer, alarm = asyncio.ensure_future(asked), asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({answer, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise Unavailable(f"no answer within {seconds:g} s")
        finally:
            answer.cancel()
            alarm.cancel()


def _spec(lease: Json) -> dict[str, Any]:
    return lease.get("spec") or {}


def _holder(lease: Json) -> str:
    return _spec(lease).get("holderIdentity") or ""


def _micro_time(at: datetime) -> str:
    """An instant as the API's `MicroTime`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
