"""What commands share that talk to a running service: where it is, who asks, and in what form to answer."""

from __future__ import annotations

import functools
import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

LEAST_ROOM = 24
"""Columns that the last one of a table must have beside the others on a terminal."""

DEFAULT = "http://127.0.0.1:8080"

Row = Sequence[str]


class Where(NamedTuple):
    """A running service, and as whom it is asked."""

    server: str
    token_file: str
    ca_file: str


_SAID = (
    ("ca_file", "REMEDIATOR_CA_FILE", "File with the CA of its certificate"),
    ("token_file", "REMEDIATOR_TOKEN_FILE", "File with an operator's token"),
    ("server", "REMEDIATOR_SERVER", "Address of the running service"),
)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--server`, `--token-file` and `--ca-file`, of the command or its group, handed to the command as one `where`."""

    @functools.wraps(command)
    def asking(*args: Any, server: str, token_file: str, ca_file: str, **kwargs: Any) -> Any:
        return command(*args, where=_where(click.get_current_context()), **kwargs)

    for name, variable, told in _SAID:
        flag = f"--{name.replace('_', '-')}"
        text = f"{told}; also {variable}." + (f" [default: {DEFAULT}]" if name == "server" else "")
        asking = click.option(flag, envvar=variable, default="", help=text)(asking)
    return asking


def _where(ctx: click.Context) -> Where:
    """The service that is meant: what the line names, for the command before its group, then what the environment
    does.
    """

    def given(name: str) -> str:
        ways = [each for each in (ctx, ctx.parent) if each and each.params.get(name)]
        ways.sort(key=lambda each: each.get_parameter_source(name) is not ParameterSource.COMMANDLINE)
        return ways[0].params[name] if ways else ""

    return Where(given("server") or DEFAULT, given("token_file"), given("ca_file"))


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`-o table|json|yaml`."""
    forms = click.Choice(["table", "json", "yaml"])
    return click.option("-o", "--output", type=forms, default="table", help="Form of the answer.")(command)


def asked(ask: Callable[[Any], Any], where: Where) -> Any:
    """What a service answers; exit 1 with its reason where it does not."""
    from remediator.clients.service import ServiceApi, ServiceError

    try:
        return ask(ServiceApi(*where))
    except ServiceError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


def show(value: Any, output: str, header: Row, rows: Callable[[], list[Row]]) -> None:
    """A value as JSON or YAML for programs, or its rows as a table for people."""
    if output == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip())
    else:
        table(header, rows())


def table(header: Row, rows: list[Row]) -> None:
    """Columns as kubectl prints them; control characters, which alerts may bring, are shown as escapes.

    On a terminal the last column is wrapped to its width, or stands below the others where it has no room beside them.
    """
    from remediator.core.text import printable

    lines = [tuple(header), *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    before = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = width() - before if sys.stdout.isatty() else sys.maxsize
    if room < min(widths[-1], LEAST_ROOM):
        return _table_with_more_below(lines, widths[:-1])
    for line in lines:
        first, *more = folded(line[-1], room)
        _echo_row((*line[:-1], first), widths)
        for each in more:
            click.echo(" " * before + each)
    return None


def _table_with_more_below(lines: list[tuple[str, ...]], widths: list[int]) -> None:
    """The last column below each row, indented; its heading is left out."""
    for place, line in enumerate(lines):
        _echo_row(line[:-1], widths)
        for each in folded(line[-1], width() - 4) if place and line[-1] else ():
            click.echo(f"    {each}")


def _echo_row(cells: Row, widths: list[int]) -> None:
    click.echo("  ".join(cell.ljust(wide) for cell, wide in zip(cells, widths, strict=True)).rstrip())


def width() -> int:
    """Columns of the terminal; 80 where that is not known."""
    return shutil.get_terminal_size((80, 24)).columns


def folded(text: str, room: int) -> list[str]:
    """A text in lines of at most so many characters, broken between words where that is possible."""
    return textwrap.wrap(text, room, break_on_hyphens=False) or [""] if len(text) > room else [text]


def say(text: str, indent: int = 10) -> None:
    """A line for people: on a terminal wrapped to its width, what follows indented."""
    from remediator.core.text import printable

    text = printable(text)
    lines = [text]
    if sys.stdout.isatty() and len(text) > width():
        lines = textwrap.wrap(text, width(), subsequent_indent=" " * indent, break_on_hyphens=False)
    click.echo("\n".join(lines))


def age(seconds: float) -> str:
    """As kubectl shows ages: the largest unit of which there are two at least."""
    seconds = max(int(seconds), 0)
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 7200:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 172_800 else f"{seconds // 86_400}d"


def instant(text: str) -> str:
    """An instant of the API as people read it."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def known(path: str, name: str) -> Callable[..., list[str]]:
    """What completes an argument in a shell: this field of the items at a path, where a service answers at once."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from remediator.clients.service import ServiceApi, ServiceError

        try:
            api = ServiceApi(*_where(ctx), patience=2.0)
            return [each[name] for each in api.get(path)["items"] if each[name].startswith(incomplete)]
        except ServiceError:
            return []

    return complete
