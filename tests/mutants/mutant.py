"""What a planted bug is: a piece of the product's text and what it becomes, and who is to find it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Edit:
    """One replacement in one file of the product; `old` must stand there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A planted bug. It is looked for by the simulation, with `seeds` tried first, or by the test `found_by`."""

    name: str
    edits: tuple[Edit, ...] = field(repr=False)
    found_by: str = ""
    seeds: tuple[int, ...] = ()


class Gone(Exception):
    """The text that a mutant changes is not there any more: the mutant has to be written anew."""


def plant(mutant: Mutant, package: Path) -> None:
    """Make the edits in a copy of the package. Raises `Gone` where one of them cannot be made."""
    for edit in mutant.edits:
        path = package / edit.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text.count(edit.old) != 1:
            raise Gone(f"{mutant.name}: {edit.file} has {text.count(edit.old)} times, not once: {edit.old!r}")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
