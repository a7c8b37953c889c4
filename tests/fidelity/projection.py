"""What of an object is compared. What cannot be equal is left out or masked, each with its reason.

Masking keeps that there is a value: a time that one cluster writes and the other does not is a difference.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from remediator.core.model import Json, Value
from tests.fidelity.names import Names


class Volatile(Value, frozen=True):
    """Fields that differ between any two runs: what they are called, a pattern that their dotted path ends with, and
    why. `mask` is shown instead of the value; without one the field is left out.
    """

    name: str
    field: str
    why: str
    mask: str = ""


VOLATILE = (
    Volatile("managed fields", r"metadata\.managedFields", "who wrote what when: the simulated cluster keeps no books"),
    Volatile("uids", r"metadata\.uid", "drawn at random; references to them are compared", "some uid"),
    Volatile("versions", r"metadata\.resourceVersion", "they count all writes of a cluster"),
    Volatile(
        "instants",
        r"\.(creation|deletion)Timestamp|\.\w+(Time|At)|\.timeAdded|/restartedAt|\.disruptedPods\.[^.]+",
        "the one clock is virtual; that there is an instant is compared",
        "some time",
    ),
    Volatile("nodes of pods", r"spec\.nodeName|matchFields\.values", "pods go where there is room", "some node"),
    Volatile("zones of pods", r"\.topology\.kubernetes\.io/zone", "that of the node", "some zone"),
    Volatile("the message of Progressing", r"Progressing\.message", "it only names a ReplicaSet, the old one at times"),
    Volatile(
        "generations of ReplicaSets",
        r"^ReplicaSet\.(metadata\.generation|status\.observedGeneration)",
        "in how many steps a roll-out comes there is chance",
        "some number",
    ),
)
"""What cannot be equal. Objects have the path of their kind: `ReplicaSet.metadata.generation`."""

_PATTERNS = [(re.compile(f"(?:{one.field})$"), one) for one in VOLATILE]
_ON_ITS_WAY = frozenset({"NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"})
_WHAT = re.compile(r"^(?:(?:get|patch|create|delete|evict) \w+/\S*(?: \(dry run\))?|(?:list|watch) \w+(?: in \S+)?): ")
_WORDS = (
    (
        re.compile(r"(?<=ResourceVersion in the precondition \()\d+|(?<=ResourceVersion in record \()\d+"),
        "some version",
    ),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "some time"),
    (re.compile(r"(?<=is invalid: patch: Invalid value: ).*", re.DOTALL), "…"),
    (re.compile(r"(?<=json: cannot unmarshal ).*", re.DOTALL), "…"),
    (re.compile(r"(?<= value: )(?:null|[\[{].*?[\]}])(?=: )"), "…"),
    (re.compile(r"(?<=^map: ).*(?= does not contain declared merge key)"), "…"),
    (re.compile(r"(?<=The order in patch list:).*", re.DOTALL), "…"),
    (re.compile(r"(?<=no such directive in map: ).*"), "…"),
    (re.compile(r"(?<=list element types are not identical: ).*", re.DOTALL), "…"),
    (re.compile(r"(?<=previously negative\)).*", re.DOTALL), ""),
)
"""Parts of messages that are versions, times, or values as the Go language prints them, which nobody reads here."""
_VOLUME = re.compile(r"kube-api-access-\w{5}")
_POD_THAT_NEVER_WAS = re.compile(r"(#\d+-)[a-z0-9]{5}\b")


def projected(obj: Json, names: Names) -> Json:
    """An object without what is volatile, and with stable names."""
    kind = obj.get("kind", "")
    names.learn([obj] if kind else [])
    shown = _masked(obj, kind)
    if "status" in obj and kind in ("Pod", "Node"):
        shown["status"] = _of_pod(obj["status"]) if kind == "Pod" else _of_node(obj["status"])
    return _without_pods_that_never_were(names.in_value(shown))


def told(message: str, names: Names) -> str:
    """An error's message, without the client's prefix, with stable names."""
    message = _WHAT.sub("", message)
    for pattern, mask in _WORDS:
        message = pattern.sub(mask, message)
    return _POD_THAT_NEVER_WAS.sub(r"\1*", names.stable(message))


def _masked(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        shown = {key: _shown(item, f"{path}.{key}") for key, item in value.items()}
        return {key: item for key, item in shown.items() if item is not _GONE}
    if isinstance(value, list):
        if path.endswith(".conditions"):
            return [_condition(item) for item in sorted(value, key=lambda item: item["type"])]
        return [_masked(item, path) for item in value]
    return _VOLUME.sub("kube-api-access-*", value) if isinstance(value, str) else value


_GONE = object()


def _shown(value: Any, path: str) -> Any:
    one = _volatile(path) if value is not None else None
    return (one.mask or _GONE) if one else _masked(value, path)


@functools.lru_cache(10_000)
def _volatile(path: str) -> Volatile | None:
    return next((one for pattern, one in _PATTERNS if pattern.search(path)), None)


def _condition(item: Json) -> Json:
    """A condition. Which of three reasons a roll-out on its way has, and its Progressing message, is chance."""
    shown = _masked(item, f".{item['type']}")
    if shown["type"] == "Progressing" and shown.get("reason") in _ON_ITS_WAY:
        shown["reason"] = "on its way"
    return shown


def _without_pods_that_never_were(value: Any) -> Any:
    """Messages name pods that were refused, by names that no list ever shows."""
    if isinstance(value, dict):
        return {key: _without_pods_that_never_were(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_pods_that_never_were(item) for item in value]
    return _POD_THAT_NEVER_WAS.sub(r"\1*", value) if isinstance(value, str) and "#" in value else value


def _of_pod(status: Json) -> Json:
    """What controllers and the product read of a pod's status. All else is the kubelet's, and the lab has none."""
    ready = [row["status"] for row in status.get("conditions") or () if row["type"] == "Ready"]
    disrupted = [row["reason"] for row in status.get("conditions") or () if row["type"] == "DisruptionTarget"]
    containers = [_of_container(row) for row in status.get("containerStatuses") or ()]
    told = {"DisruptionTarget": disrupted[0]} if disrupted else {}
    return {"phase": status.get("phase"), "Ready": (ready or [None])[0], "containers": containers} | told


def _of_node(status: Json) -> Json:
    """The one condition of a node that controllers read here. All else is the kubelet's as well."""
    return {row["type"]: [row["status"], row["reason"]] for row in status["conditions"] if row["type"] == "Ready"}


def _of_container(row: Json) -> Json:
    """A container's image, readiness and what it does; a crash loop is one state, whatever moment of it is seen."""
    kind, state = next(iter(row["state"].items()), ("", {}))
    loops = "terminated" in (row.get("lastState") or {}) or state.get("reason") == "CrashLoopBackOff"
    does = "crash-loops" if loops else " ".join(filter(None, (kind, state.get("reason"))))
    return {"name": row["name"], "image": row["image"], "ready": row["ready"], "does": does}
