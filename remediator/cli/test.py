"""`remediator test`: rule tests, played by the product's own code over virtual time and a simulated cluster."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from remediator.config.trials import Trial
    from remediator.trial.play import Result


@click.command("test")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--run", "patterns", multiple=True, metavar="REGEX", help="Only tests whose names this finds; repeatable."
)
@click.option("-v", "--verbose", is_flag=True, help="The timeline of tests that pass, too.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Form of the answer.")
def command(files: tuple[Path, ...], patterns: tuple[str, ...], verbose: bool, output: str) -> None:
    """Play rule tests: no server, no network, no waiting.

    Files are shaped as those of promtool test rules; a FILE may be a pattern, as in 'rules/tests/*_test.yaml'. Exits
    with 0 where every test passes, 1 where one fails or a file has a mistake, 2 where it is called wrongly.
    """
    from remediator import logs
    from remediator.config import ConfigErrors
    from remediator.config.trials import load_trials
    from remediator.trial.play import play

    logs.configure("error", "text")
    wanted = [_compiled(pattern) for pattern in patterns]
    try:
        trials = _selected(load_trials(_named(files)), wanted)
    except ConfigErrors as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(1)
    results = [play(trial) for trial in trials]
    _FORMS[output](results, verbose)
    sys.exit(0 if all(each.passed for each in results) else 1)


def _named(files: Sequence[Path]) -> list[Path]:
    """The files, patterns replaced by what they name: whoever calls without a shell has nobody else to do that."""
    found: list[Path] = []
    for file in files:
        matched = [] if file.exists() else sorted(map(Path, glob.glob(str(file), recursive=True)))
        found += matched or [file]
    return list(dict.fromkeys(found))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise click.BadParameter(f"`{pattern}` is no regular expression: {error}", param_hint="--run") from error


def _selected(trials: Sequence[Trial], wanted: Sequence[re.Pattern[str]]) -> list[Trial]:
    """Those whose names one of the patterns finds; all where there is none."""
    found = [each for each in trials if not wanted or any(pattern.search(each.name) for pattern in wanted)]
    if not found:
        names = ", ".join(f"`{each.name}`" for each in trials[:5])
        raise click.BadParameter(f"no test has such a name: there are {names}, …", param_hint="--run")
    return found


def _as_lines(results: Sequence[Result], verbose: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from remediator.trial.report import lines_of, summary_of

    console = Console(highlight=False)
    for line, style in lines_of(results, verbose=verbose):
        console.print(Text(line, style=style), soft_wrap=True)
    console.print(Text(summary_of(results)), soft_wrap=True)


def _as_json(results: Sequence[Result], verbose: bool) -> None:
    import msgspec

    told = [{"passed": each.passed} | msgspec.to_builtins(each) for each in results]
    click.echo(msgspec.json.encode({"ok": all(each.passed for each in results), "tests": told}))


_FORMS: dict[str, Callable[[Sequence[Result], bool], None]] = {"table": _as_lines, "json": _as_json}
