"""`remediator approve` and `deny`: a person's word on the plan that an incident waits with."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import quote

import click

from remediator.cli.incidents import diagnosed
from remediator.cli.remote import Where, asked, known, options


def _answering(word: str, effect: str) -> click.Command:
    @click.command(word, help=f"{word.capitalize()} the plan that an incident waits with: {effect}.")
    @click.argument("incident", metavar="INCIDENT", shell_complete=known("/api/v1/incidents", "id"))
    @click.option("--plan", default="", help="The plan that you were shown; without, the one that waits now is shown.")
    @click.option("--reason", default="", help="Why; it stands in the journal.")
    @options
    def command(incident: str, plan: str, reason: str, where: Where) -> None:
        path = f"/api/v1/incidents/{quote(incident, safe='')}"
        plan = plan or _shown(asked(lambda api: api.get(path), where), word)
        said = asked(lambda api: api.post(f"{path}/{word}", {"plan": plan, "reason": reason}), where)
        click.echo(f"kept: {said['detail']}" if said.get("kept") else f"{word} counted, as {said['by']}")

    return command


def _shown(waiting: dict[str, Any], word: str) -> str:
    """The plan that waits, after a person has seen it and said yes."""
    from remediator.core.text import printable

    if not waiting["plan"]:
        why = f"it is {waiting['phase']}: {waiting['reason']}".rstrip(": ")
        click.echo(f"error: no plan waits for this incident; {printable(why)}", err=True)
        sys.exit(1)
    target = "/".join(filter(None, (waiting["kind"], waiting["namespace"], waiting["name"])))
    click.echo(printable(f"{waiting['step']} of {target}, by rule {waiting['rule']}, plan {waiting['plan']}"))
    for line in diagnosed(waiting["diagnosis"]) if waiting.get("diagnosis") else ():
        click.echo(f"  {printable(line)}")
    click.confirm(f"{word} it?", abort=True)
    return waiting["plan"]


approve = _answering("approve", "it is carried out once all guards still allow it")
deny = _answering("deny", "nothing is done, and the incident rests until its signals clear")
