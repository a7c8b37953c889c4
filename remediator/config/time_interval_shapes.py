"""`time_intervals` as Alertmanager writes them, and to the core's form of them.

Two things differ, both to be stricter or to do what people mean: a range of times may end on the next day
(21:00-05:00, which Alertmanager refuses), and a `location` is an IANA zone: `Local` is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from remediator.config.problems import described, meant
from remediator.config.shapes import Shape, Text, said

Range = tuple[int, int]

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")


def _minutes(value: Any) -> int:
    """Minutes since midnight of `HH:MM`, `24:00` among them."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found else 1441
    if minutes > 1440:
        raise said(f"is {described(value)}, not a time of day", "write it as '09:00', in quotes, from 00:00 to 24:00")
    return minutes


def _ranges(one: Callable[[str], int]) -> Callable[[Any], Range]:
    """Reads `first:last` or a single value; both inclusive."""

    def read(value: Any) -> Range:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str):
            raise said(f"is {described(value)}, not a range", "write one value, or first:last in quotes")
        first, _, last = text.partition(":")
        found = one(first.strip()), one((last or first).strip())
        backwards = found[0] > found[1] if (found[0] < 0) is (found[1] < 0) else found[0] < 0
        if backwards:
            raise said(f"`{text}` ends before it begins", "write the earlier one first, or two entries")
        return found

    return read


def _named(names: tuple[str, ...], what: str, first: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.lower() in names:
            return names.index(text.lower()) + first
        if first and text.isdigit() and 1 <= int(text) <= len(names):
            return int(text)
        raise said(f"`{text}` is not {what}", meant(text, names))

    return read


def _number(what: str, low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if re.fullmatch(r"-?[0-9]+", text) and low <= int(text) <= high and int(text) != 0:
            return int(text)
        some = f"from {low} to -1, or from 1 to {high}" if low < 0 else f"from {low} to {high}"
        raise said(f"`{text}` is not {what}", f"write a number {some}")

    return read


def _location(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise said(f"`{value}` is not a time zone", "write an IANA zone, as in Europe/Berlin or UTC") from None
    return value


def _of(read: Callable[[str], int], example: str) -> Any:
    schema = WithJsonSchema({"type": ["string", "integer"], "examples": [example]})
    return Annotated[list[Annotated[Range, BeforeValidator(_ranges(read)), schema]], Field(min_length=1)]


Minutes = Annotated[int, BeforeValidator(_minutes), WithJsonSchema({"type": "string", "examples": ["09:00"]})]


class TimesShape(Shape):
    """One range of `times`: the start inclusive, the end exclusive; one not after its start is on the next day."""

    start_time: Minutes
    end_time: Minutes

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if self.start_time in (self.end_time, 1440):
            raise said("is no time at all", "write a start before 24:00 and another end", at=("start_time",))
        return self


class IntervalShape(Shape):
    """One of an interval's alternatives: every field that is given must match."""

    times: Annotated[list[TimesShape], Field(min_length=1)] | None = None
    weekdays: _of(_named(WEEKDAYS, "a weekday", 0), "monday:friday") | None = None  # type: ignore[valid-type]
    days_of_month: _of(_number("a day of a month", -31, 31), "1:5") | None = None  # type: ignore[valid-type]
    months: _of(_named(MONTHS, "a month", 1), "january:march") | None = None  # type: ignore[valid-type]
    years: _of(_number("a year", 1970, 9999), "2026:2030") | None = None  # type: ignore[valid-type]
    location: Annotated[Text, AfterValidator(_location)] | None = None


class TimeIntervalShape(Shape):
    """One of `time_intervals`: a name, and alternatives of which any is enough."""

    name: Text
    time_intervals: Annotated[list[IntervalShape], Field(min_length=1)]


def intervals_of(shapes: list[TimeIntervalShape]) -> dict[str, list[dict[str, Any]]]:
    """The named intervals as the core's values are made of."""
    return {shape.name: [_plain(each) for each in shape.time_intervals] for shape in shapes}


def _plain(shape: IntervalShape) -> dict[str, Any]:
    found = shape.model_dump(exclude_none=True)
    if "times" in found:
        found["times"] = [(each["start_time"], each["end_time"]) for each in found["times"]]
    return found
