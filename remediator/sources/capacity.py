"""Whether what a step takes away can come back, read live: the API server is asked to create it, in a dry run, and the
other nodes are looked at for room. Nothing is written.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from remediator.core.draining import Ways, name_of, sort
from remediator.core.kinds import KINDS, WORKLOADS
from remediator.core.model import Change, Json, Precondition, Ref, Verb
from remediator.core.placing import ENDED, beyond, unplaced
from remediator.core.quantities import quantity
from remediator.core.state import Incident, State
from remediator.core.surroundings import Capacity
from remediator.ports import Cluster, ClusterError, Forbidden, Invalid, NotFound, Unavailable
from remediator.sources.targets import controller_of

MOST_ASKED = 50
"""Controllers of a node's pods that the API server is asked about; the others are named as not asked."""

_QUOTA = re.compile(r"exceeded quota: (?P<name>[^,]+), requested: .*?, used: (?P<used>.*?), limited: (?P<limited>.*)")


_TERMINATING = "because it is being terminated"
"""What the API server says of whatever is created in a namespace on its way out: somebody's wish, and soon over."""


async def capacity(cluster: Cluster, state: State, incident: Incident, live: Json) -> Capacity:
    """What is known of the pods that would have to come up anew: those of a workload's template, of a node, or one."""
    if incident.target.kind == "Node":
        return await _of_node(cluster, incident, live)
    if incident.target.kind in WORKLOADS:
        one = {"metadata": live["spec"]["template"].get("metadata") or {}, "spec": live["spec"]["template"]["spec"]}
        return await _created(cluster, [(incident.target.namespace, incident.target.name, one)])
    if incident.target.kind == "Pod":
        return await _created(cluster, [(incident.target.namespace, incident.target.name, live)])
    raise Invalid(f"what takes the place of a {incident.target.kind} is not defined")


async def _of_node(cluster: Cluster, incident: Incident, live: Json) -> Capacity:
    """All pods that a drain takes away; every other node, and what is requested there, tell whether there is room."""
    nodes, pods, daemon_sets = await asyncio.gather(
        *(cluster.list(KINDS[kind]) for kind in ("Node", "Pod", "DaemonSet"))
    )
    args = incident.definition.do[incident.step].args
    ways = Ways(args.get("ignore_daemonsets", True), args.get("delete_empty_dir", False))
    here = [pod for pod in pods if pod["spec"].get("nodeName") == live["metadata"]["name"]]
    going = [pod for pod in sort(here, daemon_sets, ways).going if pod["status"].get("phase") not in ENDED]
    others = [node for node in nodes if node["metadata"]["uid"] != live["metadata"]["uid"]]
    asked = await _created(cluster, _by_controller(going))
    return Capacity(
        asked.refused,
        asked.unknown,
        tuple(name_of(pod) for pod in unplaced(going, others, pods)),
        tuple(sorted({what for pod in going for what in beyond(pod)})),
    )


def _by_controller(pods: Sequence[Json]) -> list[tuple[str, str, Json]]:
    """One pod for each controller: what admits one admits its siblings."""
    found = {(controller_of(pod) or {}).get("uid", pod["metadata"]["uid"]): pod for pod in pods}
    return [(pod["metadata"]["namespace"], pod["metadata"]["name"], pod) for pod in found.values()]


async def _created(cluster: Cluster, pods: list[tuple[str, str, Json]]) -> Capacity:
    """Ask the API server about each: admission, quota, pod security, and every webhook."""
    answers = await asyncio.gather(*(_ask(cluster, *each) for each in pods[:MOST_ASKED]))
    refused = tuple(why for known, why in answers if why and known)
    unknown = tuple(why for known, why in answers if why and not known)
    surplus = len(pods) - MOST_ASKED
    return Capacity(refused, (*unknown, f"{surplus} more controllers were not asked about") if surplus > 0 else unknown)


async def _ask(cluster: Cluster, namespace: str, name: str, pod: Json) -> tuple[bool, str]:
    """Whether the answer is knowledge, and why the pod cannot be created; empty where it can."""
    ref = Ref(KINDS["Pod"], namespace, "")
    body = _anew(namespace, name, pod)
    try:
        await cluster.rehearse(Change(Verb.CREATE, ref, body, Precondition("", ""), summary=f"a pod like {name}"))
    except ClusterError as error:
        return _weighed(f"{namespace}/{name}", error)
    return True, ""


def _weighed(name: str, error: ClusterError) -> tuple[bool, str]:
    said = f"{name}: {error.message}"
    if isinstance(error, Forbidden) and (quota := _QUOTA.search(error.message)):
        return (True, said) if _is_over(quota) else (True, "")
    if isinstance(error, Forbidden) and "cannot create resource" in error.message:
        return True, f"{said} (it is used in dry runs alone)"  # waiting grants no right: a person has to
    if "does not support dry run" in error.message or _TERMINATING in error.message:
        return False, said
    webhook_is_down = isinstance(error, Unavailable) and "failed calling webhook" in error.message
    return webhook_is_down or isinstance(error, Forbidden | Invalid | NotFound), said


def _is_over(quota: re.Match[str]) -> bool:
    """Whether more is used than is granted even now. A pod that goes gives its share back to the one that follows."""
    used, limited = _amounts(quota["used"]), _amounts(quota["limited"])
    return any(used[name] > limited[name] for name in limited.keys() & used.keys())


def _amounts(text: str) -> dict[str, Any]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip(): quantity(amount.strip()) for name, _, amount in pairs}


def _anew(namespace: str, name: str, pod: Json) -> Json:
    """The manifest of a pod like this one, without what the cluster gave it: its node, and its token's volume."""
    spec = {key: value for key, value in pod["spec"].items() if key not in ("nodeName", "ephemeralContainers")}
    spec["volumes"] = [each for each in spec.get("volumes") or () if not _is_given(each)]
    for kind in ("containers", "initContainers"):
        if kind in spec:
            spec[kind] = [_without_tokens(each) for each in spec[kind]]
    meta = {key: value for key in ("labels", "annotations") if (value := (pod.get("metadata") or {}).get(key))}
    named = {"generateName": f"{name[:200]}-", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta | named, "spec": spec}


def _without_tokens(container: Json) -> Json:
    mounts = container.get("volumeMounts") or ()
    return {**container, "volumeMounts": [each for each in mounts if not _is_given(each)]}


def _is_given(volume: Json) -> bool:
    return volume["name"].startswith("kube-api-access-")
