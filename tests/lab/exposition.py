"""Samples, and the text format in which Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One sample: ``name`` of its family, ``labels`` in the order given, ``value``."""

    name: str
    labels: Mapping[str, str]
    value: float


Line = tuple[str, str]
"""A sample's family, and the sample in the text format."""


def exposition(samples: Iterable[Sample]) -> str:
    """The samples in Prometheus' text format, grouped by family as it demands."""
    return grouped(map(line, samples))


def grouped(lines: Iterable[Line]) -> str:
    """The same of samples that are text already."""
    families: dict[str, list[str]] = {}
    for name, text in lines:
        families.setdefault(name, []).append(text)
    return "".join(
        f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}\n" + "".join(found)
        for name, found in sorted(families.items())
    )


def line(sample: Sample) -> Line:
    """A sample in the text format."""
    labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels.items())
    return sample.name, f"{sample.name}{{{labels}}} {sample.value:.17g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
