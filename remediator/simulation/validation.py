"""What the API server refuses for good (422): a small, faithful part of its rules, in its own words."""

from __future__ import annotations

from collections.abc import Iterator

from remediator.core.model import Json, Resource
from remediator.ports import Invalid
from remediator.simulation import field_rules, immutable_fields
from remediator.simulation.label_names import of_annotations, of_labels, subdomain_mistakes
from remediator.simulation.values import annotations_of, labels_of

_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def check(resource: Resource, new: Json, old: Json | None) -> None:
    """Raise `Invalid` with every mistake at once, worded as the API server does; `old` is `None` on create."""
    mistakes = [*_metadata(new, old)]
    changed = [] if old is None else [*immutable_fields.mistakes(resource.kind, new, old)]
    rules = [*field_rules.mistakes(resource.kind, new)]
    mistakes += changed + rules if resource.kind == "DaemonSet" else rules + changed
    if mistakes:
        name = new["metadata"].get("name", "")
        text = mistakes[0] if len(mistakes) == 1 else f"[{', '.join(mistakes)}]"
        raise Invalid(f'{qualified(resource)} "{name}" is invalid: {text}', status=422, reason="Invalid")


def qualified(resource: Resource, *, plural: bool = False) -> str:
    """A type as API messages name it: `Deployment.apps`, `deployments.apps`, `Pod`, `pods`."""
    group = resource.api_version.rpartition("/")[0]
    return ".".join(filter(None, (resource.plural if plural else resource.kind, group)))


def _metadata(new: Json, old: Json | None) -> Iterator[str]:
    metadata = new["metadata"]
    if old is None:
        for mistake in subdomain_mistakes(metadata.get("name", "")):
            yield f'metadata.name: Invalid value: "{metadata.get("name", "")}": {mistake}'
    yield from of_annotations("metadata.annotations", annotations_of(new))
    yield from of_labels("metadata.labels", labels_of(new))
    for place, name in enumerate(metadata.get("finalizers") or ()):
        if "/" not in name and name not in _FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield f'metadata.finalizers[{place}]: Invalid value: "{name}": {why}'
    if old is not None:
        yield from immutable_fields.of_metadata(metadata, old["metadata"])
