"""`remediator plan`: what would be done now, and why not, with the API server's own diff; nothing is written."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remediator.cli.remote import output_option, say, show, table

if TYPE_CHECKING:
    from remediator.config import Settings
    from remediator.core.rules import Rule
    from remediator.foresight import RulePlan, Rung
    from remediator.prospect import Plan


@click.command("plan")
@click.argument("rule", required=False, default="", metavar="[RULE]")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("remediator.yaml"),
    show_default=True,
    help="Settings file: it names the rules, the servers, the cluster and the journal.",
)
@click.option("--target", default="", metavar="KIND/NAMESPACE/NAME", help="Only this one, also where no signal stands.")
@click.option(
    "--alert",
    "alerts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A webhook payload of Alertmanager, in place of the alerts that fire.",
)
@click.option("--all", "all_", is_flag=True, help="Every guard's answer, and rules without a signal.")
@output_option
def command(rule: str, config: Path, target: str, alerts: Path | None, all_: bool, output: str) -> None:
    """What would be done now for each rule, or for one, and what holds it back.

    Signals are looked for once, each is taken to have stood for the rule's `for`, and decided on by the same code as in
    the service, with the API server's answer to a dry run. Nothing is written, nobody is told. The journal of the
    settings is read where it can be: without it nothing is known of earlier actions.
    """
    settings, rules = _read(config)
    wanted = [each for each in rules if rule in ("", each.name)]
    if not wanted:
        raise click.UsageError(f"the rule files have no rule {rule!r}; they have {', '.join(r.name for r in rules)}")
    _check_target(target)
    plan = _planned(settings, rules, wanted, target, alerts)
    if output == "table":
        _tell(plan, all_)
    else:
        from remediator.core.model import as_json

        show(as_json(plan), output, (), list)


def _read(config: Path) -> tuple[Settings, tuple[Rule, ...]]:
    from remediator.config import ConfigErrors, load_rules, load_settings

    try:
        settings = load_settings(config)
        return settings, load_rules(settings)
    except ConfigErrors as errors:
        for problem in errors.problems:
            click.echo(str(problem), err=True)
        sys.exit(2)


def _check_target(target: str) -> None:
    from remediator.core.kinds import names_object

    if target and not names_object(target):
        form = "Kind/namespace/name, or Kind/name of a kind in no namespace, as in Deployment/shop/web or Node/worker-1"
        raise click.BadParameter(f"{target!r} names no object; write {form}", param_hint="--target")


def _planned(settings: Settings, rules: tuple[Rule, ...], wanted: list[Rule], target: str, alerts: Path | None) -> Plan:
    from remediator.app import prospect_of
    from remediator.logs import configure
    from remediator.prospect import Wish

    configure("error", "text")
    body = alerts.read_bytes() if alerts else None
    return asyncio.run(prospect_of(settings, rules, Wish(tuple(wanted), target, body)))


def _tell(plan: Plan, all_: bool) -> None:
    if plan.journal:
        say(f"nothing is known of earlier actions, and so of cooldowns and budgets that are spent: {plan.journal}")
    for each in plan.rules:
        if all_ or each.signals != 0 or each.incidents or each.unresolved:
            _tell_rule(each, all_)
    if quiet := [each.rule for each in plan.rules if each.signals == 0 and not each.incidents]:
        more = "" if all_ else "; --all names them"
        click.echo(f"\n{len(quiet)} of {len(plan.rules)} rules have no signal now{more}")


def _tell_rule(plan: RulePlan, all_: bool) -> None:
    number = "not known" if plan.signals is None else str(plan.signals)
    click.echo()
    say(f"{plan.rule}  (mode {plan.mode}, signals now: {number})")
    for line in (plan.reason, *(f"a signal leads to no target: {why}" for why in plan.unresolved)):
        if line:
            say(f"  {line}", indent=2)
    for incident in plan.incidents:
        say(f"  {incident.target}{'  (assumed: no signal of it stands)' if incident.assumed else ''}")
        for rung in incident.rungs:
            _tell_rung(rung, all_)


def _tell_rung(rung: Rung, all_: bool) -> None:
    say(f"    {rung.action}: {rung.note or _result(rung)}", indent=6)
    rows = [(v.guard, v.verdict, v.reason) for v in rung.verdicts if all_ or v.verdict != "allow"]
    if rows:
        table(("      GUARD", "ANSWER", "REASON"), [(f"      {guard}", *rest) for guard, *rest in rows])
    for line in (*rung.outlook, *filter(None, rung.diff.split("\n"))):
        say(f"      {line}", indent=8)


def _result(rung: Rung) -> str:
    then = {"next": ", then the next step", "person": ", then a person", "rest": ", then nothing"}.get(rung.then, "")
    until = f" until {rung.retry_at:%Y-%m-%d %H:%M:%SZ}" if rung.retry_at else ""
    return f"{_RESULTS[rung.result]}{until}{f': {rung.change}' if rung.change else ''}{then}"


_RESULTS = {
    "act": "would be done",
    "observe": "would be rehearsed, since the mode is observe",
    "hold": "would be held back",
    "deny": "would be denied",
    "await_approval": "would wait for approval",
}
"""What each result of a decision means for people."""
