"""What commands share that talk to a running service: where it is, who asks, and in what form to answer."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

DEFAULT = "http://127.0.0.1:8080"

Row = Sequence[str]


class Where(NamedTuple):
    """A running service, and as whom it is asked."""

    server: str
    token_file: str
    ca_file: str


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--server`, `--token-file` and `--ca-file`, handed to the command as one `where`."""

    @functools.wraps(command)
    def asking(*args: Any, server: str, token_file: str, ca_file: str, **kwargs: Any) -> Any:
        return command(*args, where=Where(server, token_file, ca_file), **kwargs)

    for name, variable, default, told in (
        ("ca-file", "REMEDIATOR_CA_FILE", "", "File with the CA of its certificate"),
        ("token-file", "REMEDIATOR_TOKEN_FILE", "", "File with an operator's token"),
        ("server", "REMEDIATOR_SERVER", DEFAULT, "Address of the running service"),
    ):
        told = f"{told}; also {variable}."
        option = click.option(f"--{name}", envvar=variable, default=default, show_default=bool(default), help=told)
        asking = option(asking)
    return asking


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
    """Columns as kubectl prints them; what alerts brought is shown with its control characters escaped."""
    from remediator.core.text import printable

    lines = [tuple(header), *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
