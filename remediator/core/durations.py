"""Prometheus durations (`1h30m`, `90s`, `500ms`) to seconds and back.

The grammar is that of prometheus/common `model.ParseDuration`: units from the largest to the smallest, each at most
once, whole numbers, no sign; `0` needs no unit. A day has 24 h, a week 7 d, a year 365 d.
"""

from __future__ import annotations

import functools
import re

UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""Milliseconds of each unit, the largest first."""

LONGEST = 100
"""Characters of a duration."""

GRAMMAR = "".join(f"(?:([0-9]+){unit})?" for unit in UNITS)
"""The regular expression of a duration with a unit; it takes the empty text too, which is none."""

_GRAMMAR = re.compile(GRAMMAR)
_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?)([a-zµ]*)")
_LONGEST = (2**63 - 1) // 1_000_000
"""Milliseconds that Prometheus can hold: 63 bits of nanoseconds, about 292 years."""


class DurationError(ValueError):
    """A text that is no duration; `remedy` says what would be right."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


@functools.lru_cache(maxsize=1024)
def parse_duration(text: str) -> float:
    """The seconds of a duration, 0 or more. Raises `DurationError`."""
    if text == "0":
        return 0.0
    found = _GRAMMAR.fullmatch(text)
    if not text or len(text) > LONGEST or not text.isascii() or not found:
        raise DurationError(*_why(text))
    amounts = (int(amount or 0) for amount in found.groups())
    total = sum(amount * size for amount, size in zip(amounts, UNITS.values(), strict=True))
    if total > _LONGEST:
        raise DurationError(f"`{text}` is too long a time", "292 years is the longest that Prometheus knows")
    return total / 1000


def format_duration(seconds: float) -> str:
    """Seconds as Prometheus writes them, to the millisecond; years and weeks only where nothing remains."""
    rest = round(seconds * 1000)
    if rest == 0:
        return "0s"
    text = ""
    for unit, size in UNITS.items():
        if unit in ("y", "w") and rest % size:
            continue
        amount, rest = divmod(rest, size)
        text += f"{amount}{unit}" if amount else ""
    return text


def _why(text: str) -> tuple[str, str]:
    """What is wrong with a text that does not follow the grammar, and what would be right."""
    if len(text) > LONGEST:
        return f"is longer than {LONGEST} characters", "a duration is shorter"
    example = "write it as Prometheus does: 30s, 5m, 1h30m"
    if not text.strip():
        return "is an empty duration", example
    if text != text.strip() or " " in text:
        return f"`{text}` has spaces", f"write `{''.join(text.split())}`"
    if text.startswith(("-", "+")):
        return f"`{text}` has a sign", "a duration is 0 or longer, without a sign"
    if text.isdigit():
        return f"`{text}` has no unit", f"write `{text}s` if seconds are meant"
    return _why_parts(text) or (f"`{text}` is not a duration", example)


def _why_parts(text: str) -> tuple[str, str] | None:
    parts = _PARTS.findall(text)
    if "".join(amount + unit for amount, unit in parts) != text:
        return None
    if fraction := next((amount + unit for amount, unit in parts if "." in amount), ""):
        return f"`{text}` has a fraction", f"write `{fraction}` in whole numbers, as 1h30m"
    units = [unit for _, unit in parts]
    known = ", ".join(UNITS)
    if unknown := next((unit for unit in units if unit not in UNITS), None):
        return f"`{text}`: `{unknown}` is not a unit", f"the units are {known}"
    if "" in units:
        return f"`{text}` has a number without a unit", f"the units are {known}"
    if len(set(units)) < len(units):
        return f"`{text}` has a unit twice", "each unit at most once, as in 1h30m"
    return f"`{text}` has its units in the wrong order", f"from the largest to the smallest: {known}"
