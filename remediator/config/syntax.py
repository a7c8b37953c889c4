"""libyaml's syntax errors in words that say what to do."""

from __future__ import annotations

import re

import yaml

from remediator.config.problems import Problem

_UNPRINTABLE = re.compile(yaml.reader.Reader.NON_PRINTABLE.pattern)

_REMEDIES = (
    ("tab character", "indent with spaces; tabs are not allowed in YAML"),
    ("mapping values are not allowed", "quote a text that has `: ` in it, or indent the key as those beside it"),
    ("could not find expected ':'", "write `key: value`, or indent the line as those beside it"),
    ("cannot start any token", "quote a text that begins with a sign"),
    ("quoted scalar", "close the quote"),
    ("flow sequence", "close the list with `]`, entries apart by commas"),
    ("flow mapping", "close the mapping with `}`, entries apart by commas"),
    ("block mapping", "indent the key as those beside it"),
    ("block collection", "indent the entry as those beside it"),
    ("directive", "take the line that begins with `%` out"),
)


def unprintable(text: str) -> bool:
    """Whether there is a character that YAML does not allow."""
    return _UNPRINTABLE.search(text) is not None


def unprintable_problem(text: str, name: str) -> Problem | None:
    """The first character that YAML does not allow, as a problem."""
    found = _UNPRINTABLE.search(text)
    if found is None:
        return None
    at = found.start()
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return Problem(name, line, column, "", f"the character U+{ord(found.group()):04X} is not allowed", "take it out")


def syntax_problem(error: yaml.MarkedYAMLError, text: str, name: str) -> Problem:
    """A syntax error as a problem at the place that people look for."""
    said = ", ".join(filter(None, (error.context, error.problem)))
    mark = _mark(error)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    tab = _tab_indent(text, line)
    if tab and ("tab character" in said or "cannot start any token" in said):
        line, column, said = *tab, "a tab character indents this line"
    remedy = next((remedy for sign, remedy in _REMEDIES if sign in said), "compare with the examples in docs/rules.md")
    return Problem(name, line, column, "", f"is not YAML: {said}", remedy)


def _mark(error: yaml.MarkedYAMLError) -> yaml.Mark | None:
    """Where the mistake most likely is: what was opened and not closed, else where the parser stopped."""
    opened = any(each in (error.context or "") for each in ("quoted scalar", "flow", "simple key"))
    return error.context_mark if opened and error.context_mark else error.problem_mark


def _tab_indent(text: str, line: int) -> tuple[int, int] | None:
    """The first tab in the indentation of a line or the one after it, as line and column."""
    lines = text.split("\n")
    for number in (line, line + 1):
        row = lines[number - 1] if number <= len(lines) else ""
        indent = row[: len(row) - len(row.lstrip())]
        if "\t" in indent:
            return number, indent.index("\t") + 1
    return None
