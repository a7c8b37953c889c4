"""`remediator incidents`: what is open, what each incident waits for, and its story in the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from remediator.cli.remote import asked, options, output_option, show

MOST = 1000
"""Incidents listed at most; the newest."""

HEADER = ("ID", "RULE", "TARGET", "PHASE", "AGE", "STEP", "REASON")


@click.group("incidents", invoke_without_command=True)
@options
@output_option
@click.pass_context
def command(ctx: click.Context, server: str, token_file: str, output: str) -> None:
    """Open incidents, newest first; `show ID` tells one in full."""
    ctx.obj = (server, token_file)
    if ctx.invoked_subcommand is None:
        _list(server, token_file, output)


@command.command("list")
@output_option
@click.pass_obj
def list_(where: tuple[str, str], output: str) -> None:
    """Open incidents, newest first."""
    _list(*where, output)


@command.command("show")
@click.argument("incident", metavar="ID")
@output_option
@click.pass_obj
def show_(where: tuple[str, str], incident: str, output: str) -> None:
    """One incident: where it stands, why, and what waits for approval."""
    found = asked(lambda api: api.get(f"/api/v1/incidents/{incident}"), *where)
    show(found, output, ("FIELD", "VALUE"), lambda: [(name, _text(value)) for name, value in found.items() if value])


def _list(server: str, token_file: str, output: str) -> None:
    found = asked(lambda api: api.pages("/api/v1/incidents", MOST), server, token_file)
    if output == "table" and not found:
        click.echo("no open incidents")
        return
    show(found, output, HEADER, lambda: [_row(each) for each in found])


def _row(incident: dict[str, Any]) -> tuple[str, ...]:
    target = "/".join(filter(None, (incident["kind"], incident["namespace"], incident["name"])))
    age = _age(datetime.now(UTC) - datetime.fromisoformat(incident["opened_at"]))
    return incident["id"], incident["rule"], target, incident["phase"], age, incident["step"], incident["reason"]


def _age(age: Any) -> str:
    """As kubectl shows ages: the two largest units at most."""
    seconds = max(int(age.total_seconds()), 0)
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 7200:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 172_800 else f"{seconds // 86_400}d"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
