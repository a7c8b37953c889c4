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


def exposition(samples: Iterable[Sample]) -> str:
    """The samples in Prometheus' text format, grouped by family as it demands."""
    families: dict[str, list[str]] = {}
    for sample in samples:
        families.setdefault(sample.name, []).append(_line(sample))
    return "".join(
        f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}\n" + "".join(lines)
        for name, lines in sorted(families.items())
    )


def _line(sample: Sample) -> str:
    labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels.items())
    return f"{sample.name}{{{labels}}} {sample.value:.17g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
