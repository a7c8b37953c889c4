"""Whether an object that a rule fires for still meets its condition, read live right before the decision."""

from __future__ import annotations

from remediator.conditions import Unknown, Where
from remediator.core.kinds import bare, resource
from remediator.core.model import Json, Ref
from remediator.core.rules import ObjectSpec
from remediator.core.selector import matches
from remediator.core.snapshot import Answer
from remediator.core.state import Incident, SeenSignal
from remediator.ports import Cluster, ClusterError, NotFound
from remediator.sources.watched import fingerprint

MOST = 8
"""Objects of one incident that are asked until one of them still meets the condition."""


async def still(cluster: Cluster, incident: Incident, live: Json) -> tuple[Answer, ...]:
    """The answer to the rule's `when.object`: true where any of the incident's objects meets it. Nothing for a rule of
    another source. `live` is the target, which is not read again where it is the object itself.
    """
    spec = incident.definition.when.object
    if spec is None:
        return ()
    asked = [await _ask(cluster, spec, seen, live) for seen in incident.signals if not seen.resolved][:MOST]
    text = f"when.object: {spec.where or spec.selector}"
    if any(each is True for each in asked):
        return (Answer(text, True),)
    unknown = next((each for each in asked if isinstance(each, Unknown)), None)
    return (Answer(text, False) if unknown is None else Answer(text, None, unknown.reason),)


async def _ask(cluster: Cluster, spec: ObjectSpec, seen: SeenSignal, live: Json) -> bool | Unknown:
    """Whether one object meets the condition; one that is gone or has a successor does not."""
    namespace, name = seen.labels.get("namespace", ""), seen.labels.get("name", "")
    meta = live["metadata"]
    itself = (live.get("kind"), meta.get("namespace", ""), meta["name"]) == (bare(spec.kind), namespace, name)
    try:
        obj = live if itself else await cluster.get(Ref(resource(spec.kind), namespace, name))
    except NotFound:
        return False
    except ClusterError as error:
        return Unknown(f"{spec.kind} {name} cannot be read: {error.message}")
    if fingerprint(spec.kind, namespace, name, obj["metadata"]["uid"]) != seen.fingerprint:
        return False
    if not matches(spec.selector, obj["metadata"].get("labels") or {}):
        return False
    return Where(spec.where, spec.kind).ask(obj)
