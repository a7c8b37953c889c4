"""`remediator demo`: three incidents on a simulated cluster, or on the lab's real control plane."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from remediator.demo.theatre import Theatre


@click.command("demo")
@click.option("--lab", is_flag=True, help="Play on the lab's real control plane (needs a checkout and Go).")
def command(lab: bool) -> None:
    """Three incidents play: one cured, one refused by a guard, one undone and escalated.

    Takes under a minute and writes to a temporary folder only. Exit 1 where an incident did not end as told.
    """
    import asyncio
    import tempfile
    from pathlib import Path

    from rich.console import Console

    from remediator import logs
    from remediator.clock import SystemClock
    from remediator.demo.play import play
    from remediator.demo.screen import Screen
    from remediator.demo.theatre import SimulatedTheatre

    logs.configure("error", "text")
    folder = Path(tempfile.mkdtemp(prefix="remediator-demo-"))
    theatre = _lab_theatre() if lab else SimulatedTheatre(SystemClock())
    sys.exit(asyncio.run(play(theatre, Screen(Console(highlight=False)), folder)))


def _lab_theatre() -> Theatre:
    """The lab belongs to the checkout, not to the installed package."""
    try:
        from tests.lab.theatre import LabTheatre
    except ImportError as error:
        raise click.UsageError(f"--lab needs a checkout of the repository as the working folder: {error}") from error
    return LabTheatre()
