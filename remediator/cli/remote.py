"""What commands share that talk to a running service: where it is, who asks, and in what form to answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

DEFAULT = "http://127.0.0.1:8080"

Row = Sequence[str]


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--server` and `--token-file`."""
    command = click.option(
        "--token-file",
        envvar="REMEDIATOR_TOKEN_FILE",
        default="",
        type=click.Path(dir_okay=False),
        help="File with an operator's token; also REMEDIATOR_TOKEN_FILE.",
    )(command)
    return click.option(
        "--server",
        envvar="REMEDIATOR_SERVER",
        default=DEFAULT,
        show_default=True,
        help="Address of the running service; also REMEDIATOR_SERVER.",
    )(command)


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`-o table|json|yaml`."""
    forms = click.Choice(["table", "json", "yaml"])
    return click.option("-o", "--output", type=forms, default="table", help="Form of the answer.")(command)


def asked(ask: Callable[[Any], Any], server: str, token_file: str) -> Any:
    """What a service answers; exit 1 with its reason where it does not."""
    from remediator.clients.service import ServiceApi, ServiceError

    try:
        return ask(ServiceApi(server, token_file))
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
    """Columns as kubectl prints them; what alerts brought is shown with its control characters escaped."""
    from remediator.core.text import printable

    lines = [tuple(header), *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
