"""`remediator check`: read rule files as the service would, and tell every mistake of every file at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from remediator.config import Problem, Settings


@click.command("check")
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file: checked too; gives the rule files where no FILE is given, and the receivers.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Form of the answer.")
def command(files: tuple[Path, ...], config: Path | None, output: str) -> None:
    """Check rule files, and the settings file where one is given.

    Prints one line for each mistake: file:line:column path: what is wrong; what would be right. Exits with 0 where
    all is right, 1 where something is wrong, 2 where it is called wrongly. With -o json the answer is on standard
    output.
    """
    if not files and not config:
        raise click.UsageError("nothing to check: name rule files, or a settings file with --config")
    problems, settings = _settings(config)
    read, rules, more = _rules(files, settings, config)
    problems = sorted({*problems, *more})
    (_as_json if output == "json" else _as_lines)(problems, read, rules)
    sys.exit(1 if problems else 0)


def _settings(config: Path | None) -> tuple[Sequence[Problem], Settings | None]:
    from remediator.config import ConfigErrors, load_settings

    try:
        return (), load_settings(config) if config else None
    except ConfigErrors as error:
        return error.problems, None


def _rules(
    files: tuple[Path, ...], settings: Settings | None, config: Path | None
) -> tuple[int, int, Sequence[Problem]]:
    """How many files and rules were read, and what is wrong. Bad settings hide no mistake of the named files."""
    from remediator.config import ConfigErrors, load_rules, rule_paths

    paths = list(dict.fromkeys(files))
    try:
        if not files and settings is not None:
            paths = rule_paths(settings)
        return len(paths) + bool(config), len(load_rules(paths, settings)), ()
    except ConfigErrors as error:
        return 0, 0, error.problems


def _as_json(problems: Sequence[Problem], files: int, rules: int) -> None:
    import msgspec

    answer = {"ok": not problems, "files": files, "rules": rules, "problems": problems}
    click.echo(msgspec.json.encode(answer))


def _as_lines(problems: Sequence[Problem], files: int, rules: int) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)
    if not problems:
        click.echo(f"ok: {_counted(files, 'file')}, {_counted(rules, 'rule')}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
