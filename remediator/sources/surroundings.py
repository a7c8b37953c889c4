"""What is read around a target for guards: only what they need for the step at hand, all at once, live.

What cannot be read is named with the reason, and the guard that needs it holds; nothing is ever guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref
from remediator.core.state import Incident, State
from remediator.core.surroundings import Gate, Namespace, Need, Owner, Surroundings
from remediator.core.workload import exclude_of
from remediator.ports import Cluster, ClusterError, NotFound
from remediator.sources.capacity import capacity
from remediator.sources.disruptions import autoscalers, disruption_budgets
from remediator.sources.siblings import members, siblings
from remediator.sources.targets import LONGEST_CHAIN, controller_of

Reader = Callable[[Cluster, State, Incident, Json], Awaitable[object]]


async def surroundings(
    cluster: Cluster,
    state: State,
    incident: Incident,
    live: Json,
    needs: Iterable[Need],
    outside: Mapping[Need, Reader] | None = None,
) -> Surroundings:
    """All that is needed around a live target. Never raises a `ClusterError`.

    `outside` reads what the cluster itself does not know; without it nothing outside speaks against anything.
    """
    wanted, readers = sorted(needs), _READERS | dict(outside or {})
    reading = [_read(readers[need], cluster, state, incident, live) for need in wanted]
    found = await asyncio.gather(*reading) if len(reading) > 1 else [await each for each in reading]
    answers = dict(zip(wanted, found, strict=True))
    unread = {need.value: str(answer) for need, answer in answers.items() if isinstance(answer, ClusterError)}
    read = {need.value: answer for need, answer in answers.items() if not isinstance(answer, ClusterError)}
    return Surroundings(unread=unread, **read)  # type: ignore[arg-type]


async def _read(reader: Reader, cluster: Cluster, state: State, incident: Incident, live: Json) -> object:
    try:
        return await reader(cluster, state, incident, live)
    except ClusterError as error:
        return error


async def namespace(cluster: Cluster, state: State, incident: Incident, live: Json) -> Namespace:
    """The target's namespace; one that is gone is taken for one on its way out."""
    try:
        found = await cluster.get(Ref(KINDS["Namespace"], "", incident.target.namespace))
    except NotFound:
        return Namespace(terminating=True)
    return Namespace(found["metadata"].get("deletionTimestamp") is not None, exclude_of(found))


async def owners(cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[Owner, ...]:
    """The controllers above the target, as far as their kinds are known; one that is gone says nothing."""
    found: list[Owner] = []
    here = live
    while len(found) < LONGEST_CHAIN and (owner := controller_of(here)) and owner["kind"] in KINDS:
        kind = KINDS[owner["kind"]]
        try:
            here = await cluster.get(Ref(kind, incident.target.namespace if kind.namespaced else "", owner["name"]))
        except NotFound:
            break
        found.append(Owner(f"{owner['kind']} {owner['name']}", exclude_of(here)))
    return tuple(found)


async def no_silences(cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[str, ...]:
    """No Alertmanager is asked."""
    return ()


async def no_gates(cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[Gate, ...]:
    """Nobody is asked: what is required or vetoes stays unknown."""
    return ()


_READERS: dict[Need, Reader] = {
    Need.NAMESPACE: namespace,
    Need.OWNERS: owners,
    Need.SIBLINGS: siblings,
    Need.AUTOSCALERS: autoscalers,
    Need.DISRUPTION_BUDGETS: disruption_budgets,
    Need.MEMBERS: members,
    Need.SILENCES: no_silences,
    Need.CAPACITY: capacity,
    Need.GATES: no_gates,
}
