"""`remediator check`: read rule files as the service would, ask servers about them where that is wanted, and tell every
mistake of every file at once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

if TYPE_CHECKING:
    from remediator.clients.prometheus import Prometheus
    from remediator.config import Problem, Settings
    from remediator.config.rules import RuleFile
    from remediator.inspection.finding import Firing, Found

MOST_TARGETS = 5
"""Targets of a rule that people are shown; programs get all."""


class Answer(Struct, frozen=True):
    """What was read and what is wrong with it; warnings refuse nothing."""

    ok: bool
    files: int
    rules: int
    problems: Sequence[Problem]
    warnings: Sequence[Problem] = ()
    now: Sequence[Firing] = ()


class Servers(Struct, frozen=True):
    """Who is asked beside the files: a Prometheus by its address, the cluster for a `user` or whoever asks."""

    prometheus: str = ""
    cluster: bool = False
    user: str = ""
    home: str = "remediator"


@click.command("check")
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file: checked too; gives the rule files where no FILE is given, and the receivers.",
)
@click.option("--prometheus", default="", metavar="URL", help="Ask this server about queries, series and alerts.")
@click.option("--cluster", is_flag=True, help="Ask the API server about kinds and rights, by the settings' kubeconfig.")
@click.option("--as", "user", default="", metavar="USER", help="Whose rights: system:serviceaccount:NAMESPACE:NAME.")
@click.option("--namespace", default="remediator", show_default=True, help="Where the remediator itself is to run.")
@click.option("--strict", is_flag=True, help="Exit with 1 where there are warnings, too.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "sarif"]), default="table", help="Form of the answer."
)
def command(
    files: tuple[Path, ...],
    config: Path | None,
    prometheus: str,
    cluster: bool,
    user: str,
    namespace: str,
    strict: bool,
    output: str,
) -> None:
    """Check rule files, and the settings file where one is given.

    Prints one line for each mistake: file:line:column path: what is wrong; what would be right. A warning is about what
    is allowed and probably not meant. Exits with 0 where there is no mistake, 1 where there is one, 2 where it is
    called wrongly. With -o json or sarif (2.1.0, for pull requests) the answer is on standard output.

    With --prometheus and --cluster the servers are asked too, and it is told what each rule has signals of now.
    """
    if not files and not config:
        raise click.UsageError("nothing to check: name rule files, or a settings file with --config")
    if user and not cluster:
        raise click.UsageError("--as is about rights in a cluster: give --cluster too")
    answer = _checked(files, config, datetime.now(UTC), Servers(prometheus, cluster, user, namespace))
    _FORMS[output](answer)
    sys.exit(0 if answer.ok and not (strict and answer.warnings) else 1)


def _checked(files: tuple[Path, ...], config: Path | None, now: datetime, servers: Servers) -> Answer:
    """Bad settings hide no mistake of the named files."""
    from remediator.config import ConfigErrors, load_settings, rule_paths

    wrong: list[Problem] = []
    settings: Settings | None = None
    paths = list(dict.fromkeys(files))
    try:
        settings = load_settings(config) if config else None
        paths = paths if files or settings is None else rule_paths(settings)
    except ConfigErrors as error:
        wrong += error.problems
    read, problems, warnings = _read(paths, settings, now)
    told = _asked(read, settings, servers, now)
    found = sorted({*wrong, *problems, *told.problems})
    warnings = sorted({*warnings, *told.warnings})
    rules = sum(len(file.rules) for file in read)
    return Answer(not found, len(paths) + bool(config), rules, found, warnings, told.now)


def _read(
    paths: Sequence[Path], settings: Settings | None, now: datetime
) -> tuple[Sequence[RuleFile], Sequence[Problem], Sequence[Problem]]:
    from remediator.config.advice import advise
    from remediator.config.problems import Problems
    from remediator.config.rules import read_files

    problems = Problems()
    gc.disable()  # nearly all that is read stays until the end
    try:
        read = read_files(paths, settings, problems)
        return read, list(problems), advise(read, settings, now)
    finally:
        gc.enable()


def _asked(files: Sequence[RuleFile], settings: Settings | None, servers: Servers, now: datetime) -> Found:
    """What servers say; of syntax that only a server can judge, where none is asked, that it is not judged."""
    from remediator.config.advice import unjudged
    from remediator.config.settings import Settings
    from remediator.inspection.finding import Found, together

    found = list[Found]()
    if servers.prometheus or servers.cluster:
        import asyncio

        found.append(asyncio.run(_inspected(files, settings or Settings(), servers, now)))
    if not servers.prometheus:
        found.append(Found((), tuple(unjudged(files))))
    return together(found)


async def _inspected(files: Sequence[RuleFile], settings: Settings, servers: Servers, now: datetime) -> Found:
    from remediator.clients import kubernetes
    from remediator.inspection import metrics, rights
    from remediator.inspection.finding import Found, together

    access = settings.kubernetes
    cluster = kubernetes.connect(access.kubeconfig, access.context) if servers.cluster else None
    prometheus = prometheus_at(settings, servers.prometheus) if servers.prometheus else None
    found = list[Found]()
    try:
        if prometheus:
            found.append(await metrics.inspect(files, prometheus, now, cluster))
        if cluster:
            found.append(await rights.inspect(files, settings, cluster, servers.home, servers.user, now))
    finally:
        if prometheus:
            await prometheus.aclose()
        if cluster:
            await cluster.close()
    return together(found)


def prometheus_at(settings: Settings, url: str) -> Prometheus:
    """The server at an address; how it is asked is the settings' to say where they name the same one, and nothing that
    is secret goes to another.
    """
    from remediator.clients.prometheus import Prometheus

    source = settings.prometheus
    if source and source.url.rstrip("/") == url.rstrip("/"):
        return Prometheus(source.url, source.timeout, source.http_config)
    return Prometheus(url)


def _as_json(answer: Answer) -> None:
    import msgspec

    click.echo(msgspec.json.encode(answer))


def _as_sarif(answer: Answer) -> None:
    import json

    from remediator.cli.sarif import sarif

    click.echo(json.dumps(sarif(answer.problems, answer.warnings, answer.now), indent=2))


def _as_lines(answer: Answer) -> None:
    for problem in answer.problems:
        click.echo(str(problem), err=True)
    for problem in answer.warnings:
        click.echo(f"warning: {problem}", err=True)
    if answer.ok:
        click.echo(f"ok: {_counted(answer.files, 'file')}, {_counted(answer.rules, 'rule')}")
    if answer.now:
        from remediator.cli.remote import table

        click.echo()
        table(("RULE", "SIGNALS NOW", "TARGETS"), [_row(each) for each in answer.now])


def _row(firing: Firing) -> tuple[str, str, str]:
    number = "not known" if firing.signals is None else str(firing.signals)
    shown = ", ".join(firing.targets[:MOST_TARGETS])
    more = f" and {len(firing.targets) - MOST_TARGETS} more" if len(firing.targets) > MOST_TARGETS else ""
    return firing.rule, number, firing.reason or f"{shown}{more}"


_FORMS: dict[str, Callable[[Answer], None]] = {"table": _as_lines, "json": _as_json, "sarif": _as_sarif}


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
