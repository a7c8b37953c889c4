"""The simulated world: store, server, controllers and virtual time, moved on by explicit steps.

Nothing happens by itself. A write changes the store at once; controllers react in `step`, `settle` or `advance`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from remediator.core.model import Json
from remediator.simulation import objects
from remediator.simulation.audit import Audit, Request
from remediator.simulation.clock import START, VirtualClock
from remediator.simulation.cluster import SimulatedCluster
from remediator.simulation.controllers import standard
from remediator.simulation.faults import Faults
from remediator.simulation.identity import Identity
from remediator.simulation.server import Server
from remediator.simulation.store import Commit, Key, Store
from remediator.simulation.system import Controller, System
from remediator.simulation.watches import Watches

_BOOKMARK_EVERY = 60.0
_ENDLESS = 100_000


class World:
    """One cluster with its controllers and clock. Equal seeds and equal calls give equal worlds."""

    def __init__(
        self,
        *,
        seed: int = 0,
        start: datetime = START,
        nodes: int = 3,
        namespaces: Sequence[str] = ("default", "kube-system"),
        history: int = 10_000,
        controllers: Callable[[System], Sequence[Controller]] = standard,
    ) -> None:
        self.clock = VirtualClock(start)
        self.store = Store(history=history)
        self.server = Server(self.store, self.clock, Identity(seed))
        self.audit, self.faults, self.watches = Audit(), Faults(), Watches(self.store)
        self.authorise: Callable[[Request], bool] = lambda request: True
        self.logs: dict[str, str] = {}
        self.steps = 0
        self._queue: dict[tuple[int, Key], None] = {}
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0
        self.controllers = tuple(controllers(System(self.server, self.clock, self._requeue)))
        self._places = {id(controller): place for place, controller in enumerate(self.controllers)}
        self._concerned: dict[str, list[tuple[int, Controller]]] = {}
        for place, controller in enumerate(self.controllers):
            for kind in controller.watches:
                self._concerned.setdefault(kind, []).append((place, controller))
        self.store.listen(self._hear)
        self.after(_BOOKMARK_EVERY, self._bookmark)
        for namespace in namespaces:
            self.server.create(objects.namespace(namespace))
        for number in range(1, nodes + 1):
            self.server.create(objects.node(f"node-{number}"))
        self.settle()

    def cluster(self, account: str = "system:serviceaccount:remediator:remediator") -> SimulatedCluster:
        """The API as one account sees it."""
        return SimulatedCluster(self, account)

    def create(self, *new: Json) -> Json:
        """Create objects as the administrator: no faults, no audit; answers the last one. Controllers wait."""
        obj: Json = {}
        for one in new:
            obj = self.server.create(one)
        return obj

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back once virtual time has moved on so far."""
        self._count += 1
        heapq.heappush(self._timers, (self.clock.now() + timedelta(seconds=seconds), self._count, call))

    def next_event(self) -> datetime | None:
        """When the world has something to do next: now while controllers have work, else the earliest timer."""
        if self._queue:
            return self.clock.now()
        return self._timers[0][0] if self._timers else None

    def step(self) -> bool:
        """One look of one controller at one object; false where none has anything to do at this instant."""
        if not self._queue:
            return False
        place, key = next(iter(self._queue))
        del self._queue[place, key]
        self.steps += 1
        self.controllers[place].reconcile(key)
        return True

    def settle(self) -> int:
        """Let controllers work until none has anything to do at this instant; answers the steps taken."""
        steps = 0
        while self.step():
            steps += 1
            if steps > _ENDLESS:
                place, key = next(iter(self._queue), (0, ("", "")))
                who = type(self.controllers[place]).__name__
                raise RuntimeError(f"the world does not come to rest: {who} still works on {key} after {steps} steps")
        return steps

    def advance(self, seconds: float) -> int:
        """Move virtual time on, doing everything due on the way at its own instant; answers the steps taken."""
        return self.advance_to(self.clock.now() + timedelta(seconds=seconds))

    def advance_to(self, end: datetime) -> int:
        """As `advance`, up to and including an instant; one in the past only settles."""
        steps = self.settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, call = heapq.heappop(self._timers)
            if due > self.clock.now():
                self.clock.move_to(due)
            call()
            if not self._timers or self._timers[0][0] > self.clock.now():
                steps += self.settle()
        if end > self.clock.now():
            self.clock.move_to(end)
        return steps

    def _hear(self, commit: Commit) -> None:
        for place, controller in self._concerned.get(commit.kind, ()):
            for key in controller.keys(commit):
                self._queue[place, key] = None

    def _requeue(self, seconds: float, controller: Controller, key: Key) -> None:
        place = self._places[id(controller)]

        def enqueue() -> None:
            self._queue[place, key] = None

        self.after(seconds, enqueue)

    def _bookmark(self) -> None:
        self.watches.bookmark()
        self.after(_BOOKMARK_EVERY, self._bookmark)
