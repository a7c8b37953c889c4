"""Where the demo plays: a cluster with somebody who breaks it, and the alerts that follow."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Protocol

from remediator.core.model import PatchType
from remediator.demo.scenes import SCENES, Scene
from remediator.ports import Clock, Cluster


class Theatre(Protocol):
    """A cluster on which scenes can be set up and broken. Alerts go to the webhook once it is known."""

    @property
    def name(self) -> str:
        """What the viewer is told of it."""
        ...

    @property
    def cluster(self) -> Cluster:
        """The API as the controller's account sees it."""
        ...

    @property
    def clock(self) -> Clock:
        """The time by which the controller waits."""
        ...

    async def set_up(self, webhook: str) -> None:
        """Bring every scene's Deployment about, and let alerts go to the webhook."""
        ...

    async def break_(self, scene: Scene) -> None:
        """Roll out the scene's next image."""
        ...

    async def close(self) -> None:
        """End all that was started."""
        ...


LEAD = timedelta(seconds=15)
"""The first versions have been rolled out for so long when the play begins."""


class SimulatedTheatre:
    """The in-memory cluster, its clock running with the real one, and mixin alerts posted over real HTTP."""

    name = "a simulated cluster in this process"

    def __init__(self, clock: Clock) -> None:
        from remediator.simulation.world import World

        self.world = World(start=clock.now() - LEAD, namespaces=("default", "kube-system", "shop"))
        self.cluster, self.clock = self.world.cluster(), self.world.clock
        self._real = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._posts: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def set_up(self, webhook: str) -> None:
        """See `Theatre.set_up`."""
        from remediator.simulation.alertmanager import Timing
        from remediator.simulation.alerts import AlertSource
        from remediator.simulation.live import live

        self.world.create(*(scene.deployment for scene in SCENES))
        self.world.advance_to(self._real.now())
        timing = Timing(interval=1, holds=2, group_wait=1, group_interval=2)
        AlertSource(self.world, self._posts.put_nowait, timing)
        self._tasks = [
            asyncio.create_task(live(self.world, self._real)),
            asyncio.create_task(self._alertmanager(webhook)),
        ]

    async def break_(self, scene: Scene) -> None:
        """See `Theatre.break_`."""
        self.world.server.patch(scene.ref, scene.fault, PatchType.STRATEGIC)

    async def close(self) -> None:
        """See `Theatre.close`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _alertmanager(self, webhook: str) -> None:
        """Post each payload until it is taken, as Alertmanager does on 5xx."""
        import msgspec

        from remediator.clients.http_config import HttpConfig
        from remediator.clients.outbound import Outbound, Question

        outbound = Outbound()
        try:
            while True:
                body = msgspec.json.encode(await self._posts.get())
                question = Question("POST", webhook, 60.0, body, {"Content-Type": "application/json"})
                while (await outbound.ask(question, HttpConfig())).status >= 500:
                    await self._real.sleep(0.5)
        finally:
            await outbound.close()
