"""`remediator incidents`: what is open, what each incident waits for, and its story in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from remediator.cli.remote import Where, asked, options, output_option, show

MOST = 1000
"""Incidents listed at most; the newest."""

HEADER = ("ID", "RULE", "TARGET", "PHASE", "AGE", "STEP", "REASON")


@click.group("incidents", invoke_without_command=True)
@options
@output_option
@click.pass_context
def command(ctx: click.Context, where: Where, output: str) -> None:
    """Open incidents, newest first; `show ID` tells one in full."""
    ctx.obj = where
    if ctx.invoked_subcommand is None:
        _list(where, output)


@command.command("list")
@output_option
@click.pass_obj
def list_(where: Where, output: str) -> None:
    """Open incidents, newest first."""
    _list(where, output)


@command.command("show")
@click.argument("incident", metavar="ID")
@output_option
@click.pass_obj
def show_(where: Where, incident: str, output: str) -> None:
    """One incident: where it stands, why, and what waits for approval."""
    found = asked(lambda api: api.get(f"/api/v1/incidents/{incident}"), where)
    show(found, output, ("FIELD", "VALUE"), lambda: list(_rows(found)))


def _list(where: Where, output: str) -> None:
    found = asked(lambda api: api.pages("/api/v1/incidents", MOST), where)
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


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A row for each thing that is said, the name of its field before the first."""
    for name, value in found.items():
        lines = _LINES.get(name, _lines)(value) if value else []
        yield from ((name if not place else "", line) for place, line in enumerate(lines))


def _lines(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _told(threads: list[dict[str, Any]]) -> list[str]:
    """What became of the messages to each endpoint."""
    return [
        f"{'/'.join(filter(None, (each['receiver'], each['endpoint'])))}: {each['delivered']} delivered, "
        f"{each['waiting']} waiting, {each['lost']} given up{': ' if each['problem'] else ''}{each['problem']}"
        for each in threads
    ]


def _diagnosed(value: dict[str, Any]) -> list[str]:
    """The findings, what the last roll-out changed, the ends of logs, and what could not be read."""
    import msgspec

    from remediator.core.diagnosis import Diagnosis
    from remediator.core.findings import findings

    found = msgspec.convert({key: each for key, each in value.items() if key != "kind"}, Diagnosis, strict=False)
    logs = (f"{log.pod}/{log.container}: {line}" for log in found.logs for line in log.lines)
    unread = (f"not read: {what}: {why}" for what, why in found.unread.items())
    return [*findings(found), *found.changed.splitlines(), *logs, *unread]


_LINES = {"told": _told, "diagnosis": _diagnosed}
