"""A YAML file as plain values that remember where they stand. `read_document` is the way in.

Between the bytes of a file and the models of rules and settings; it does not know what the keys mean.
"""

from __future__ import annotations

from functools import cached_property, reduce
from pathlib import Path
from typing import Any

from remediator.config.problems import Loc, Problem, Problems, path_text

LARGEST = 4 * 1024 * 1024
"""Bytes of a file."""


_NO_PLACES: dict[str | int, Any] = {}
"""What is in a text: shared by all of them, never filled."""


class Place:
    """Where a value stands, and where what is in it stands. Lines and columns count from 1.

    `keys` are the places of a mapping's keys, `children` those of its values or of a list's entries. `style` is the
    sign a text begins with: a quote, `|` or `>`, empty where it is plain.
    """

    __slots__ = ("children", "column", "keys", "line", "style")

    def __init__(self, line: int, column: int, style: str = "") -> None:
        self.line, self.column, self.style = line, column, style
        self.keys: dict[str | int, Place] = _NO_PLACES
        self.children: dict[str | int, Place] = _NO_PLACES


class Document:
    """A file's value and places. `value` is made of dict (with text keys), list, str, int, float, bool and None."""

    def __init__(self, file: str, text: str, value: Any, top: Place | None) -> None:
        self.file, self.value = file, value
        self._text = text
        if top is not None:
            self._top = top

    @cached_property
    def _top(self) -> Place:
        """The places of a text that was read for its values alone: most files are right, and nobody asks for them."""
        from remediator.config.compose import compose

        composed = compose(self._text, Problems(), self.file)
        return composed[1] if composed else Place(1, 1)

    @cached_property
    def _lines(self) -> list[str]:
        return self._text.split("\n")

    def problem(self, loc: Loc, message: str, remedy: str, *, at_key: bool = False, offset: int = 0) -> Problem:
        """A mistake at a place; where the place does not exist, at the nearest one above it.

        `offset` is a character inside of a text: its own line and column are told where they can be known.
        """
        place, path = self._find(loc, at_key)
        line, column = self._inside(place, path, offset) if offset else (place.line, place.column)
        return Problem(self.file, line, column, path_text(path), message, remedy)

    def _find(self, loc: Loc, at_key: bool) -> tuple[Place, Loc]:
        place = self._top
        for depth, part in enumerate(loc):
            if at_key and depth == len(loc) - 1 and part in place.keys:
                return place.keys[part], loc
            if part not in place.children:
                return place, loc[:depth]
            place = place.children[part]
        return place, loc

    def _inside(self, place: Place, path: Loc, offset: int) -> tuple[int, int]:
        """Where a text's character stands: exact for text that stands in the file as it is, otherwise its beginning."""
        text = reduce(lambda value, part: value[part], path, self.value)
        before = text[:offset]
        row, column = before.count("\n"), offset - (before.rfind("\n") + 1)
        written = text.split("\n")[row]
        line = place.line + row + (place.style == "|")
        start = self._start(place, line, written)
        return (line, start + column + 1) if start >= 0 else (place.line, place.column)

    def _start(self, place: Place, line: int, written: str) -> int:
        """The column, from 0, at which a line of a text begins; -1 where it stands there in another form."""
        if line > len(self._lines) or place.style == ">":
            return -1
        source = self._lines[line - 1]
        if place.style == "|":
            return len(source) - len(written) if source.endswith(written) else -1
        start = place.column - 1 + len(place.style)
        return start if line == place.line and source.startswith(written, start) else -1


def read_document(path: Path, problems: Problems, name: str = "") -> Document | None:
    """A file's document; None where it cannot be parsed at all. Mistakes go to `problems` under the file's name."""
    name = name or str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except IsADirectoryError:
        problems.add(Problem(name, 0, 0, "", "is a folder", "name the files in it, as in rules/*.yaml"))
        return None
    except OSError as error:
        problems.add(Problem(name, 0, 0, "", f"cannot be read: {error.strerror or error}", "give a readable file"))
        return None
    return parse_document(raw, problems, name)


def parse_document(raw: bytes, problems: Problems, name: str) -> Document | None:
    """As `read_document`, of bytes."""
    from remediator.config.compose import compose
    from remediator.config.quickly import NotPlain, quickly

    if len(raw) > LARGEST:
        size = f"is larger than {LARGEST // 1024 // 1024} MiB"
        problems.add(Problem(name, 0, 0, "", size, "split it into several files"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place_of(raw[: error.start].decode("utf-8-sig"))
        problems.add(Problem(name, line, column, "", "is not UTF-8 text", "save the file as UTF-8"))
        return None
    # YAML's other line breaks would give places that no editor shows.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return Document(name, text, quickly(text), None)
    except NotPlain:
        top = compose(text, problems, name)
        return Document(name, text, *top) if top else None


def _place_of(before: str) -> tuple[int, int]:
    """The line and column after a text."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
