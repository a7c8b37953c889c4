"""Diagnose: how a target stands, read live right before the first write about it, and before a person is asked.

All parts are read at once and within `MOST_SECONDS` together; what cannot be read is named with the reason, and nothing
waits for it any longer. Texts are scrubbed here: no secret and no control character gets any further.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from remediator.core.diagnosis import Diagnosis, LogTail, NodeState, RecentEvent, Revision, ServiceState
from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref, Resource, Target
from remediator.core.scrub import scrub
from remediator.core.selecting import selector_of
from remediator.core.text import cut, printable
from remediator.core.workload import condition
from remediator.ports import Clock, Cluster, ClusterError, NotFound
from remediator.sources import histories
from remediator.sources.pod_states import is_ready, log_of, pod_state, worst_first

MOST_SECONDS = 1.5
"""For all of it."""

MOST_PODS, MOST_LOGS, MOST_LINES, MOST_EVENTS, MOST_NODES, MOST_SERVICES = 8, 2, 15, 8, 3, 5
LINE = 240
"""Characters of one line of a log, of a message, of a difference."""

LARGEST = 12 * 1024
"""Bytes of a diagnosis as JSON; of one that is larger the logs go first."""

SERVICE = Resource("v1", "Service", "services")
SLICE = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")

_REMOVED = "unable to retrieve container logs for "
"""What a kubelet answers, with a 200, for a container that it has removed."""

_BEHIND_SECONDS = 0.5


async def diagnose(cluster: Cluster, clock: Clock, target: Target, live: Json) -> Diagnosis:
    """How a live target stands. Never raises, and never takes longer than `MOST_SECONDS`."""
    taken_at = clock.now()
    parts, unread = await _parts(_Reading(cluster, clock, target, live))
    return _fitting(Diagnosis(taken_at, unread=unread, **parts))


class _Reading:
    """What is read of one target; the parts that need its pods share one list of them."""

    def __init__(self, cluster: Cluster, clock: Clock, target: Target, live: Json) -> None:
        self.cluster, self.clock, self.target, self.live = cluster, clock, target, live
        self.namespace = target.namespace
        self._pods: asyncio.Task[list[Json] | ClusterError] | None = None

    @property
    def asking(self) -> tuple[asyncio.Task[list[Json] | ClusterError], ...]:
        """What is still asked for all parts together."""
        return (self._pods,) if self._pods else ()

    async def pods(self) -> list[Json]:
        """The target's pods, the worst first."""
        if self._pods is None:
            self._pods = asyncio.ensure_future(self._listed_pods())
        pods = await asyncio.shield(self._pods)
        if isinstance(pods, ClusterError):
            raise pods
        return pods

    async def _listed_pods(self) -> list[Json] | ClusterError:
        if self.target.kind == "Pod":
            return [self.live]
        selector = selector_of(self.live)
        if not selector:
            return []
        try:
            return worst_first(await self.cluster.list(KINDS["Pod"], self.namespace, selector))
        except ClusterError as error:
            return error


async def _parts(reading: _Reading) -> tuple[Json, dict[str, str]]:
    """Every part that could be read in time, and why the others could not."""
    tasks = {name: asyncio.ensure_future(_part(read, reading)) for name, read in _PARTS.items()}
    try:
        _, late = await asyncio.wait(tasks.values(), timeout=MOST_SECONDS)
    finally:
        for task in (*tasks.values(), *reading.asking):
            task.cancel()
    found: Json = {}
    unread: dict[str, str] = {}
    for name, task in tasks.items():
        if task in late:
            unread[name] = f"took longer than {MOST_SECONDS:g} s"
        elif isinstance(part := task.result(), str):
            unread[name] = part
        else:
            found |= part
    return found, unread


