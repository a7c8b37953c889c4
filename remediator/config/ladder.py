"""The parts of a rule whose meaning depends on its target: the rungs under `do` and the conditions under `if`.

Read from the plain values and not from the models, so that a mistake elsewhere in the rule hides none of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from remediator.actions import ACTIONS
from remediator.actions.action import Action
from remediator.config.document import Document
from remediator.config.evidence import EvidenceReader
from remediator.config.problems import Loc, Problems, described, meant
from remediator.config.rule_shapes import STEP_MODES, UntilShape
from remediator.config.settings import Receiver
from remediator.config.shapes import report
from remediator.core.kinds import WITH_SIBLINGS, is_kind, target_kind_of
from remediator.core.model import Json, Mode, Value
from remediator.core.rules import Query, Step, Until

CALLS = "webhook"
"""The action that needs a webhook of its receiver."""

KUBECTL = {
    "rollout_undo": "rollback",
    "rollout undo": "rollback",
    "undo": "rollback",
    "rollout-undo": "rollback",
    "kubectl rollout undo": "rollback",
    "rollout pause": "rollout_pause",
    "pause": "rollout_pause",
    "rollout resume": "rollout_resume",
    "resume": "rollout_resume",
    "suspend": "suspend_cronjob",
    "scale_deployment": "scale",
    "replicas": "scale",
    "hpa": "scale_hpa",
    "apply": "patch",
    "edit": "patch",
    "set_image": "patch",
    "label": "patch",
    "annotate": "patch",
    "evict_pod": "evict",
    "delete": "delete_pods",
    "create_job": "rerun_job",
    "rollout_restart": "restart",
    "rollout-restart": "restart",
    "kubectl rollout restart": "restart",
    "rollout restart": "restart",
    "delete_pod": "delete_pods",
    "autoscale": "scale_hpa",
    "notify": "escalate",
    "page": "escalate",
}
"""What people say, and the action's name here."""


class Ladder(Value, frozen=True):
    """What the rungs and conditions of one rule came to."""

    steps: tuple[Step, ...]
    conditions: tuple[str, ...]
    queries: tuple[Query, ...] = ()


