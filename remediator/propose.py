"""Propose: a firing incident and its live target → the planned change and every guard's verdict. Pure.

The shell proposes once to know what to rehearse at the API server; `decide` proposes again on what then holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from remediator.actions import ACTIONS
from remediator.actions.action import REMEDIATION, Action, Order, Planned, UndoOrder
from remediator.actions.restart import RESTARTED_AT
from remediator.core.model import Change, CloseReason, Mode, Phase, Refusal, Value, Verdict, allow, deny
from remediator.core.snapshot import Facts, Snapshot
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need
from remediator.guards import GUARDS, Guard, Request, confirm
from remediator.guards.contention import MOST_TRIES
from remediator.guards.guard import limits_of
from remediator.verify import judge

PASSING = frozenset({REMEDIATION, RESTARTED_AT})
"""Annotations that differ from plan to plan of the same change."""

IN_VAIN = (CloseReason.FAILED, CloseReason.CONTENDED)
"""Causes by which something was done to the target, and did not help: a person is told whatever else holds."""


class Proposal(Value, frozen=True):
    """What would be done about an incident: the request, every verdict, and the change where one was planned."""

    request: Request
    verdicts: tuple[Verdict, ...]

    @property
    def change(self) -> Change | None:
        """The planned change; None for a step that writes nothing, or that its action refused."""
        planned = self.request.change
        return planned if isinstance(planned, Change) else None

    @property
    def allowed(self) -> bool:
        """Whether every guard allows."""
        return all(verdict.allows for verdict in self.verdicts)


def propose(state: State, incident: Incident, snapshot: Snapshot, now: datetime) -> Proposal:
    """Plan the incident's present step on its live target and ask every guard about it."""
    request = request_of(state, incident)
    order = Order(next_id(incident), incident.target, request.step.args, snapshot, incident.since)
    planned = _plan(request.action, order)
    request = replace(request, change=planned)
    verdicts = tuple(answer_of(guard, request, state, snapshot.facts, now) for guard in _asked(request))
    return Proposal(request, (*verdicts, *_plan_verdict(planned)))


def _asked(request: Request) -> tuple[Guard, ...]:
    """Every guard about a step that writes. Telling a person is held back by the rule's own conditions alone, and by
    none of them once a step was tried in vain.
    """
    if not request.tells:
        return GUARDS
    return (confirm.GUARD,) if request.rule.conditions and request.incident.cause not in IN_VAIN else ()


def request_of(state: State, incident: Incident) -> Request:
    """The incident's present step as guards are asked about it, before anything is planned."""
    rule = incident.definition
    step = rule.do[incident.step]
    return Request(incident, rule, step, ACTIONS[step.action], state.mode_of(rule), limits_of(state.policy, rule))


def needs_of(state: State, incident: Incident, facts: Facts, now: datetime) -> frozenset[Need]:
    """What around the target must be read, so that every guard can answer about the incident's present step."""
    request = request_of(state, incident)
    idle = incident.phase is not Phase.PENDING or now < incident.fires_at
    if request.action.tells or request.mode is Mode.OFF or idle:
        return frozenset()
    return needs_by(GUARDS, request, state, facts, now)


def needs_by(guards: Iterable[Guard], request: Request, state: State, facts: Facts, now: datetime) -> frozenset[Need]:
    """What these guards need to be read to answer a request."""
    return frozenset(need for guard in guards for need in _needs(guard, request, state, facts, now))


def _needs(guard: Guard, request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    try:
        return guard.needs(request, state, facts, now)
    except Exception:  # it will fail in its answer too, and that denies
        return ()


def propose_undo(state: State, incident: Incident, snapshot: Snapshot) -> Planned | None:
    """The change that takes the incident's last step back; None where its action has nothing to undo.

    Refused where the mode was lowered since, and after as many tries as a step has.
    """
    assert incident.intent is not None, "only what was carried out is undone"
    action = ACTIONS[incident.intent.action]
    if action.undo is None:
        return None
    mode = state.mode_of(incident.definition)
    if mode not in (Mode.APPROVE, Mode.ENFORCE):
        return Refusal(f"the mode is {mode} by now")
    if incident.undo_tries >= MOST_TRIES:
        return Refusal(f"the target changed under {incident.undo_tries} planned undos in a row")
    try:
        return action.undo(UndoOrder(next_id(incident), incident.intent, incident.target, snapshot))
    except Exception as error:
        return _broken(action, error)


def wanted_change(state: State, incident: Incident, snapshot: Snapshot, now: datetime) -> Change | None:
    """The change that `decide` is about to ask the API server's opinion of; None where nothing would be written."""
    if incident.phase is Phase.PENDING and now >= incident.fires_at:
        proposal = propose(state, incident, snapshot, now)
        return proposal.change if proposal.allowed else None
    if incident.phase is Phase.VERIFYING and undo_is_due(incident, snapshot, now):
        planned = propose_undo(state, incident, snapshot)
        return planned if isinstance(planned, Change) else None
    return None


def undo_is_due(incident: Incident, snapshot: Snapshot, now: datetime) -> bool:
    """Whether the last step failed, is to be undone, and its object is still the one it was done to."""
    facts = snapshot.facts
    wanted = incident.definition.until_of(incident.step).on_failure == "undo"
    if not wanted or not facts.exists or facts.uid != incident.target.uid:
        return False
    return judge(incident, facts, now).result == "failed"


def next_id(incident: Incident) -> str:
    """The id of the incident's next intent: the incident's own and a serial number."""
    return f"{incident.id}-{incident.serial + 1}"


def plan_mark(change: Change) -> str:
    """What a person approves: the change but for what every new plan of it carries anew.

    Those are the remediation's id, the instant of a restart, and the resourceVersion: an approved restart stays the
    same while its pods crash on, but another image, revision or object is another plan.
    """
    body = json.dumps(_lasting(change.body), sort_keys=True)
    text = "\n".join((change.verb, str(change.ref), change.precondition.uid, change.patch_type, body))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if key not in PASSING}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def digest(change: Change) -> str:
    """Tells one change from another, down to the last byte of its patch."""
    return hashlib.sha256(msgspec.json.encode(change, order="sorted")).hexdigest()[:16]


def _plan(action: Action, order: Order) -> Planned | None:
    """The action's plan; None where it writes nothing or nothing is known of the target."""
    if action.plan is None or order.snapshot.facts.unknown or not order.snapshot.facts.exists:
        return None
    if action.kinds and order.target.kind not in action.kinds:
        kinds = ", ".join(action.kinds)
        return Refusal(f"{action.name} is not for a {order.target.kind}", f"set the rule's target.kind: {kinds}")
    try:
        return action.plan(order)
    except Exception as error:
        return _broken(action, error)


def _broken(action: Action, error: Exception) -> Refusal:
    """An action that cannot plan on what it met must not stop the loop: it refuses, and says what it met."""
    return Refusal(f"{action.name} cannot plan on this object: {type(error).__name__}: {error}")


def answer_of(guard: Guard, request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """A guard's verdict on a request; one that fails denies."""
    try:
        return guard.ask(request, state, facts, now)
    except Exception as error:  # a guard that cannot answer must not let anything through
        return deny(guard.name, f"the guard itself failed: {type(error).__name__}: {error}")


def _plan_verdict(planned: Planned | None) -> tuple[Verdict, ...]:
    """The action's own answer among the guards': it refuses what cannot be done."""
    if planned is None:
        return ()
    if isinstance(planned, Refusal):
        return (deny("plan", planned.reason, remedy=planned.remedy),)
    return (allow("plan", planned.summary),)
