"""What conditions speak of beside the target itself, read live and only where a source has the word.

A word counts wherever it stands: reading once in vain is better than a value that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from remediator.core.kinds import KINDS, WORKLOADS
from remediator.core.model import Json
from remediator.core.state import Incident
from remediator.ports import Cluster
from remediator.sources.disruptions import covers, scales
from remediator.sources.pods import pod_facts
from remediator.sources.view import pod_view


def speaks(sources: Iterable[str], word: str) -> bool:
    """Whether any source has a word."""
    return any(re.search(rf"\b{word}\b", source) for source in sources)


async def spoken_of(cluster: Cluster, incident: Incident, live: Json, sources: tuple[str, ...], now: datetime) -> Json:
    """Further fields of `target`: those that sources speak of and the target has. Raises `ClusterError`."""
    kind, found = incident.target.kind, {}
    if kind in WORKLOADS and speaks(sources, "hpa"):
        found["hpa"] = await _autoscaler(cluster, incident)
    if kind in WORKLOADS and speaks(sources, "pdb"):
        found["pdb"] = await _disruption_budget(cluster, incident, live)
    if kind == "Node" and speaks(sources, "pods"):
        pods = await cluster.list(KINDS["Pod"], fields=f"spec.nodeName={incident.target.name}")
        found["pods"] = [pod_view(pod_facts(pod), now) for pod in pods]
    return {name: value for name, value in found.items() if value is not None}


async def _autoscaler(cluster: Cluster, incident: Incident) -> Json | None:
    """The HorizontalPodAutoscaler of a workload; None where it has none."""
    found = await cluster.list(KINDS["HorizontalPodAutoscaler"], incident.target.namespace)
    mine = [each for each in found if scales(each, incident.target.kind, incident.target.name)]
    if not mine:
        return None
    spec, status = mine[0]["spec"], mine[0].get("status") or {}
    return {
        "name": mine[0]["metadata"]["name"],
        "min_replicas": spec.get("minReplicas", 1),
        "max_replicas": spec["maxReplicas"],
        "current_replicas": status.get("currentReplicas", 0),
        "desired_replicas": status.get("desiredReplicas", 0),
    }


async def _disruption_budget(cluster: Cluster, incident: Incident, live: Json) -> Json | None:
    """Of the PodDisruptionBudgets over a workload's pods the one that lets the fewest go; None where there is none."""
    labels = live["spec"]["template"]["metadata"].get("labels") or {}
    found = await cluster.list(KINDS["PodDisruptionBudget"], incident.target.namespace)
    mine = [_budget(each) for each in found if covers(each["spec"].get("selector"), labels)]
    return min(mine, key=lambda each: each["allowed"], default=None)


def _budget(live: Json) -> Json:
    """One budget; a status that is behind its spec lets nothing go."""
    status = live.get("status") or {}
    seen = status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
    return {
        "name": live["metadata"]["name"],
        "allowed": status.get("disruptionsAllowed", 0) if seen else 0,
        "healthy": status.get("currentHealthy", 0),
        "wanted": status.get("desiredHealthy", 0),
    }
