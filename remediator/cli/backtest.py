"""`remediator backtest`: how often rules would have fired over the past, and which guards would have held them back."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remediator.cli.remote import Row, instant, output_option, say, show, table

if TYPE_CHECKING:
    from remediator.backtest.report import Report, RuleReport
    from remediator.config import Settings
    from remediator.core.rules import Rule


class Past(click.ParamType):
    """An RFC 3339 instant (without a zone UTC), or a Prometheus duration before now."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The aware instant."""
        from remediator.core.durations import DurationError, parse_duration

        try:
            return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=parse_duration(value))
        except DurationError:
            pass
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither an instant, as 2026-01-31T12:00:00Z, nor how long ago, as 7d", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


class Step(click.ParamType):
    """A Prometheus duration above zero."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration."""
        from remediator.core.durations import DurationError, parse_duration

        try:
            found = timedelta(seconds=parse_duration(value))
        except DurationError as error:
            self.fail(f"{error}; {error.remedy}", param, ctx)
        return found if found else self.fail("a step takes time: write 30s or more", param, ctx)


@click.command("backtest")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="Settings file: rules, guards, Prometheus.")
@click.option("--prometheus", default="", metavar="URL", help="The server that remembers; else the settings' own.")
@click.option("--from", "start", type=Past(), default="7d", show_default=True, help="An instant, or how long ago.")
@click.option("--to", "end", type=Past(), default="0", help="An instant, or how long ago. [default: now]")
@click.option("--step", type=Step(), default="1m", show_default=True, help="How often is looked.")
@output_option
def command(
    files: tuple[Path, ...],
    config: Path | None,
    prometheus: str,
    start: datetime,
    end: datetime,
    step: timedelta,
    output: str,
) -> None:
    """How often rules would have fired over the past, and which guards would have held their first steps back.

    Range queries of Prometheus are played through the service's own evaluation and guards, as in mode observe. What
    nobody can know of the past is told beside it. Exits with 1 where a file is wrong.
    """
    if not files and not config:
        raise click.UsageError("nothing to play: name rule files, or a settings file with --config")
    if start >= end:
        raise click.UsageError("--from is not before --to")
    settings, rules = _read(files, config)
    if not prometheus and settings.prometheus is None:
        raise click.UsageError("nobody to ask: give --prometheus URL, or --config with the settings' own")
    found = asyncio.run(_reported(settings, rules, prometheus, start, end, step))
    if output == "table":
        _tell(found)
    else:
        from remediator.core.model import as_json

        show(as_json(found), output, (), list)


def _read(files: tuple[Path, ...], config: Path | None) -> tuple[Settings, tuple[Rule, ...]]:
    from remediator.config import ConfigErrors, Settings, load_rules, load_settings

    try:
        settings = load_settings(config) if config else Settings()
        return settings, load_rules(files, settings if config else None) if files else load_rules(settings)
    except ConfigErrors as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(1)


async def _reported(
    settings: Settings, rules: tuple[Rule, ...], url: str, start: datetime, end: datetime, step: timedelta
) -> Report:
    from remediator.backtest.report import Period, report
    from remediator.cli.check import prometheus_at
    from remediator.core.rules import Itself

    server = prometheus_at(settings, url or (settings.prometheus.url if settings.prometheus else ""))
    try:
        return await report(server, settings.policy(Itself()), rules, Period(start, end, step))
    finally:
        await server.aclose()


def _tell(found: Report) -> None:
    times = f"{instant(found.start.isoformat())} to {instant(found.end.isoformat())}"
    say(f"{times}, looked at every {found.step:g} s, as in mode observe")
    click.echo()
    table(("RULE", "SIGNALS", "INCIDENTS", "FIRST STEPS", "HELD BACK BY"), [_row(each) for each in found.rules])
    told: list[Row] = [(each.rule, why) for each in found.rules for why in each.unknown]
    if told:
        click.echo()
        table(("RULE", "NOT KNOWN"), told)
    click.echo()
    say("of no rule it is known whether the first step would have helped, nor what guards that look at live state say")


def _row(rule: RuleReport) -> tuple[str, ...]:
    if rule.reason:
        return rule.rule, "-", "-", "-", f"not played: {rule.reason}"
    held = ", ".join(f"{guard} {number}" for guard, number in rule.held.items())
    return rule.rule, str(rule.signals), str(rule.incidents), str(rule.steps), held
