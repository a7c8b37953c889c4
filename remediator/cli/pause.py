"""`remediator pause` and `resume`: the switch that holds steps back, for everything or for part of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from remediator.cli.remote import Row, Where, asked, known, options, output_option, show

HEADER = ("ID", "STANDS STILL", "UNTIL", "BY", "REASON")


def scope(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is meant, and why."""
    for name, what in (
        ("reason", "Why; it stands in the journal."),
        ("target", "This one alone: Kind/namespace/name, as Deployment/shop/web, or Node/name."),
        ("namespace", "What is in this namespace."),
    ):
        command = click.option(f"--{name}", default="", help=what)(command)
    rules = known("/api/v1/rules", "name")
    return click.option("--rule", default="", help="What this rule does.", shell_complete=rules)(command)


@click.group("pause", invoke_without_command=True)
@scope
@click.option("--for", "for_", default="", metavar="DURATION", help="Ends by itself after it, as 2h or 1d.")
@options
@click.pass_context
def command(ctx: click.Context, rule: str, namespace: str, target: str, reason: str, for_: str, where: Where) -> None:
    """Hold back every step of everything, or of all that the options name together.

    Steps under way are not torn off, an undo is never held back, and people are told as ever. It lasts for --for, or
    until somebody resumes.
    """
    if ctx.invoked_subcommand is not None:
        return
    body = {"rule": rule, "namespace": namespace, "target": target, "reason": reason, "for": for_}
    said = asked(lambda api: api.post("/api/v1/pause", body), where)
    if said.get("kept"):
        click.echo(f"kept: {said['detail']}")
        return
    pause = said["paused"]
    click.echo(f"paused: {_what(pause)}, {_until(pause)}, as {said['by']}")
    click.echo(f"lift it with: remediator resume --id {pause['id']}")


@command.command("list")
@options
@output_option
def list_(where: Where, output: str) -> None:
    """The pauses that stand, the oldest first."""
    found = asked(lambda api: api.get("/api/v1/pauses"), where)["items"]
    if output == "table" and not found:
        click.echo("nothing is paused")
        return
    show(found, output, HEADER, lambda: [_row(each) for each in found])


@click.command("resume")
@click.option(
    "--id",
    "id_",
    default="",
    help="The one pause of this id; `remediator pause list` shows them.",
    shell_complete=known("/api/v1/pauses", "id"),
)
@scope
@options
def resume(id_: str, rule: str, namespace: str, target: str, reason: str, where: Where) -> None:
    """Lift every pause of exactly what the options name; without any, those of everything.

    Nobody lifts what somebody else meant: a pause of a namespace ends by --namespace or its --id alone. With --rule the
    rule's open breakers are closed too. Exits with 1 where there was nothing to lift.
    """
    body = {"id": id_, "rule": rule, "namespace": namespace, "target": target, "reason": reason}
    said = asked(lambda api: api.post("/api/v1/resume", body), where)
    if said.get("kept"):
        click.echo(f"kept: {said['detail']}")
        return
    for pause in said["resumed"]:
        what = _what(pause) if pause["id"] else f"no pause; breakers of rule {pause['rule']} are closed"
        click.echo(f"resumed: {what}, as {said['by']}")
    if not said["resumed"]:
        click.echo("nothing of exactly that scope is paused; see: remediator pause list", err=True)
        sys.exit(1)


def _row(pause: dict[str, Any]) -> Row:
    return pause["id"], _what(pause), _until(pause), pause["by"].removeprefix("operator:"), pause["reason"]


def _what(pause: dict[str, Any]) -> str:
    named = (f"{name} {pause[name]}" for name in ("rule", "namespace", "target") if pause[name])
    return ", ".join(named) or "everything"


def _until(pause: dict[str, Any]) -> str:
    if not pause["until"]:
        return "until resumed"
    return f"until {datetime.fromisoformat(pause['until']).astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
