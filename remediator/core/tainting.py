"""A node's taints: whose they are, and the list as it becomes.

A taint is ours while the node's annotation names it to the second in which we added it: one that somebody took away
and put back is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json

TAINTED = "remediator.io/taints"
"""Annotation with the taints that we have set, as `key=value:effect@time`, with spaces in between."""

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def taints_of(node: Json) -> tuple[Json, ...]:
    """The node's taints, in their order."""
    return tuple((node.get("spec") or {}).get("taints") or ())


def same(one: Json, other: Json) -> bool:
    """Whether two taints stand in one place: a node has one for each key and effect."""
    return (one["key"], one["effect"]) == (other["key"], other["effect"])


def is_ours(node: Json, taint: Json) -> bool:
    """Whether a taint of the node is one that we set."""
    return _text(taint) in _marks(node)


def tainted(node: Json, taint: Json) -> Json:
    """The patch that adds a taint in the place of none."""
    return _patch((*taints_of(node), taint), (*_still_there(node), _text(taint)))


def untainted(node: Json, gone: Iterable[Json]) -> Json:
    """The patch that takes taints away, each with its mark."""
    gone = tuple(gone)
    left = tuple(each for each in taints_of(node) if each not in gone)
    taken = {_text(each) for each in gone}
    return _patch(left, tuple(mark for mark in _still_there(node) if mark not in taken))


def restored(node: Json, gone: Iterable[Json], ours: Iterable[Json]) -> Json:
    """The patch that puts taints back that were taken away, some of them as our own."""
    marks = (*_still_there(node), *(_text(each) for each in ours))
    return _patch((*taints_of(node), *gone), marks)


def _patch(taints: tuple[Json, ...], marks: tuple[str, ...]) -> Json:
    # A merge patch replaces the list: the precondition sees to it that nobody's taint is lost.
    return {
        "metadata": {"annotations": {TAINTED: " ".join(marks) or None}},
        "spec": {"taints": list(taints) or None},
    }


def _still_there(node: Json) -> tuple[str, ...]:
    there = {_text(each) for each in taints_of(node)}
    return tuple(mark for mark in _marks(node) if mark in there)


def _marks(node: Json) -> tuple[str, ...]:
    return tuple((node["metadata"].get("annotations") or {}).get(TAINTED, "").split())


def _text(taint: Json) -> str:
    return f"{taint['key']}={taint.get('value', '')}:{taint['effect']}@{taint.get('timeAdded', '')}"
