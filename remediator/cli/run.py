"""`remediator run`: the service, until SIGTERM."""

from __future__ import annotations

import sys

import click


@click.command("run")
@click.option("--config", "config", required=True, type=click.Path(dir_okay=False), help="Settings file.")
def command(config: str) -> None:
    """Run the service: webhook, controller, metrics.

    SIGTERM finishes writes under way and ends; SIGHUP reads the rules again. Exit 2 where the settings or rules are
    not right.
    """
    import asyncio

    import uvloop

    from remediator.app import run
    from remediator.config import ConfigErrors, load_rules, load_settings

    try:
        settings = load_settings(config)
        rules = load_rules(settings)
    except ConfigErrors as errors:
        click.echo("\n".join(str(problem) for problem in errors.problems), err=True)
        sys.exit(2)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(run(settings, rules)))
