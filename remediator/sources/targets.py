"""From an alert's labels to the owning workload or node, through the live owner chain. Never a guess.

What cannot be resolved is answered as `Unresolved` with the reason.
"""

from __future__ import annotations

from remediator.core.kinds import KINDS, bare, is_custom, ref_of, resource
from remediator.core.model import Json, Target, Value
from remediator.core.rules import TargetSpec
from remediator.core.workload import zone_of
from remediator.ports import Forbidden, Invalid, NotFound
from remediator.sources.named import INSTANCE, Addressed, Named, Unresolved, host_of, named
from remediator.sources.reads import Reader

__all__ = ["Located", "Unresolved", "controller_of", "follow", "locate", "resolve"]

LONGEST_CHAIN = 5
"""Owners followed at most; the longest real chain is Pod, Job, CronJob."""


class Located(Value, frozen=True):
    """A live target; `zone` where it is a node that stands in one."""

    target: Target
    zone: str = ""


async def resolve(cluster: Reader, spec: TargetSpec, labels: dict[str, str]) -> Target | Unresolved:
    """The live target that the labels speak of, of the kind that the rule wants.

    See `locate`.
    """
    found = await locate(cluster, spec, labels)
    return found if isinstance(found, Unresolved) else found.target


async def locate(cluster: Reader, spec: TargetSpec, labels: dict[str, str]) -> Located | Unresolved:
    """As `resolve`, with the zone of a node.

    Raises `ClusterError` where the API server cannot be asked: that is no answer and is tried again. What the account
    may not read is an answer: one forbidden namespace must not keep the alerts about all others waiting.
    """
    start = named(spec, labels)
    if isinstance(start, Unresolved):
        return start
    what = f"a node at {start.address}" if isinstance(start, Addressed) else str(start.target)
    try:
        if isinstance(start, Addressed):
            return await _node_at(cluster, start.address)
        doubt = await _doubt(cluster, start, labels) if start.others else ""
        return Unresolved(doubt) if doubt else await follow(cluster, start.target, spec.kind)
    except NotFound as error:
        return Unresolved(f"{what} cannot be followed to a target: {error.message}")
    except (Forbidden, Invalid) as error:
        return Unresolved(f"{what} cannot be read: {error.message}")


async def _node_at(cluster: Reader, address: str) -> Located | Unresolved:
    """The one node of this name or with this address."""
    nodes = await cluster.list(KINDS["Node"])
    found = [node for node in nodes if address in _addresses(node)]
    if len(found) == 1:
        node: Json = {"kind": "Node"} | found[0]
        return Located(Target("Node", "", node["metadata"]["name"], node["metadata"]["uid"]), zone_of(node))
    names = ", ".join(node["metadata"]["name"] for node in found[:3])
    return Unresolved(f"{address} is the address of {f'several nodes: {names}' if found else 'no node'}")


def _addresses(node: Json) -> set[str]:
    listed = (node.get("status") or {}).get("addresses") or ()
    return {host_of(each["address"]) for each in listed} | {node["metadata"]["name"]}


async def _doubt(cluster: Reader, start: Named, labels: dict[str, str]) -> str:
    """Why a pod may not be what the alert speaks of, although a label names it; empty where all agrees.

    A series about a node, scraped from an exporter's pod, has the exporter in `pod` where nothing clashed. A pod that
    really is meant runs on the node, belongs to the workload and mounts the claim that the labels name beside it.
    """
    chain = await _chain(cluster, start.target)
    pod, owners = chain[0], {each["kind"]: each["metadata"]["name"] for each in chain[1:]}
    claims = _claims(pod)
    for kind, name in start.others.items():
        agrees = owners.get(kind) == name
        if kind == "Node":
            agrees = pod.get("spec", {}).get("nodeName") == name and not _is_scraped(pod, labels)
        elif kind == "PersistentVolumeClaim":
            agrees = name in claims
        if not agrees:
            remedy = "write target.label: pod if the pod is meant, or the target.kind that is"
            return f"{start.target} may be the exporter, since the alert also speaks of {kind} {name}: {remedy}"
    return ""


def _is_scraped(pod: Json, labels: dict[str, str]) -> bool:
    """Whether a series was scraped from this very pod."""
    address = (pod.get("status") or {}).get("podIP")
    return bool(address) and host_of(labels.get(INSTANCE, "")) == host_of(address)


def _claims(pod: Json) -> set[str]:
    volumes = pod.get("spec", {}).get("volumes") or ()
    return {each["persistentVolumeClaim"]["claimName"] for each in volumes if each.get("persistentVolumeClaim")}


async def _chain(cluster: Reader, start: Target) -> list[Json]:
    """A live object and its controllers."""
    chain: list[Json] = [{"kind": start.kind} | await cluster.get(ref_of(start))]
    while len(chain) <= LONGEST_CHAIN and (owner := controller_of(chain[-1])):
        above = Target(owner["kind"], start.namespace, owner["name"])
        chain.append({"kind": above.kind} | await cluster.get(ref_of(above)))
    return chain


async def follow(cluster: Reader, start: Target, wanted: str) -> Located | Unresolved:
    """From a live object up its controllers to the wanted kind, or to the last known one where none is named.

    Raises `ClusterError`, `NotFound` where the object or one of its owners is gone.
    """
    seen = start
    for _ in range(LONGEST_CHAIN):
        live = await cluster.get(ref_of(seen))
        namespace = live["metadata"].get("namespace", "") if is_custom(seen.kind) else seen.namespace
        here = Target(seen.kind, namespace, seen.name, live["metadata"]["uid"])
        if seen.uid not in ("", here.uid):
            return Unresolved(f"the owner of {start} is gone: {here} is another object of its name")
        if here.kind == wanted:
            return Located(here, zone_of(live))
        above = _above(live, here.kind, wanted)
        if above is None:
            return Located(here, zone_of(live)) if not wanted else Unresolved(f"{start} is not owned by a {wanted}")
        seen = Target(above["kind"], seen.namespace, above["name"], above.get("uid", ""))
    return Unresolved(f"{start} has more than {LONGEST_CHAIN} owners in a row")


def _above(live: Json, kind: str, wanted: str) -> Json | None:
    """What leads on from a live object to the wanted kind: what it scales, or its controller."""
    scales = wanted and kind == "HorizontalPodAutoscaler"
    above = (live.get("spec", {}).get("scaleTargetRef") if scales else _controller(live)) or {}
    if is_custom(wanted) and _is_of(above, wanted):
        return {**above, "kind": wanted}
    if scales:
        return above if _is_known(above.get("kind", ""), above.get("apiVersion", "")) else None
    return controller_of(live)


def _is_of(above: Json, kind: str) -> bool:
    """Whether what stands above is of a custom kind, in whatever version it is named."""
    group = _group(resource(kind).api_version)
    return above.get("kind") == bare(kind) and _group(above.get("apiVersion", "")) == group


def controller_of(live: Json) -> Json | None:
    """The owner that controls an object, where it is of a known type; a node owns the static pods on it in name only.

    The group is compared too: other projects have a StatefulSet, a DaemonSet or a Job of their own.
    """
    owner = _controller(live)
    if owner is None or owner["kind"] == "Node":
        return None
    return owner if _is_known(owner["kind"], owner["apiVersion"]) else None


def _controller(live: Json) -> Json | None:
    owners = live["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def _is_known(kind: str, api_version: str) -> bool:
    known = KINDS.get(kind)
    return known is not None and _group(known.api_version) == _group(api_version)


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
