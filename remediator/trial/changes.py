"""What somebody else does during a trial: to the cluster, as an administrator, or to the remediator, as an operator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from remediator.core.durations import format_duration
from remediator.core.events import Pause
from remediator.core.model import Phase
from remediator.core.observations import Answered, Paused
from remediator.ports import ClusterError
from remediator.trial import manifests
from remediator.trial.stage import Stage, ref_named

if TYPE_CHECKING:
    from remediator.config.trial_shapes import ChangeShape, PauseShape


class Changes:
    """Makes them happen. What cannot happen is a problem of the stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def begin(self) -> None:
        """From now on they come."""
        for index, change in enumerate(self._stage.trial.says.changes):
            self._stage.loop.start(self._make(index, change))

    async def _make(self, index: int, change: ChangeShape) -> None:
        await asyncio.sleep(change.at)
        try:
            await _HOW[change.what](self._stage, change)
        except (ClusterError, LookupError) as error:
            said = error.message if isinstance(error, ClusterError) else error.args[0]
            where = f"changes[{index}], at {format_duration(change.at)}"
            self._stage.problems.append(f"{where}: `{change.what}` is not possible: {said}")


async def _create(stage: Stage, change: ChangeShape) -> None:
    assert change.create is not None
    manifests.create(stage.world, change.create)


async def _patch(stage: Stage, change: ChangeShape) -> None:
    assert change.patch is not None
    manifests.change(stage.world, ref_named(change.patch), change.with_ or {})


async def _delete(stage: Stage, change: ChangeShape) -> None:
    assert change.delete is not None
    stage.world.server.delete(ref_named(change.delete))


async def _answer(stage: Stage, change: ChangeShape) -> None:
    rule = change.approve or change.deny
    waiting = [
        each
        for each in stage.controller.state.incidents.values()
        if each.definition.name == rule and each.phase is Phase.AWAITING
    ]
    if not waiting:
        raise LookupError(f"no plan of the rule {rule} waits for an approval then")
    for each in waiting:
        answered = Answered(each.id, each.plan, change.approve is not None, change.by, change.reason)
        await stage.controller.tell(answered)


async def _pause(stage: Stage, change: ChangeShape) -> None:
    scope: PauseShape | None = change.pause or change.resume
    assert scope is not None
    lifted = change.resume is not None
    pause = Pause("", scope.rule, scope.namespace, scope.target, change.reason, lifted=lifted)
    await stage.controller.tell(Paused(pause, change.by))


_HOW: dict[str, Callable[[Stage, ChangeShape], Awaitable[None]]] = {
    "create": _create,
    "patch": _patch,
    "delete": _delete,
    "approve": _answer,
    "deny": _answer,
    "pause": _pause,
    "resume": _pause,
}