class LadderReader:
    """Reads the ladders of one document. `receivers` are those of the settings by name, None where unknown."""

    def __init__(self, document: Document, problems: Problems, receivers: Mapping[str, Receiver] | None) -> None:
        self._document, self._problems, self._receivers = document, problems, receivers
        self._evidence = EvidenceReader(document, problems)

    def read(self, rule: Any, loc: Loc) -> Ladder:
        """The rungs and conditions of a rule as far as they are right; what is wrong goes to the problems."""
        if not isinstance(rule, dict):
            return Ladder((), ())
        kind = _target_kind(rule)
        rungs = rule.get("do")
        steps = [
            self._step(rung, (*loc, "do", i), kind) for i, rung in enumerate(rungs if isinstance(rungs, list) else ())
        ]
        self._siblings(rule.get("guards"), (*loc, "guards"), kind)
        self._evidence.check(rule.get("until"), (*loc, "until"), kind)
        self._evidence.masks(rule, loc)
        self._evidence.names(rule, loc, kind)
        return Ladder(tuple(filter(None, steps)), *self._evidence.conditions(rule.get("if"), (*loc, "if"), kind))

    def _complain(self, loc: Loc, message: str, remedy: str = "", *, at_key: bool = False, offset: int = 0) -> None:
        self._problems.add(self._document.problem(loc, message, remedy, at_key=at_key, offset=offset))

    def _siblings(self, guards: Any, loc: Loc, kind: str) -> None:
        """A limit over the siblings of a target that has none says nothing, and its author meant something."""
        if not isinstance(guards, dict) or not kind or kind in WITH_SIBLINGS:
            return
        for name in ("min_healthy", "max_unhealthy"):
            if name in guards:
                remedy = f"take it out, or target one of {', '.join(WITH_SIBLINGS)}"
                self._complain((*loc, name), f"a {kind} has no siblings to count", remedy, at_key=True)

    def _step(self, rung: Any, loc: Loc, kind: str) -> Step | None:
        """A rung is an action's name, or one key with the arguments as its value."""
        if isinstance(rung, str):
            return self._checked(rung, {}, loc, loc, kind)
        if not isinstance(rung, dict) or len(rung) != 1:
            what = f"has {len(rung)} keys" if isinstance(rung, dict) else f"is {described(rung)}"
            remedy = "write one action an entry, as in `- rollback` or `- escalate: {receiver: oncall}`"
            self._complain(loc, f"{what}, not one action", remedy)
            return None
        name, args = next(iter(rung.items()))
        if args is not None and not isinstance(args, dict):
            self._complain((*loc, name), f"is {described(args)}, not a mapping", f"write `{name}: {{argument: value}}`")
            return None
        return self._checked(name, dict(args or {}), loc, (*loc, name), kind)

    def _checked(self, name: str, args: Json, loc: Loc, at: Loc, kind: str) -> Step | None:
        action = ACTIONS.get(name)
        if action is None:
            self._complain(at, *_unknown_action(name), at_key=at != loc)
            return None
        if kind and action.kinds and kind not in action.kinds:
            remedy = f"`{name}` is for {', '.join(action.kinds)}"
            self._complain(at, f"`{name}` cannot be done to a {kind}", remedy, at_key=at != loc)
        if action.names_kind and not kind:
            remedy = "write the rule's target.kind, as in `target: {kind: Deployment}`"
            self._complain(at, f"`{name}` must know what it is done to", remedy, at_key=at != loc)
        self._evidence.check(args.get("until"), (*at, "until"), kind)
        until, mode = self._until(args, at), self._mode(args, at)
        self._arguments(action, args, at)
        return Step(name, args, until, mode)

    def _arguments(self, action: Action, args: Json, at: Loc) -> None:
        for message in action.check(args):
            named = next((key for key in args if key in message), None)
            unknown = message.startswith("unknown")
            self._complain((*at, named) if named else at, message, at_key=unknown or not named)
        receiver = args.get("receiver")
        if self._receivers is None or not isinstance(receiver, str):
            return
        found = self._receivers.get(receiver)
        if found and action.name == CALLS and not found.webhook_configs:
            remedy = "write one there: `webhook_configs: [{url: …}]`"
            self._complain((*at, "receiver"), f"receiver `{receiver}` has no webhook to ask by", remedy)
        if found:
            return
        remedy = meant(receiver, self._receivers) if self._receivers else "add it to `receivers` of the settings"
        self._complain((*at, "receiver"), f"the settings have no receiver `{receiver}`", remedy)

    def _until(self, args: Json, at: Loc) -> Until | None:
        """A rung's own `until`, taken out of its arguments."""
        if "until" not in args:
            return None
        try:
            shape = UntilShape.model_validate(args.pop("until"))
        except ValidationError as error:
            report(self._document, self._problems, UntilShape, (*at, "until"), error)
            return None
        return until_of(shape)

    def _mode(self, args: Json, at: Loc) -> Mode | None:
        """A rung's own `mode`, taken out of its arguments; a rung that is never taken is no rung."""
        if "mode" not in args:
            return None
        said = args.pop("mode")
        if said in STEP_MODES:
            return Mode(said)
        remedy = "take the rung out" if said == "off" else f"one of {', '.join(STEP_MODES)}"
        self._complain((*at, "mode"), f"is {described(said)}, no mode of a rung", remedy)
        return None


def _target_kind(rule: Mapping[str, Any]) -> str:
    """The kind of a rule's target as far as it is known when the rule is read."""
    target, when = rule.get("target"), rule.get("when")
    kind = target.get("kind") if isinstance(target, dict) else None
    if kind is None and isinstance(when, dict):
        watched = when.get("object")
        watched = watched.get("kind") if isinstance(watched, dict) else watched
        kind = target_kind_of(watched) if isinstance(watched, str) else None
    return kind if isinstance(kind, str) and is_kind(kind) else ""


def until_of(shape: UntilShape) -> Until:
    """What proves a step, as the core has it."""
    query = Query(shape.query, tuple(shape.match)) if shape.query else None
    resolved = shape.alert == "resolved"
    return Until(shape.ready, shape.for_, shape.within, shape.on_failure, query, shape.check, resolved)


def _unknown_action(name: str) -> tuple[str, str]:
    if name in KUBECTL:
        return f"unknown action `{name}`", f"here it is called `{KUBECTL[name]}`"
    return f"unknown action `{name}`", meant(name, ACTIONS)
