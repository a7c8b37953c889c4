"""`remediator run`: the service, until SIGTERM."""

from __future__ import annotations

import sys

import click

SWITCH = 0.0005
"""Seconds that a thread computes while another one waits for its turn. By default it is ten times as many, and the
writer of the journal waits for it after each statement.
"""


@click.command("run")
@click.option("--config", "config", required=True, type=click.Path(dir_okay=False), help="Settings file.")
def command(config: str) -> None:
    """Run the service: webhook, controller, metrics.

    SIGTERM finishes writes under way and ends; SIGHUP reads the rules again. Exit 2 where the settings or rules are
    not right.
    """
    import gc

    sys.setswitchinterval(SWITCH)
    gc.disable()  # until the service is ready: nearly all that is made until then is there to stay

    from remediator.config import ConfigErrors
    from remediator.config.apart import Reading

    reading = Reading(config)
    import asyncio  # all that follows is loaded while the other process reads

    import uvloop

    from remediator.app import run

    try:
        settings, rules = reading.result()
    except ConfigErrors as errors:
        click.echo("\n".join(str(problem) for problem in errors.problems), err=True)
        sys.exit(2)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(run(settings, rules)))
