"""Steps that a guard can never allow, as far as files alone tell: the protected, and the last replica.

What only the cluster knows, such as how many siblings there are for `min_healthy`, is asked there (`inspection`).
"""

from __future__ import annotations

from collections.abc import Iterator

from remediator.actions import ACTIONS
from remediator.config.confined import namespaces_of
from remediator.config.problems import Loc
from remediator.config.settings import Settings
from remediator.core.guarding import stricter
from remediator.core.kinds import KINDS
from remediator.core.rules import Protected, Rule

Told = tuple[Loc, str, str]
"""A place in a rule, what is wrong with it, and what would be right."""


def barred(rule: Rule, settings: Settings | None) -> Iterator[Told]:
    """What of a rule no guard will ever let be done."""
    settings = settings or Settings()
    if names := _protected(rule, settings.protected):
        what = f"is never acted on: {names} is protected, and the rule means nothing else"
        yield ("when",), what, "name the object under `protected.allow` of the settings, or mean other namespaces"
    if stricter(settings.guards, rule.guards).last_replica == "allow":
        return
    for place, step in enumerate(rule.do):
        if step.action == "scale" and step.args.get("to") == 0:
            what = "would take the last replica away, which the guard `last_replica` never allows"
            yield ("do", place), what, "write `guards: {last_replica: allow}`, or leave one: `scale: {to: 1}`"


def _protected(rule: Rule, protected: Protected) -> str:
    """The namespaces of a rule that acts, where all of them are protected; empty where any is not, or may not be."""
    kind, within = rule.target.kind, set(namespaces_of(rule))
    acts = any(not (ACTIONS[step.action].tells or ACTIONS[step.action].looks) for step in rule.do)
    inside = kind == "Namespace" or (kind in KINDS and KINDS[kind].namespaced)
    if not (acts and inside and within and within <= set(protected.namespaces)):
        return ""
    allowed = {part for each in protected.allow for part in each.split("/")[1:2]}
    return "" if within & allowed else ", ".join(sorted(within))
