"""What the families have in common: times, owners, counts that may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.lab.exposition import Sample

Object = Mapping[str, Any]
"""A Kubernetes object as JSON."""


def seconds(time: str) -> float:
    """A Kubernetes timestamp as seconds since 1970."""
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def identity(obj: Object, label: str) -> dict[str, str]:
    """The labels that every series of a namespaced kind has: ``namespace`` and the kind's own, the name."""
    return {"namespace": obj["metadata"]["namespace"], label: obj["metadata"]["name"]}


def one_of(name: str, labels: Mapping[str, str], label: str, values: tuple[str, ...], actual: str) -> Iterator[Sample]:
    """A state set: one series a value, 1 for the actual one and 0 for the others."""
    for value in values:
        yield Sample(name, {**labels, label: value}, float(value == actual))


def condition(name: str, labels: Mapping[str, str], kind: str, status: str, **extra: str) -> Iterator[Sample]:
    """A condition as a state set over ``status``: true, false, unknown."""
    return one_of(name, {**labels, **extra, "condition": kind}, "status", ("true", "false", "unknown"), status.lower())


def owners(name: str, obj: Object, labels: Mapping[str, str]) -> Iterator[Sample]:
    """A series an owner; with empty labels where there is none, as the real one does."""
    references = obj["metadata"].get("ownerReferences") or [{}]
    for owner in references:
        controls = str(bool(owner.get("controller"))).lower() if owner else ""
        own = {
            "owner_kind": owner.get("kind", ""),
            "owner_name": owner.get("name", ""),
            "owner_is_controller": controls,
        }
        yield Sample(name, {**labels, **own}, 1)


def counts(prefix: str, labels: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[Sample]:
    """A gauge a key; a key without a value (None) has no series."""
    for key, value in values.items():
        if value is not None:
            yield Sample(f"{prefix}_{key}", labels, float(value))