async def _part(read: Callable[[_Reading], Awaitable[Json]], reading: _Reading) -> Json | str:
    """One part, or why there is none: what the API server refuses, and what we did not expect of it."""
    try:
        return await read(reading)
    except ClusterError as error:
        return line_of(error.message)
    except Exception as error:  # an odd object must not keep a person from being asked
        return line_of(f"{type(error).__name__}: {error}")


def line_of(text: str, most: int = LINE) -> str:
    """Text of the cluster on one line, fit to be shown."""
    return cut(printable(scrub(text[: 20 * most]).strip().replace("\n", " ")), most)


async def _pods(reading: _Reading) -> Json:
    pods = await reading.pods()
    left = len(pods) - MOST_PODS
    states = tuple(pod_state(pod, line_of) for pod in pods[:MOST_PODS])
    return {"pods": states} | ({"cut": (f"{left} more pods",)} if left > 0 else {})


async def _logs(reading: _Reading) -> Json:
    """The end of the log of the worst pods' worst containers: of the instance that ended, where one did."""
    wanted = [(pod, log) for pod in await reading.pods() if not is_ready(pod) and (log := log_of(pod))][:MOST_LOGS]
    tails = await asyncio.gather(*(_tail(reading, pod, *log) for pod, log in wanted), return_exceptions=True)
    told = tuple(tail for tail in tails if isinstance(tail, LogTail))
    problem = next((tail for tail in tails if isinstance(tail, BaseException)), None)
    if problem is not None and not told:
        raise problem
    return {"logs": told}


async def _tail(reading: _Reading, pod: Json, container: str, previous: bool) -> LogTail:
    ref = Ref(KINDS["Pod"], reading.namespace, pod["metadata"]["name"])
    text = await _log(reading, ref, container, previous)
    lines = [cut(printable(line.replace("\t", " ")), LINE) for line in scrub(text).splitlines() if line.strip()]
    return LogTail(ref.name, container, tuple(lines[-MOST_LINES:]), previous)


async def _log(reading: _Reading, pod: Ref, container: str, previous: bool) -> str:
    """The text of a log. A kubelet keeps one instance that ended; while the pod's status is behind, that names the one
    before, which is gone. A moment later it names the newer one: so it is asked once more, and then left unread.
    """
    ask = partial(reading.cluster.logs, pod, container, previous=previous, lines=4 * MOST_LINES)
    if not (text := await ask()).startswith(_REMOVED):
        return text
    await reading.clock.sleep(_BEHIND_SECONDS)
    if (text := await ask()).startswith(_REMOVED):
        raise NotFound(f"the log of {pod.namespace}/{pod.name} was removed with its container")
    return text


async def _events(reading: _Reading) -> Json:
    """Recent Events about the target and its worst pods, warnings and the latest first."""
    about = [reading.live, *[pod for pod in await reading.pods() if pod is not reading.live][:2]]
    uids = [uid for each in about if (uid := each["metadata"].get("uid"))]
    ask = partial(reading.cluster.list, KINDS["Event"], reading.namespace)
    lists = await asyncio.gather(*(ask(fields=f"involvedObject.uid={uid}") for uid in uids))
    events = [_event(each) for found in lists for each in found]
    events.sort(key=lambda event: (event.type != "Warning", -(event.last_at.timestamp() if event.last_at else 0)))
    return {"events": tuple(events[:MOST_EVENTS])}


def _event(event: Json) -> RecentEvent:
    """As `kubectl describe` reads it: a series has its own count and time."""
    series, about = event.get("series") or {}, event.get("involvedObject") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    count = series.get("count") or event.get("count") or 1
    who = f"{about.get('kind', '')}/{about.get('name', '')}"
    return RecentEvent(
        line_of(who), event.get("type", ""), line_of(event.get("reason", "")), line_of(event.get("message", "")),
        count, histories.instant(last),
    )  # fmt: skip


