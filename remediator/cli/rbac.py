"""`remediator rbac`: the least roles under which settings and rules work, each right with who needs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from remediator.core.rules import Rule
    from remediator.roles import Line, Role

API = "rbac.authorization.k8s.io"
MOST_NAMED = 3
"""Rules named beside a right; of the others their number is told."""


@click.command("rbac")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file; gives the rule files where none is named."
)
@click.option("--namespace", default="remediator", show_default=True, help="Where the remediator itself runs.")
@click.option("--service-account", default="remediator", show_default=True, help="The account that it runs under.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json", "values"]),
    default="yaml",
    help="Form of the answer; values are those of the Helm chart.",
)
def command(files: tuple[Path, ...], config: Path | None, namespace: str, service_account: str, output: str) -> None:
    """The least Roles and ClusterRoles that rules need, with their bindings, for kubectl apply.

    A right is given in the namespaces that a rule's matchers, object or query confine it to, else in the whole cluster.
    Rights to write are needed in mode observe too: dry runs ask for them. Exits with 1 where a file is wrong.
    """
    if not files and not config:
        raise click.UsageError("nothing to read: name rule files, or a settings file with --config")
    found, rules = _roles(files, config, namespace)
    who = {"kind": "ServiceAccount", "name": service_account, "namespace": namespace}
    if output == "values":
        click.echo("\n".join(_values(found)))
        return
    if output == "json":
        items = [
            each for role in found for each in (_role(role, service_account), _binding(role, service_account, who))
        ]
        click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2))
        return
    number = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    click.echo(f"# The least rights for {number}. Made by `remediator rbac`: make it anew when they change.")
    for role in found:
        click.echo("\n".join((*_text(role, service_account), *_binding_text(role, service_account, who))))


def _roles(files: Sequence[Path], config: Path | None, namespace: str) -> tuple[tuple[Role, ...], tuple[Rule, ...]]:
    from remediator.config import ConfigErrors, Settings, load_rules, load_settings
    from remediator.roles import roles

    try:
        settings = load_settings(config) if config else Settings()
        rules = load_rules(files, settings if config else None) if files else load_rules(settings)
    except ConfigErrors as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(1)
    return roles(settings, rules, namespace), rules


def _kind(role: Role) -> str:
    return "Role" if role.namespace else "ClusterRole"


def _metadata(role: Role, name: str) -> dict[str, str]:
    return {"name": name, **({"namespace": role.namespace} if role.namespace else {})}


def _rule(line: Line) -> dict[str, list[str]]:
    named = {"resourceNames": list(line.names)} if line.names else {}
    return {"apiGroups": [line.group], "resources": [line.resource], **named, "verbs": list(line.verbs)}


def _role(role: Role, name: str) -> dict[str, Any]:
    rules = [_rule(line) for line in role.lines]
    return {"apiVersion": f"{API}/v1", "kind": _kind(role), "metadata": _metadata(role, name), "rules": rules}


def _binding(role: Role, name: str, who: dict[str, str]) -> dict[str, Any]:
    ref = {"apiGroup": API, "kind": _kind(role), "name": name}
    kind, meta = f"{_kind(role)}Binding", _metadata(role, name)
    return {"apiVersion": f"{API}/v1", "kind": kind, "metadata": meta, "roleRef": ref, "subjects": [who]}


def _values(found: Sequence[Role]) -> Iterator[str]:
    """`rbac.roles` of the Helm chart, for rules that it cannot read."""
    yield "# Made by `remediator rbac --output values`: make it anew when the rules change."
    yield "rbac:"
    yield "  roles:" if found else "  roles: []"
    for role in found:
        yield f"  - namespace: {json.dumps(role.namespace)}"
        yield "    rules:"
        yield from (f"    - {_flow(_rule(line))}" for line in role.lines)


def _flow(rule: dict[str, list[str]]) -> str:
    return ", ".join(f"{key}: {json.dumps(value)}" for key, value in rule.items()).join("{}")


def _text(role: Role, name: str) -> Iterator[str]:
    """A role in YAML, whose flow values are JSON; each right below a comment for each verb."""
    yield from _head(_kind(role), _metadata(role, name))
    yield "rules:"
    for line in role.lines:
        for verb in line.verbs:
            yield f"# {verb}: {'; '.join(_reason(why, rules) for why, rules in sorted(line.why[verb].items()))}"
        if line.guessed:
            yield "# The plural of this kind is guessed: kubectl api-resources tells it."
        yield f"- {_flow(_rule(line))}"


def _reason(why: str, rules: Sequence[str]) -> str:
    named = ", ".join(json.dumps(rule)[1:-1] for rule in rules[:MOST_NAMED])
    more = f" and {len(rules) - MOST_NAMED} more" if len(rules) > MOST_NAMED else ""
    return f"{why} ({named}{more})" if rules else why


def _binding_text(role: Role, name: str, who: dict[str, str]) -> Iterator[str]:
    made = _binding(role, name, who)
    yield from _head(made["kind"], made["metadata"])
    yield f"roleRef: {json.dumps(made['roleRef'])}"
    yield f"subjects: [{json.dumps(who)}]"


def _head(kind: str, metadata: dict[str, str]) -> Iterator[str]:
    yield from ("---", f"apiVersion: {API}/v1", f"kind: {kind}", f"metadata: {json.dumps(metadata)}")
