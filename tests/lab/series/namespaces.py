"""``kube_namespace_*``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.exposition import Sample
from tests.lab.series.parts import Object, one_of, seconds


def series(namespace: Object) -> Iterator[Sample]:
    """All series of one namespace."""
    labels = {"namespace": namespace["metadata"]["name"]}
    phase = namespace.get("status", {}).get("phase", "")
    yield Sample("kube_namespace_created", labels, seconds(namespace["metadata"]["creationTimestamp"]))
    yield from one_of("kube_namespace_status_phase", labels, "phase", ("Active", "Terminating"), phase)