async def _revisions(reading: _Reading) -> Json:
    """The roll-out history, the newest first, and what the present one changed."""
    kind = histories.KIND_OF.get(reading.target.kind)
    if kind is None:
        return {}
    found = await reading.cluster.list(KINDS[kind], reading.namespace, selector_of(reading.live))
    own = histories.newest_first(found, reading.live)
    revisions = tuple(_revision(each) for each in own[: histories.MOST])
    changed = histories.changed(own[1], own[0]) if len(own) > 1 else ""
    return {"revisions": revisions, "changed": "\n".join(line_of(line) for line in changed.splitlines())}


def _revision(revision: Json) -> Revision:
    told = histories.revision_of(revision)
    return replace(told, images=tuple(line_of(image) for image in told.images), cause=line_of(told.cause))


async def _services(reading: _Reading) -> Json:
    """Services that select the target's pods, and how many of their endpoints take traffic."""
    labels = ((reading.live.get("spec") or {}).get("template") or {}).get("metadata", {}).get("labels") or {}
    if not labels:
        return {}
    services = await reading.cluster.list(SERVICE, reading.namespace)
    names = [each["metadata"]["name"] for each in services if _selects(each, labels)][:MOST_SERVICES]
    if not names:
        return {}
    wanted = f"kubernetes.io/service-name in ({','.join(names)})"
    slices = await reading.cluster.list(SLICE, reading.namespace, wanted)
    return {"services": tuple(_service(name, slices) for name in names)}


def _selects(service: Json, labels: dict[str, str]) -> bool:
    selector = (service.get("spec") or {}).get("selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def _service(name: str, slices: list[Json]) -> ServiceState:
    own = [each for each in slices if each["metadata"]["labels"].get("kubernetes.io/service-name") == name]
    ready = [
        (point.get("conditions") or {}).get("ready", True) for each in own for point in each.get("endpoints") or ()
    ]
    return ServiceState(name, sum(ready), len(ready) - sum(ready))


async def _nodes(reading: _Reading) -> Json:
    """The nodes under pods that do not run well; the target itself where it is one."""
    if reading.target.kind == "Node":
        return {"nodes": (node_state(reading.live),)}
    pods = [pod for pod in await reading.pods() if not is_ready(pod)]
    names = list(dict.fromkeys(name for pod in pods if (name := (pod.get("spec") or {}).get("nodeName"))))[:MOST_NODES]
    nodes = await asyncio.gather(*(reading.cluster.get(Ref(KINDS["Node"], "", name)) for name in names))
    return {"nodes": tuple(node_state(node) for node in nodes)}


def node_state(node: Json) -> NodeState:
    """A node and what is wrong with it: not ready, under pressure, closed."""
    troubles = []
    ready = condition(node, "Ready")
    if ready.get("status") != "True":
        troubles.append(f"Ready is {ready.get('status', 'Unknown')}: {ready.get('message') or ready.get('reason', '')}")
    for each in (node.get("status") or {}).get("conditions") or ():
        if each.get("type") != "Ready" and each.get("status") == "True":
            troubles.append(f"{each.get('type')}: {each.get('message', '')}")
    if (node.get("spec") or {}).get("unschedulable"):
        troubles.append("unschedulable")
    return NodeState(node["metadata"]["name"], tuple(line_of(each) for each in troubles[:5]))


def _fitting(found: Diagnosis) -> Diagnosis:
    """The diagnosis within `LARGEST` bytes."""
    for name, empty in (("logs", ()), ("changed", ""), ("events", ()), ("revisions", ())):
        if len(msgspec.json.encode(found)) <= LARGEST:
            break
        if name == "logs":
            found = replace(found, logs=tuple(replace(log, lines=log.lines[-5:]) for log in found.logs))
        else:
            found = replace(found, **{name: empty})
        found = replace(found, cut=(*found.cut, f"{name}: too much for {LARGEST} bytes"))
    return found


_PARTS: dict[str, Callable[[_Reading], Awaitable[Json]]] = {
    "pods": _pods,
    "logs": _logs,
    "events": _events,
    "revisions": _revisions,
    "services": _services,
    "nodes": _nodes,
}
