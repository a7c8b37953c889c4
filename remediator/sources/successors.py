"""Whether the pods that a drain evicted run elsewhere: what proves it beside a node that is ready."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from remediator.core.kinds import KINDS, resource
from remediator.core.model import Json, Ref, Value, Verb
from remediator.core.readiness import condition
from remediator.core.snapshot import Answer
from remediator.core.state import Incident
from remediator.core.workload import instant
from remediator.ports import Cluster, ClusterError, NotFound
from remediator.sources.targets import controller_of

CONDITION = "evicted pods run on other nodes"
SKEW = timedelta(minutes=1)
"""By how much the API server's clock may be behind ours for a successor to count as one."""

MOST_NAMED = 5


class Owner(Value, frozen=True):
    """The controller of evicted pods, which makes their successors."""

    namespace: str
    kind: str
    name: str
    uid: str


async def moved(cluster: Cluster, incident: Incident) -> tuple[Answer, ...]:
    """The answer about a node's evicted pods; nothing where a step evicted none, or readiness is not asked for."""
    owners = _owners(incident)
    if not owners or incident.target.kind != "Node" or not incident.definition.until_of(incident.step).ready:
        return ()
    try:
        spaces = sorted({owner.namespace for owner in owners})
        listed = await asyncio.gather(*(cluster.list(KINDS["Pod"], space) for space in spaces))
        have = Counter(uid for pods in listed for pod in pods if (uid := _succeeds(pod, incident)))
        lacking = {owner: count for owner, count in owners.items() if have[owner.uid] < count}
        wanted = await asyncio.gather(*(_wanted(cluster, owner, count) for owner, count in lacking.items()))
    except ClusterError as error:
        return (Answer(CONDITION, None, f"it cannot be read: {error.message}"),)
    missing = [
        f"{have[owner.uid]} of {count} of {owner.kind}/{owner.namespace}/{owner.name}"
        for owner, count in zip(lacking, wanted, strict=True)
        if have[owner.uid] < count
    ]
    return (Answer(CONDITION, not missing, ", ".join(missing[:MOST_NAMED])),)


def _owners(incident: Incident) -> Mapping[Owner, int]:
    """How many pods of each controller were evicted, by the journal."""
    done = incident.progress.done if incident.progress else ()
    gone = (each for each in done if each.verb is Verb.EVICT and "owner" in each.prior)
    return Counter(Owner(each.ref.namespace, **each.prior["owner"]) for each in gone)


def _succeeds(pod: Json, incident: Incident) -> str:
    """The uid of a pod's controller, where the pod has come up elsewhere since the step began; empty where not."""
    meta, owner = pod["metadata"], controller_of(pod)
    created, progress = instant(meta.get("creationTimestamp")), incident.progress
    elsewhere = pod["spec"].get("nodeName") not in (None, incident.target.name)
    since = progress is not None and created is not None and created >= progress.began_at - SKEW
    up = condition(pod, "Ready").get("status") == "True" or pod["status"].get("phase") == "Succeeded"
    well = up and not meta.get("deletionTimestamp")
    return owner["uid"] if owner and elsewhere and since and well else ""


async def _wanted(cluster: Cluster, owner: Owner, evicted: int) -> int:
    """How many successors there ought to be: none of a controller that is gone or has ended, no more than it wants."""
    if owner.kind not in KINDS:
        return evicted
    try:
        live = await cluster.get(Ref(resource(owner.kind), owner.namespace, owner.name))
    except NotFound:
        return 0
    if live["metadata"]["uid"] != owner.uid or any(
        condition(live, kind).get("status") == "True" for kind in ("Complete", "Failed")
    ):
        return 0
    return min(evicted, live["spec"].get("replicas", evicted))
