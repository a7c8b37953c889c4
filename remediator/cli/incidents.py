"""`remediator incidents`: what is open, what each incident waits for, and its story in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import click

from remediator.cli.remote import Where, age, asked, instant, known, options, output_option, show

MOST = 1000
"""Incidents listed at most; the newest."""

PAST = ("ID", "RULE", "TARGET", "CLOSED", "LASTED", "REASON")
HEADER = ("ID", "RULE", "TARGET", "PHASE", "AGE", "STEP, REASON")


past_option = click.option("--past", is_flag=True, help="Those that are closed, the last one first.")
most_option = click.option("--limit", type=click.IntRange(1, 10_000), default=MOST, help="At most so many.")


@click.group("incidents", invoke_without_command=True)
@options
@past_option
@output_option
@click.pass_context
def command(ctx: click.Context, where: Where, past: bool, output: str) -> None:
    """Open incidents, newest first; `list --past` has the closed ones, `show ID` tells one in full."""
    if ctx.invoked_subcommand is None:
        _list(where, past, MOST, output)


@command.command("list")
@past_option
@most_option
@options
@output_option
def list_(where: Where, past: bool, limit: int, output: str) -> None:
    """Open incidents, newest first, or past ones."""
    _list(where, past, limit, output)


@command.command("show")
@click.argument("incident", metavar="ID", shell_complete=known("/api/v1/incidents", "id"))
@options
@output_option
def show_(where: Where, incident: str, output: str) -> None:
    """One incident, open or past: where it stands, why, what waits for approval, and what happened."""
    found = asked(lambda api: api.get(f"/api/v1/incidents/{quote(incident, safe='')}"), where)
    show(found, output, ("FIELD", "VALUE"), lambda: list(_rows(found)))
    if output == "table" and found["plan"]:
        click.echo(f"\nanswer it with: remediator approve {found['id']} (or deny)")


def _list(where: Where, past: bool, limit: int, output: str) -> None:
    state = "past" if past else "open"
    found = asked(lambda api: api.pages("/api/v1/incidents", limit, state=state), where)
    if output == "table" and not found:
        click.echo(f"no {state} incidents")
        return
    header, row = (PAST, _past_row) if past else (HEADER, _row)
    show(found, output, header, lambda: [row(each) for each in found])


def _row(incident: dict[str, Any]) -> tuple[str, ...]:
    old = age((datetime.now(UTC) - datetime.fromisoformat(incident["opened_at"])).total_seconds())
    why = ": ".join(filter(None, (incident["step"], incident["reason"])))
    return incident["id"], incident["rule"], _target(incident), incident["phase"], old, why


def _past_row(incident: dict[str, Any]) -> tuple[str, ...]:
    opened, closed = (datetime.fromisoformat(incident[name]) for name in ("opened_at", "closed_at"))
    lasted, at = age((closed - opened).total_seconds()), instant(incident["closed_at"])
    return incident["id"], incident["rule"], _target(incident), at, lasted, incident["reason"]


def _target(incident: dict[str, Any]) -> str:
    return "/".join(filter(None, (incident["kind"], incident["namespace"], incident["name"])))


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


def diagnosed(value: dict[str, Any]) -> list[str]:
    """The findings, what the last roll-out changed, the ends of logs, and what could not be read."""
    import msgspec

    from remediator.core.diagnosis import Diagnosis
    from remediator.core.findings import findings

    found = msgspec.convert({key: each for key, each in value.items() if key != "kind"}, Diagnosis, strict=False)
    logs = (f"{log.pod}/{log.container}: {line}" for log in found.logs for line in log.lines)
    unread = (f"not read: {what}: {why}" for what, why in found.unread.items())
    return [*findings(found), *found.changed.splitlines(), *logs, *unread]


def _instant(value: str) -> list[str]:
    return [instant(value)]


_LINES = {
    "told": _told,
    "diagnosis": diagnosed,
    "opened_at": _instant,
    "retry_at": _instant,
    "closed_at": _instant,
}
