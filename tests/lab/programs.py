"""Where programs that the lab does not build itself are found."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.packages import require
from tests.lab.progress import Say


def find(names: Sequence[str]) -> Path | None:
    """The first of these programs that is on the PATH."""
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    return None


def find_or_install(programs: Mapping[str, Sequence[str]], say: Say) -> list[Path]:
    """The programs of these Debian packages: of each the first of its names that is on the PATH.

    Packages whose program is missing are installed, all at once; ``LabError`` where only root could.
    """
    missing = [package for package, names in programs.items() if find(names) is None]
    require(missing, say)
    found = {package: find(names) for package, names in programs.items()}
    for package, program in found.items():
        if program is None:
            names = ", ".join(programs[package])
            raise LabError(f"The Debian package {package} is installed, and none of {names} is on the PATH.")
    return [program for program in found.values() if program]
