"""promtool's notation of series and their values, for rule test files: the series_values of prometheus promql/parser.

`a+bxn` is a, a+b, …, a+n·b; `axn` is a, n+1 times; `_` is no sample, `_xn` n of them; `stale` ends a series.
"""

from __future__ import annotations

import re

LONGEST = 100_000
"""Samples of one series."""

STALE = "stale"
"""The value at which a series ends."""

_ITEM = re.compile(
    r"(?P<gap>_)(?:x(?P<gaps>[0-9]+))?|(?P<stale>stale)"
    r"|(?P<start>[-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|[iI]nf|[nN]a[nN]))"
    r"(?:(?P<step>[-+][0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)?x(?P<times>[0-9]+))?"
)


class NotationError(ValueError):
    """A text that is not in the notation: what is wrong, at which character (from 0), and what would be right."""

    def __init__(self, message: str, offset: int, remedy: str) -> None:
        super().__init__(message)
        self.message, self.offset, self.remedy = message, offset, remedy


def parse_labels(text: str) -> dict[str, str]:
    """The labels of `name{label="value"}`; `{}` has none. Raises `NotationError`."""
    import promql_parser

    if re.fullmatch(r"\s*\{\s*\}\s*", text):
        return {}
    example = 'the form is up{job="api", instance="10.0.0.1:8080"}'
    try:
        parsed = promql_parser.parse(text)
    except ValueError as error:
        raise NotationError(f"is no series: {str(error).splitlines()[0]}", 0, example) from None
    if not isinstance(parsed, promql_parser.VectorSelector) or parsed.offset is not None or parsed.at is not None:
        raise NotationError("is a query and no series", 0, example)
    labels = {"__name__": parsed.name} if parsed.name else {}
    for matcher in parsed.matchers.matchers:
        if str(matcher.op) != "MatchOp.Equal":
            raise NotationError(f"the label `{matcher.name}` is not given by `=`", 0, example)
        if matcher.name in labels:
            raise NotationError(f"the label `{matcher.name}` is there twice", 0, example)
        labels[matcher.name] = matcher.value
    return {name: value for name, value in labels.items() if value}


def parse_series(text: str) -> dict[str, str]:
    """As `parse_labels`, the name among them as `__name__`. Raises `NotationError`."""
    labels = parse_labels(text)
    if "__name__" not in labels:
        raise NotationError("the series has no name", 0, 'the form is up{job="api", instance="10.0.0.1:8080"}')
    return labels


def parse_values(text: str) -> tuple[float | str | None, ...]:
    """The samples of a series, one an interval; None where there is none. Raises `NotationError`."""
    found: list[float | str | None] = []
    for word in re.finditer(r"\S+", text):
        if word[0].startswith("{{"):
            raise NotationError("histograms are not supported", word.start(), "write the series that a classic one has")
        item = _ITEM.fullmatch(word[0])
        if item is None:
            remedy = "write numbers, a+bxn, axn, _ for no sample, _xn, or stale"
            raise NotationError(f"`{word[0]}` is no value of a series", word.start(), remedy)
        found += _expanded(item)
        if len(found) > LONGEST:
            raise NotationError(f"has more than {LONGEST} samples", word.start(), "make the test shorter")
    return tuple(found)


def _expanded(item: re.Match[str]) -> list[float | str | None]:
    """The samples of one word; no more than are refused."""
    if item["gap"]:
        return [None] * min(int(item["gaps"] or 1), LONGEST + 1)
    if item["stale"]:
        return [STALE]
    value, step = float(item["start"]), float(item["step"] or 0)
    samples: list[float | str | None] = []
    for _ in range(min(int(item["times"] or 0), LONGEST) + 1):
        samples.append(value)
        value += step
    return samples
