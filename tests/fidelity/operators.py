"""Who rolls back, restarts and scales: the product's own plans, or kubectl."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from remediator.actions import restart, rollback
from remediator.actions.action import Order
from remediator.core.histories import history, present
from remediator.core.kinds import KINDS, WORKLOADS
from remediator.core.model import Change, Json, Precondition, Ref, Refusal, Target, Verb
from remediator.core.snapshot import Snapshot
from remediator.core.workload import facts_of
from remediator.ports import ClusterError
from tests.fidelity.yards import Yard


class Operator(Protocol):
    """Answers whether it was done, and what was said where it was not."""

    async def undo(self, yard: Yard, ref: Ref, to_revision: int | None) -> Json:
        """Roll back to a revision, without one to the one before."""
        ...

    async def restart(self, yard: Yard, ref: Ref) -> Json:
        """Roll the same template out anew."""
        ...

    async def scale(self, yard: Yard, ref: Ref, replicas: int) -> Json:
        """Set the number of replicas."""
        ...


class Planned:
    """The product: `remediator.actions` plans on a live snapshot, the plan is written as it is.

    Without a revision kubectl takes the one before, proven or not: so it is named to the product.
    """

    async def undo(self, yard: Yard, ref: Ref, to_revision: int | None) -> Json:
        snapshot = await _snapshot(yard, ref)
        wanted = to_revision or next((each.number for each in reversed(snapshot.revisions[:-1])), 0)
        args = {"to_revision": wanted} if wanted else {}
        return await _written(yard, rollback.plan(_order(ref, snapshot, args)))

    async def restart(self, yard: Yard, ref: Ref) -> Json:
        return await _written(yard, restart.plan(_order(ref, await _snapshot(yard, ref), {})))

    async def scale(self, yard: Yard, ref: Ref, replicas: int) -> Json:
        body = {"spec": {"replicas": replicas}}
        return await _written(yard, Change(Verb.PATCH, ref, body, Precondition("", "")))


_TRIES = 3


class Kubectl:
    """The real kubectl, on the lab."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        self._command = [str(program), "--kubeconfig", str(kubeconfig)]

    async def undo(self, yard: Yard, ref: Ref, to_revision: int | None) -> Json:
        number = [f"--to-revision={to_revision}"] if to_revision else []
        return await self._run(yard, "rollout", "undo", _word(ref), *number)

    async def restart(self, yard: Yard, ref: Ref) -> Json:
        return await self._run(yard, "rollout", "restart", _word(ref))

    async def scale(self, yard: Yard, ref: Ref, replicas: int) -> Json:
        return await self._run(yard, "scale", _word(ref), f"--replicas={replicas}")

    async def _run(self, yard: Yard, *words: str) -> Json:
        """What kubectl comes to. One that fails is typed again, as a person would: what is refused stays refused."""
        answer = await self._once(yard, *words)
        for _ in range(_TRIES - 1):
            if answer["done"]:
                break
            await asyncio.sleep(1)
            answer = await self._once(yard, *words)
        return answer

    async def _once(self, yard: Yard, *words: str) -> Json:
        process = await asyncio.create_subprocess_exec(
            *self._command, "-n", yard.namespace, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode or b"skipped" in out:
            return _refused((err or out).decode().strip())
        return {"done": True}


async def _snapshot(yard: Yard, ref: Ref) -> Snapshot:
    live = await yard.cluster.get(ref)
    kinds = ("ReplicaSet",) if ref.resource.kind == "Deployment" else ("ControllerRevision", "Pod")
    lists = [await yard.cluster.list(KINDS[kind], ref.namespace) for kind in kinds]
    revisions = history(live, *lists) if ref.resource.kind in WORKLOADS else ()
    return Snapshot(facts_of(live, datetime.now(UTC), present(live, revisions)), live, revisions)


def _order(ref: Ref, snapshot: Snapshot, args: Json) -> Order:
    target = Target(ref.resource.kind, ref.namespace, ref.name, snapshot.live["metadata"]["uid"])
    return Order("fidelity-1", target, args, snapshot)


async def _written(yard: Yard, planned: Change | Refusal) -> Json:
    if isinstance(planned, Refusal):
        return _refused(planned.reason)
    try:
        await yard.cluster.write(planned)
    except ClusterError as error:
        return _refused(error.message)
    return {"done": True}


def _refused(why: str) -> Json:
    return {"done": False, "said": why}


def _word(ref: Ref) -> str:
    return f"{ref.resource.kind.lower()}/{ref.name}"
