"""`remediator check`: read rule files as the service would, and tell every mistake of every file at once."""

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
    from remediator.config import Problem, Settings


class Answer(Struct, frozen=True):
    """What was read and what is wrong with it; warnings refuse nothing."""

    ok: bool
    files: int
    rules: int
    problems: Sequence[Problem]
    warnings: Sequence[Problem] = ()


@click.command("check")
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file: checked too; gives the rule files where no FILE is given, and the receivers.",
)
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "sarif"]), default="table", help="Form of the answer."
)
def command(files: tuple[Path, ...], config: Path | None, output: str) -> None:
    """Check rule files, and the settings file where one is given.

    Prints one line for each mistake: file:line:column path: what is wrong; what would be right. A warning is about what
    is allowed and probably not meant. Exits with 0 where there is no mistake, 1 where there is one, 2 where it is
    called wrongly. With -o json or sarif (2.1.0, for pull requests) the answer is on standard output.
    """
    if not files and not config:
        raise click.UsageError("nothing to check: name rule files, or a settings file with --config")
    gc.disable()  # nearly all that is read stays until the end
    try:
        answer = _checked(files, config, datetime.now(UTC))
    finally:
        gc.enable()
    _FORMS[output](answer)
    sys.exit(0 if answer.ok else 1)


def _checked(files: tuple[Path, ...], config: Path | None, now: datetime) -> Answer:
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
    rules, problems, warnings = _rules(paths, settings, now)
    found = sorted({*wrong, *problems})
    return Answer(not found, len(paths) + bool(config), rules, found, sorted(set(warnings)))


def _rules(
    paths: Sequence[Path], settings: Settings | None, now: datetime
) -> tuple[int, Sequence[Problem], Sequence[Problem]]:
    from remediator.config.advice import advise
    from remediator.config.problems import Problems
    from remediator.config.rules import read_files

    problems = Problems()
    read = read_files(paths, settings, problems)
    return sum(len(file.rules) for file in read), list(problems), advise(read, settings, now)


def _as_json(answer: Answer) -> None:
    import msgspec

    click.echo(msgspec.json.encode(answer))


def _as_sarif(answer: Answer) -> None:
    import json

    from remediator.cli.sarif import sarif

    click.echo(json.dumps(sarif(answer.problems, answer.warnings), indent=2))


def _as_lines(answer: Answer) -> None:
    for problem in answer.problems:
        click.echo(str(problem), err=True)
    for problem in answer.warnings:
        click.echo(f"warning: {problem}", err=True)
    if answer.ok:
        click.echo(f"ok: {_counted(answer.files, 'file')}, {_counted(answer.rules, 'rule')}")


_FORMS: dict[str, Callable[[Answer], None]] = {"table": _as_lines, "json": _as_json, "sarif": _as_sarif}


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
