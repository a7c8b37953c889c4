"""Objects of a test file as the API takes them: manifests as they are, short forms written out."""

from __future__ import annotations

from collections.abc import Sequence

from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref
from remediator.simulation import objects
from remediator.simulation.world import World

REPLICAS = 3
"""Replicas of a short form that says nothing of them."""


def manifest(given: Json) -> Json:
    """A manifest as it is; a short form written out."""
    if "metadata" in given:
        return given
    made, given_spec = _made(given), given["spec"]
    if "spec" in made:
        made = {**made, "spec": {**made["spec"], **given_spec}}
    return _marked(made, given)


def create(world: World, given: Json) -> None:
    """Create it as the API server would, which takes no status; then give it the manifest's own, as a controller would
    that the simulated cluster does not have (CronJob, PersistentVolumeClaim, ResourceQuota). Raises `ClusterError`.
    """
    made = world.create(manifest(given))
    if "status" in given:
        world.server.update_status({**made, "status": given["status"]})


def change(world: World, ref: Ref, body: Json) -> None:
    """A strategic merge patch, of the status too. Raises `ClusterError`."""
    rest = {name: value for name, value in body.items() if name != "status"}
    live = world.server.patch(ref, rest, PatchType.STRATEGIC)
    if "status" in body:
        status = {**(live.get("status") or {}), **body["status"]}
        kept = {name: value for name, value in status.items() if value is not None}
        world.server.update_status({**live, "status": kept})


def _made(given: Json) -> Json:
    name, namespace, image, pod = (given[key] for key in ("name", "namespace", "image", "pod"))
    replicas = REPLICAS if given["replicas"] is None else given["replicas"]
    match given["kind"]:
        case "Deployment":
            return objects.deployment(name, namespace, image, replicas, pod=pod)
        case "StatefulSet":
            return objects.stateful_set(name, namespace, image, replicas, pod=pod)
        case "DaemonSet":
            return objects.daemon_set(name, namespace, image, pod=pod)
        case "Job":
            return objects.job(name, namespace, image)
        case "Pod":
            return objects.pod(name, namespace, image, **pod)
        case "Node":
            return objects.node(name)
        case _:
            return objects.namespace(name)


def _marked(made: Json, given: Json) -> Json:
    """An object with the labels and annotations that were given, beside its own."""
    metadata = dict(made["metadata"])
    for key in ("labels", "annotations"):
        if given[key]:
            metadata[key] = {**metadata.get(key, {}), **given[key]}
    return {**made, "metadata": metadata}


def namespaces(given: Sequence[Json]) -> list[str]:
    """The namespaces of objects, those that every cluster has, and none that is given itself."""
    named = {"default", "kube-system", *(_place(each) for each in given)} - {""}
    return sorted(named - {_metadata(each)["name"] for each in given if each["kind"] == "Namespace"})


def _place(obj: Json) -> str:
    known = KINDS.get(obj["kind"])
    return _metadata(obj).get("namespace", "") if known is None or known.namespaced else ""


def _metadata(obj: Json) -> Json:
    return obj.get("metadata") or obj
