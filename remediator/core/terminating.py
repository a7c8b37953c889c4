"""Pods that are to go: whose they are, how they ended, and why they do not run."""

from __future__ import annotations

from collections.abc import Iterator

from remediator.core.model import Json
from remediator.core.readiness import condition

MIRROR = "kubernetes.io/config.mirror"
"""Annotation of a static pod's image in the API: the kubelet makes it anew whatever is deleted here."""

ENDED = ("Succeeded", "Failed")
"""Phases in which no container of a pod runs or will."""

PHASES = ("Pending", "Running", *ENDED, "Unknown")


def phase_of(pod: Json) -> str:
    """The pod's phase; Unknown where it says none."""
    return str((pod.get("status") or {}).get("phase") or "Unknown")


def is_ready(pod: Json) -> bool:
    """Whether it takes its share."""
    return condition(pod, "Ready").get("status") == "True"


def is_mirror(pod: Json) -> bool:
    """Whether it stands for a static pod."""
    return MIRROR in (pod["metadata"].get("annotations") or {})


def has_controller(pod: Json) -> bool:
    """Whether something makes another in its place."""
    return any(each.get("controller") for each in pod["metadata"].get("ownerReferences") or ())


def reasons_of(pod: Json) -> frozenset[str]:
    """Why it does not run, in the words of its status: of the pod (`Evicted`), of a container (`CrashLoopBackOff`)."""
    return frozenset(filter(None, _reasons(pod.get("status") or {})))


def _reasons(status: Json) -> Iterator[str]:
    yield status.get("reason") or ""
    for name in ("initContainerStatuses", "containerStatuses"):
        for each in status.get(name) or ():
            state = each.get("state") or {}
            yield (state.get("waiting") or state.get("terminated") or {}).get("reason") or ""
