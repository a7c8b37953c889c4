"""Which pods of a node a drain takes away, leaves alone, or stops at: as `kubectl drain` without `--force`.

The rules and their order are those of k8s.io/kubectl/pkg/drain/filters.go: DaemonSets, mirror pods, local storage,
pods without a controller. Priority is no rule there: critical pods are evicted as all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from remediator.core.model import Json, Value
from remediator.core.workload import condition, exclude_of, instant

MIRROR = "kubernetes.io/config.mirror"
"""Annotation of the pods that a kubelet shows of its own manifests."""


class Ways(Value, frozen=True):
    """What a drain may do: leave DaemonSets' pods alone, lose what stands in `emptyDir` volumes."""

    ignore_daemonsets: bool = True
    delete_empty_dir: bool = False


class Sorted(Value, frozen=True):
    """A node's pods: those that go, and why some of the others forbid the drain."""

    going: tuple[Json, ...] = ()
    against: tuple[str, ...] = ()


def sort(pods: Sequence[Json], daemon_sets: Sequence[Json], ways: Ways) -> Sorted:
    """A node's pods by what becomes of them, in the order of their names.

    A pod that opted out is one more reason against: whoever drains by hand can see it, a program must not pass it by.
    """
    names = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in daemon_sets}
    ordered = sorted(pods, key=lambda pod: (pod["metadata"]["namespace"], pod["metadata"]["name"]))
    whys = [(pod, _left_alone(pod) or _why_not(pod, names, ways)) for pod in ordered]
    going = tuple(pod for pod, why in whys if not why)
    return Sorted(going, tuple(f"{name_of(pod)} {why}" for pod, why in whys if why and why != STAYS))


STAYS = "stays"


def _left_alone(pod: Json) -> str:
    """A mirror pod is its kubelet's own and cannot be evicted; it stays, unless it belongs to a DaemonSet, which comes
    first.
    """
    return STAYS if MIRROR in _annotations(pod) and not _daemon_set_of(pod) else ""


def _why_not(pod: Json, daemon_sets: set[tuple[str, str]], ways: Ways) -> str:
    """Why a pod does not go: `STAYS` where that is as it should be, else a reason against the drain."""
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return _opted_out(pod)
    if owner := _daemon_set_of(pod):
        return _of_daemon_set(pod, owner, daemon_sets, ways)
    if not ways.delete_empty_dir and any("emptyDir" in each for each in pod["spec"].get("volumes") or ()):
        return "has local storage, which would be lost (delete_empty_dir: true allows it)"
    if _controller_of(pod) is None:
        return "has no controller: nobody would start it anew"
    return _opted_out(pod)


def _of_daemon_set(pod: Json, owner: str, daemon_sets: set[tuple[str, str]], ways: Ways) -> str:
    if (pod["metadata"]["namespace"], owner) not in daemon_sets:
        return f"belongs to the DaemonSet {owner}, which is gone"
    return STAYS if ways.ignore_daemonsets else f"belongs to the DaemonSet {owner} (ignore_daemonsets: true leaves it)"


def _opted_out(pod: Json) -> str:
    return "" if exclude_of(pod) in (None, "false") else "has opted out"


def _daemon_set_of(pod: Json) -> str:
    owner = _controller_of(pod) or {}
    of_this_kind = (owner.get("kind"), owner.get("apiVersion")) == ("DaemonSet", "apps/v1")
    return owner["name"] if of_this_kind else ""


def _controller_of(pod: Json) -> Json | None:
    owners = pod["metadata"].get("ownerReferences") or ()
    return next((each for each in owners if each.get("controller")), None)


def _annotations(pod: Json) -> dict[str, str]:
    return pod["metadata"].get("annotations") or {}


def is_going(pod: Json) -> bool:
    """Whether a pod is on its way out."""
    return pod["metadata"].get("deletionTimestamp") is not None


def is_lost(pod: Json, node: Json, now: datetime) -> bool:
    """Whether nobody is there to say that a pod has ended: its grace is over, and its node is not ready."""
    due = instant(pod["metadata"].get("deletionTimestamp"))
    return due is not None and due <= now and condition(node, "Ready").get("status") != "True"


def name_of(pod: Json) -> str:
    """A pod by namespace and name."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
