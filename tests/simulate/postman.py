"""Alertmanager's way to the webhook: it tries again, and on the way payloads get lost, late, doubled or overtaken."""

from __future__ import annotations

import asyncio

import msgspec

from remediator.core.model import Json
from tests.simulate.edge import post
from tests.simulate.life import Scene
from tests.simulate.supervisor import Process, Supervisor

FIRST_PAUSE, LONGEST_PAUSE, PATIENCE = 1.0, 60.0, 3600.0


class Postman:
    """Delivers payloads, newest of each group; gives one up only for a newer one or after an hour."""

    def __init__(self, scene: Scene, supervisor: Supervisor) -> None:
        self._scene, self._supervisor = scene, supervisor
        self._newest: dict[str, int] = {}
        self._count = 0

    def send(self, payload: Json) -> None:
        """Take a payload from Alertmanager."""
        self._scene.oracle.counts["payloads sent"] += 1
        self.send_bytes(msgspec.json.encode(payload), str(payload.get("groupKey")))

    def send_bytes(self, body: bytes, group: str) -> None:
        """Take a body of any content; it replaces an older one of its group that is still on the way."""
        self._count += 1
        self._newest[group] = self._count
        self._scene.loop.start(self._bring(body, group, self._count))

    async def _bring(self, body: bytes, group: str, number: int) -> None:
        weather, clock, counts = self._scene.weather, self._scene.world.clock, self._scene.oracle.counts
        pause, waited = FIRST_PAUSE, 0.0
        if weather.road == "drops":
            weather.meet("payloads dropped")
            return
        if weather.road == "late":
            weather.meet("payloads late")
            await clock.sleep(weather.between(5, 600))
            if self._newest[group] != number:
                weather.meet("payloads overtaken")  # what comes now is older than what has come
        while not await self._offer(body):
            counts["payloads refused"] += 1
            await clock.sleep(pause)
            pause, waited = min(pause * 2, LONGEST_PAUSE), waited + pause
            if waited > PATIENCE or self._newest[group] != number:
                counts["payloads given up"] += 1
                return
        if weather.road == "doubles":
            weather.meet("payloads doubled")
            await clock.sleep(weather.between(0, 60))
            await self._offer(body)

    async def _offer(self, body: bytes) -> bool:
        """One POST; true where the answer was 2xx, or 4xx, and arrived."""
        weather, process = self._scene.weather, self._supervisor.anyone(0.3)
        if weather.road == "blocked" or process is None or not process.listens:
            if weather.road == "blocked":
                weather.meet("road blocked")
            return False
        answer: asyncio.Future[bool] = self._scene.loop.create_future()
        self._scene.loop.start(_handle(process, body, answer), process.life.group)
        timer = self._scene.loop.call_later(10.0, lambda: answer.done() or answer.set_result(False))
        taken = await answer
        timer.cancel()
        if taken and weather.road == "loses_answer" and weather.chance(0.5):
            weather.meet("answers to payloads lost")
            return False
        return taken


async def _handle(process: Process, body: bytes, answer: asyncio.Future[bool]) -> None:
    """What happens on the side of the process: its web server takes the request."""
    status = await post(process.app, "/webhook/alertmanager", body)
    oracle = process.life.scene.oracle
    oracle.counts[f"payloads answered {status}"] += 1
    if status < 300:
        oracle.accepted(body)
    if not answer.done():
        answer.set_result(status < 500)
