"""Text of unknown origin made fit to be shown: no control characters, no more than there is room for. Pure."""

from __future__ import annotations

import re2

_COLOURS = re2.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""ANSI sequences: of the terminal's colours and cursor, and of its title."""


def printable(text: str) -> str:
    """Text as it is safe to show on a terminal: control characters by their escapes, newlines too."""
    if text.isprintable():  # as nearly all of it is
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def bare(text: str) -> str:
    """Text of a log without what steers a terminal or hides between letters; line feeds and tabs stay."""
    if text.isprintable():
        return text
    return "".join(char for char in _COLOURS.sub("", text) if char.isprintable() or char in "\n\t")


def cut(text: str, most: int) -> str:
    """At most so many characters; where there were more, it ends in `…`."""
    return text if len(text) <= most else text[: most - 1] + "…"
