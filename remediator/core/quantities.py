"""Kubernetes quantities (`500m`, `2Gi`, `1e3`) as exact numbers, after k8s.io/apimachinery/pkg/api/resource."""

from __future__ import annotations

import re
from fractions import Fraction

_BINARY = {unit: Fraction(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_DECIMAL = {
    unit: Fraction(10) ** (3 * power)
    for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
}
_UNITS = _BINARY | _DECIMAL
_FORM = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:[eE]([+-]?[0-9]{1,3})|([A-Za-z]{0,2}))")


def quantity(text: str | int | float) -> Fraction:
    """The number that a quantity stands for; `ValueError` where it is none."""
    found = _FORM.fullmatch(str(text))
    unit = (found[3] or "") if found else "?"
    if found is None or unit not in _UNITS:
        raise ValueError(f"{text!r} is no quantity, such as 500m or 2Gi")
    return Fraction(found[1].rstrip(".")) * Fraction(10) ** int(found[2] or 0) * _UNITS[unit]
