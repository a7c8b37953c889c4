"""Who rolls back, restarts and scales: the product's own plans, or kubectl."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from remediator.actions import restart, rollback
from remediator.actions.action import Order
from remediator.core.kinds import KINDS
from remediator.core.model import Change, Json, PatchType, Precondition, Ref, Refusal, Target, Verb
from remediator.core.snapshot import Snapshot
from remediator.core.workload import facts_of, revision_of
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
    """The product: `remediator.actions` plans on a live snapshot, the plan is written as it is."""

    async def undo(self, yard: Yard, ref: Ref, to_revision: int | None) -> Json:
        snapshot = await _snapshot(yard, ref)
        if ref.resource.kind != "Deployment":
            return await _written(yard, _from_history(ref, snapshot, to_revision))
        args = {"to_revision": to_revision} if to_revision else {}
        return await _written(yard, rollback.plan(_order(ref, snapshot, args)))

    async def restart(self, yard: Yard, ref: Ref) -> Json:
        return await _written(yard, restart.plan(_order(ref, await _snapshot(yard, ref), {})))

    async def scale(self, yard: Yard, ref: Ref, replicas: int) -> Json:
        body = {"spec": {"replicas": replicas}}
        return await _written(yard, Change(Verb.PATCH, ref, body, Precondition("", "")))


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
        process = await asyncio.create_subprocess_exec(
            *self._command, "-n", yard.namespace, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode or b"skipped" in out:
            return _refused((err or out).decode().strip())
        return {"done": True}


async def _snapshot(yard: Yard, ref: Ref) -> Snapshot:
    live = await yard.cluster.get(ref)
    kind = "ReplicaSet" if ref.resource.kind == "Deployment" else "ControllerRevision"
    owned = [
        item
        for item in await yard.cluster.list(KINDS[kind], ref.namespace)
        if any(owner["uid"] == live["metadata"]["uid"] for owner in item["metadata"].get("ownerReferences") or ())
    ]
    return Snapshot(facts_of(live, datetime.now(UTC)), live, tuple(sorted(owned, key=revision_of)))


def _order(ref: Ref, snapshot: Snapshot, args: Json) -> Order:
    target = Target(ref.resource.kind, ref.namespace, ref.name, snapshot.live["metadata"]["uid"])
    return Order("fidelity-1", target, args, snapshot)


def _from_history(ref: Ref, snapshot: Snapshot, to_revision: int | None) -> Change | Refusal:
    """What kubectl does to a StatefulSet or DaemonSet, for which there is no action: a revision's data is a patch."""
    numbers = [revision_of(item) for item in snapshot.revisions]
    wanted = to_revision or (numbers[-2] if len(numbers) > 1 else 0)
    found = [item for item in snapshot.revisions if revision_of(item) == wanted]
    if not found:
        return Refusal("no such revision")
    return Change(Verb.PATCH, ref, found[0]["data"], Precondition("", ""), PatchType.STRATEGIC)


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
