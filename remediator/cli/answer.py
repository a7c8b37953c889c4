"""`remediator approve` and `deny`: a person's word on the plan that an incident waits with."""

from __future__ import annotations

import click

from remediator.cli.remote import Where, asked, options


def _answering(word: str, effect: str) -> click.Command:
    @click.command(word, help=f"{word.capitalize()} the plan that an incident waits with: {effect}.")
    @click.argument("incident", metavar="INCIDENT")
    @click.option("--plan", default="", help="The plan that you were shown; without, the one that waits now is shown.")
    @click.option("--reason", default="", help="Why; it stands in the journal.")
    @options
    def command(incident: str, plan: str, reason: str, where: Where) -> None:
        path = f"/api/v1/incidents/{incident}"
        if not plan:
            waiting = asked(lambda api: api.get(path), where)
            plan = waiting["plan"]
            click.echo(f"{waiting['step']} of {waiting['kind']}/{waiting['namespace']}/{waiting['name']}, plan {plan}")
            click.confirm(f"{word} it?", abort=True)
        said = asked(lambda api: api.post(f"{path}/{word}", {"plan": plan, "reason": reason}), where)
        click.echo(f"kept: {said['detail']}" if said.get("kept") else f"{word} counted, as {said['by']}")

    return command


approve = _answering("approve", "it is carried out once all guards still allow it")
deny = _answering("deny", "nothing is done, and the incident rests until its signals clear")
