"""What the end-to-end tests stand on: the image, and a place among the control groups."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

ARCHIVE = Path(__file__).parents[2] / "dist" / "remediator.oci.tar"
"""The image, as `make image` leaves it."""

WITHIN = "REMEDIATOR_E2E"
"""The environment variable that is set within the namespaces; its value is the control group's name."""

_CONTROL_GROUPS = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def cgroups() -> Iterator[str]:
    """A control group of our own in every hierarchy, for the kubelets' pods; empty and gone afterwards."""
    name = f"remediator-e2e-{os.getpid()}"
    places = [place / name for place in hierarchies()]
    for place in places:
        place.mkdir(exist_ok=True)
    try:
        yield name
    finally:
        for place in places:
            _remove(place)


def hierarchies() -> list[Path]:
    """Where control groups are mounted: one folder with version 2, one for each controller with version 1."""
    if (_CONTROL_GROUPS / "cgroup.controllers").exists():
        return [_CONTROL_GROUPS]
    return [place for place in _CONTROL_GROUPS.iterdir() if place.is_dir() and not place.is_symlink()]


def _remove(group: Path) -> None:
    """Remove a group and all below it, once the kernel has taken the last of its processes away."""
    deadline = time.monotonic() + 20
    while group.exists():
        for below, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(below)
        if time.monotonic() > deadline:
            print(f"e2e: {group} is not empty: look at its cgroup.procs")
            return
        time.sleep(0.1)
