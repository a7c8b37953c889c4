"""What is wrong with a file that a person wrote: where, what, and what would be right. Readers collect all of it.

Nothing here knows what the files are about.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from remediator.core.model import Value
from remediator.core.text import printable

Loc = tuple[str | int, ...]
"""A place inside a document: keys and indexes from its top."""


class Problem(Value, frozen=True, order=True):
    """One mistake. `line` and `column` count from 1 and are 0 where the whole file is meant.

    `str()` is the one line that people read: `file:line:column path: what is wrong; what would be right`.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{place} {self.path}" if self.path else place
        what = f"{self.message}; {self.remedy}" if self.remedy else self.message
        return printable(f"{where}: {what}")


class ConfigErrors(Exception):
    """The files cannot be used. `problems` holds every mistake of every file, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """The mistakes found so far. Of several at one place the first is kept: the others follow from it."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, int, int, str], Problem] = {}

    def __bool__(self) -> bool:
        return bool(self._first)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._first.values())

    def add(self, problem: Problem) -> None:
        """Keep a mistake, unless one is known at its place."""
        path = "" if problem.line else problem.path
        self._first.setdefault((problem.file, problem.line, problem.column, path), problem)

    def raise_any(self) -> None:
        """Raise `ConfigErrors` where there is a mistake."""
        if self._first:
            raise ConfigErrors(self._first.values())


def path_text(loc: Loc) -> str:
    """A place as people write it: `groups[0].rules[2].guards.cooldown`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was most likely meant; empty where none is near."""
    by_lower = {each.lower(): each for each in known}
    lowered = name.lower().replace("-", "_")
    close = difflib.get_close_matches(lowered, by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""


def meant(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, else all of them."""
    names = sorted(known)
    near = nearest(name, names)
    return f"did you mean `{near}`?" if near else f"known here: {', '.join(names)}"


def unknown_interval(name: str, known: Iterable[str]) -> tuple[str, str]:
    """Message and remedy for a time interval that the settings do not name."""
    names = sorted(known)
    remedy = meant(name, names) if names else "write it there: the settings have none"
    return f"`{name}` is not one of the settings' time_intervals", remedy


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


def described(value: object) -> str:
    """A value in a few words, for messages: `the number 5`, `a list`."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text `{shortened(value)}`"
    return "a list" if isinstance(value, list | tuple) else "a mapping"


def shortened(text: str, limit: int = 60) -> str:
    """A text that fits a message."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
