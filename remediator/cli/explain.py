"""`remediator explain`: why something was done, or not, decided again from the journal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import click

from remediator.cli.remote import Row, Where, asked, instant, known, options, output_option, say, show, table


@click.command("explain")
@click.argument("name", metavar="INCIDENT|RULE", shell_complete=known("/api/v1/rules", "name"))
@click.option(
    "--at", default="", metavar="TIME", help="The last decision up to it, as 2026-01-31T12:00:00Z; UTC if no zone."
)
@click.option(
    "--what-if",
    "what_if",
    multiple=True,
    metavar="GUARD=VALUE",
    help="Decide again under another setting, as cooldown=5m, budget='{max: 5, per: 1h}' or mode=enforce; repeatable.",
)
@click.option("--all", "all_", is_flag=True, help="Every guard's answer, not only those that held it back.")
@options
@output_option
def command(name: str, at: str, what_if: tuple[str, ...], all_: bool, where: Where, output: str) -> None:
    """Why the last decision about an incident, or by a rule, was what it was.

    The decision is made again from what the journal has of it: the same facts, the state of then. Exits with 1 where
    that comes out otherwise.
    """
    query = {"at": _with_zone(at)} if at else {}
    if what_if:
        query["what_if"] = _supposed(what_if)
    found = asked(lambda api: api.get(f"/api/v1/explain/{quote(name, safe='')}", **query), where)
    if output != "table":
        show(found, output, (), list)
    else:
        _tell(found, all_)
    sys.exit(1 if found["differs"] else 0)


def _with_zone(at: str) -> str:
    try:
        found = datetime.fromisoformat(at)
    except ValueError as error:
        raise click.BadParameter(f"{at!r} is no time; write 2026-01-31T12:00:00Z", param_hint="--at") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def _supposed(what_if: tuple[str, ...]) -> str:
    """What is supposed, as the API takes it; read as rule files are."""
    from remediator.config.supposing import supposed

    found, problems = supposed(what_if)
    if problems:
        raise click.BadParameter("\n".join(problems), param_hint="--what-if")
    return found


def _tell(found: dict[str, Any], all_: bool) -> None:
    say(f"rule      {found['rule']}")
    if found["incident"]:
        say(f"incident  {found['incident']}  {found['target']}".rstrip())
    if not found["seq"]:
        say(f"nothing was decided: {found['note']}")
    else:
        say(f"decided   {instant(found['time'])}, record {found['seq']}, mode {found['mode']}")
        say(f"result    {' '.join(_result(found))}")
        _verdicts(found["verdicts"], all_)
        for line in (*_again(found), *_suppositions(found.get("supposed"))):
            say(line)
    if found["followed"]:
        click.echo("\nwhat followed")
        for line in found["followed"]:
            say(f"  {line}", indent=24)


def _result(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['result'].replace('_', ' ')}: {found['action']}"
    if found["retry_at"]:
        yield f"until {instant(found['retry_at'])}"
    if found["plan"]:
        yield f"(plan {found['plan']})"
    if found["then"]:
        yield f"then {found['then']}"


def _verdicts(verdicts: list[dict[str, Any]], all_: bool) -> None:
    shown = [each for each in verdicts if all_ or each["verdict"] != "allow"]
    if shown:
        click.echo()
        rows: list[Row] = [(each["guard"], each["verdict"], each["reason"]) for each in shown]
        table(("GUARD", "ANSWER", "REASON"), rows)
    if rest := len(verdicts) - len(shown):
        click.echo(f"{'all' if not shown else 'the other'} {rest} allow; --all shows them")
    click.echo()


def _suppositions(supposed: dict[str, Any] | None) -> Iterator[str]:
    """What would have been decided under the settings that are supposed."""
    if supposed is None:
        return
    if not supposed["result"]:
        yield f"not decided again under other settings: {supposed['note']}"
        return
    yield f"under the supposed settings: {supposed['result'].replace('_', ' ')}"
    yield from (f"  {each}" for each in supposed["differs"] or ("every guard answers the same",))
    if supposed["note"]:
        yield f"  {supposed['note']}"


def _again(found: dict[str, Any]) -> Iterator[str]:
    if found["why_not_repeated"]:
        yield f"not repeated: {found['why_not_repeated']}"
    elif found["differs"]:
        yield "repeated from the journal, it comes out otherwise (was it made by another version?):"
        yield from (f"  {each}" for each in found["differs"])
    else:
        yield f"repeated from the journal: {found['asked_again']} guards asked again answer the same, the same result"
