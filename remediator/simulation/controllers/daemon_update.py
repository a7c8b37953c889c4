"""Which pods a DaemonSet's rolling update takes, and where it puts a second one. Pure.

Without surge old pods go first, as many as may be missing; with surge a new pod comes first, beside the old one. After
pkg/controller/daemon/update.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from remediator.core.model import Json, Value

Test = Callable[[Json], bool]


class Stand(Value, frozen=True):
    """One node's pods that nobody deletes yet: of the present revision and of another one."""

    node: str
    new: Json | None = None
    old: Json | None = None


class Update(Value, frozen=True):
    """Pods to delete, and nodes to create a pod of the present revision on."""

    delete: tuple[Json, ...] = ()
    create: tuple[str, ...] = ()


def missing_some(stands: list[Stand], most: int, available: Test) -> Update:
    """Old pods that are not available go at once, others as far as no more than `most` are missing."""
    missing = sum(1 for one in stands if _is_missing(one, available))
    old = [one.old for one in stands if one.old and not one.new]
    unwell = [pod for pod in old if not available(pod)]
    candidates = [pod for pod in old if available(pod)]
    return Update(delete=tuple(unwell + candidates[: max(most - missing, 0)]))


def _is_missing(stand: Stand, available: Test) -> bool:
    if (stand.new is None) is (stand.old is None):
        return True
    return not available(stand.new or stand.old or {})


def with_more(stands: list[Stand], most: int, available: Test) -> Update:
    """A new pod at once beside old ones that are not available, and beside `most` of the others at a time. An old pod
    goes once the new one is available.
    """
    surging = sum(1 for one in stands if one.old and one.new and not available(one.new))
    done = tuple(one.old for one in stands if one.old and one.new and available(one.new))
    alone = [one for one in stands if one.old and not one.new]
    unwell = [one.node for one in alone if one.old and not available(one.old)]
    candidates = [one.node for one in alone if one.old and available(one.old)]
    return Update(done, tuple(unwell + candidates[: max(most - surging, 0)]))


def superfluous(pods: list[Json], is_new: Test, ready: Test, available: Test) -> Iterator[Json]:
    """Of several pods on one node of a set that surges, those that have to go: all but the oldest of each revision, and
    the old one where it is not ready or the new one is available.
    """
    new = [pod for pod in pods if is_new(pod)]
    old = [pod for pod in pods if not is_new(pod)]
    yield from new[1:] + old[1:]
    if new and old and (not ready(old[0]) or available(new[0])):
        yield old[0]
