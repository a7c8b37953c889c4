"""What a planted bug is: a piece of the product's text and what it becomes, and who is to find it."""

from __future__ import annotations

import re
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
    """A planted bug. It is looked for in its scenario, where one is kept; then by the test `found_by`, where one is
    named, else in simulated seeds, with `options` that make what it takes more frequent.
    """

    name: str
    edits: tuple[Edit, ...] = field(repr=False)
    found_by: str = ""
    options: tuple[str, ...] = ()

    @property
    def scenario(self) -> str:
        """The file of the scenario that shows it, among the simulation's regression tests."""
        return f"{re.sub('[^a-z0-9]+', '-', self.name).strip('-')}.json"


class Gone(Exception):
    """The text that a mutant changes is not there any more: the mutant has to be written anew."""


def planted(mutant: Mutant, package: Path) -> dict[Path, str]:
    """The files that a mutant changes, as they become. Raises `Gone` where an edit cannot be made."""
    texts: dict[Path, str] = {}
    for edit in mutant.edits:
        path = package / edit.file
        text = texts.get(path) or (path.read_text(encoding="utf-8") if path.exists() else "")
        if text.count(edit.old) != 1:
            raise Gone(f"{edit.file} has {text.count(edit.old)} times, not once: {edit.old!r}")
        texts[path] = text.replace(edit.old, edit.new)
        compile(texts[path], str(path), "exec")
    return texts


def plant(mutant: Mutant, package: Path) -> None:
    """Make the edits in a copy of the package."""
    for path, text in planted(mutant, package).items():
        path.write_text(text, encoding="utf-8")
