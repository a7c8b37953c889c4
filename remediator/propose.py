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
from remediator.actions.action import REMEDIATION, Action, Done, Order, Planned, UndoOrder, Wait
from remediator.actions.restart import RESTARTED_AT
from remediator.core.cordoning import CORDONED
from remediator.core.model import Change, CloseReason, Mode, Phase, Refusal, Value, Verdict, allow, deny, hold
from remediator.core.snapshot import Facts, Snapshot
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need
from remediator.core.tainting import TAINTED
from remediator.guards import GUARDS, Guard, Request, confirm
from remediator.guards.contention import MOST_TRIES
from remediator.guards.guard import limits_of
from remediator.stopping import stop_of
from remediator.verify import judge

PASSING = frozenset({REMEDIATION, RESTARTED_AT, CORDONED, TAINTED, "timeAdded"})
"""Annotations and fields that differ from plan to plan of the same change."""

IN_VAIN = (CloseReason.FAILED, CloseReason.CONTENDED)
"""Causes by which something was done to the target, and did not help: a person is told whatever else holds."""


class Proposal(Value, frozen=True):
    """What would be done about an incident: the request, every verdict, and the change where one was planned.

    `outlook` are all writes of a step of several, in words, at its beginning.
    """

    request: Request
    verdicts: tuple[Verdict, ...]
    outlook: tuple[str, ...] = ()

    @property
    def change(self) -> Change | None:
        """The planned change; None for a step that writes nothing, or that its action refused."""
        planned = self.request.change
        return planned if isinstance(planned, Change) else None

    @property
    def allowed(self) -> bool:
        """Whether every guard allows."""
        return all(verdict.verdict == "allow" for verdict in self.verdicts)


def propose(state: State, incident: Incident, snapshot: Snapshot, now: datetime) -> Proposal:
    """Plan the incident's present step on its live target and ask every guard about it."""
    request = request_of(state, incident, snapshot.facts)
    done = incident.progress.done if incident.progress else ()
    good = state.good.get(incident.target.key, ())
    due = incident.progress.due if incident.progress else None
    order = Order(next_id(incident), incident.target, request.step.args, snapshot, incident.since, done, good, due)
    request = replace(request, change=_plan(request, order))
    answer = answer_of if request.under_way else _asked
    verdicts = tuple([answer(guard, request, state, snapshot.facts, now) for guard in guards_for(request)])
    planned = _plan_verdict(request) if request.under_way or _is_meant(snapshot.facts) else ()
    return Proposal(request, (*verdicts, *planned), _outlook(request, order))


def guards_for(request: Request) -> tuple[Guard, ...]:
    """Who is asked: every guard about a step that writes. Telling a person, or looking, is held back by the rule's own
    conditions alone, and by none of them once a step was tried in vain.
    """
    if not request.writes_nothing:
        return GUARDS
    conditional = request.rule.conditions or request.rule.queries
    return (confirm.GUARD,) if conditional and request.incident.cause not in IN_VAIN else ()


def request_of(state: State, incident: Incident, facts: Facts) -> Request:
    """The incident's present step as guards are asked about it, before anything is planned."""
    rule = incident.definition
    step = rule.do[incident.step]
    action = ACTIONS[step.action].asked(step.args, incident.target, facts)
    return Request(incident, rule, step, action, state.mode_of(rule, incident.step), limits_of(state.policy, rule))


def needs_of(state: State, incident: Incident, facts: Facts, now: datetime) -> frozenset[Need]:
    """What around the target must be read, so that every guard can answer about the incident's present step."""
    if not (incident.under_way or (incident.phase is Phase.PENDING and now >= incident.fires_at)):
        return frozenset()
    request = request_of(state, incident, facts)
    if request.writes_nothing or request.mode is Mode.OFF:
        return frozenset()
    return needs_by(GUARDS, request, state, facts, now)


def needs_by(guards: Iterable[Guard], request: Request, state: State, facts: Facts, now: datetime) -> frozenset[Need]:
    """What these guards need to be read to answer a request."""
    if request.gives_back:
        return frozenset()
    guards = [guard for guard in guards if not (guard.once and request.under_way)]
    return frozenset(need for guard in guards for need in _needs(guard, request, state, facts, now))


def _needs(guard: Guard, request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    try:
        return guard.needs(request, state, facts, now)
    except Exception:  # it will fail in its answer too, and that denies
        return ()


def propose_undo(state: State, incident: Incident, snapshot: Snapshot) -> Change | Refusal | None:
    """The change that takes the incident's last step back; None where its action has nothing to undo.

    Refused where the mode was lowered since, and after as many tries as a step has.
    """
    assert incident.intent is not None, "only what was carried out is undone"
    action = ACTIONS[incident.intent.action]
    if action.undo is None:
        return None
    mode = state.mode_of(incident.definition, incident.step)
    if mode not in (Mode.APPROVE, Mode.ENFORCE):
        return Refusal(f"the mode is {mode} by now")
    if incident.undo_tries >= MOST_TRIES:
        return Refusal(f"the target changed under {incident.undo_tries} planned undos in a row")
    try:
        done = incident.progress.done if incident.progress else ()
        return action.undo(UndoOrder(next_id(incident), incident.intent, incident.target, snapshot, done))
    except Exception as error:
        return _broken(action, error)


def wanted_change(state: State, incident: Incident, snapshot: Snapshot, now: datetime) -> Change | None:
    """The change that `decide` is about to ask the API server's opinion of; None where nothing would be written."""
    if incident.phase is Phase.PENDING and now >= incident.fires_at:
        proposal = propose(state, incident, snapshot, now)
        return proposal.change if proposal.allowed else None
    if incident.phase is Phase.WORKING and not snapshot.facts.unknown:
        return _wanted_next(state, incident, snapshot, now)
    if incident.phase is Phase.VERIFYING and judge(incident, snapshot.facts, now).result == "failed":
        return _wanted_undo(state, incident, snapshot)
    return None


def _wanted_next(state: State, incident: Incident, snapshot: Snapshot, now: datetime) -> Change | None:
    """Of a step under way: the next write, or the one that takes it back where it is given up."""
    proposal = propose(state, incident, snapshot, now)
    stop = stop_of(proposal.request, proposal.verdicts, snapshot.facts, now)
    if stop is None:
        return proposal.change if proposal.allowed else None
    return _wanted_undo(state, incident, snapshot) if stop.then != "rest" else None


def _wanted_undo(state: State, incident: Incident, snapshot: Snapshot) -> Change | None:
    planned = propose_undo(state, incident, snapshot) if undo_is_wanted(incident, snapshot) else None
    return planned if isinstance(planned, Change) else None


def undo_is_wanted(incident: Incident, snapshot: Snapshot) -> bool:
    """Whether a failed step is to be undone, and its object is still the one it was done to."""
    facts = snapshot.facts
    wanted = incident.definition.until_of(incident.step).on_failure == "undo"
    return wanted and facts.exists and facts.uid == incident.target.uid


def diagnosis_is_due(state: State, incident: Incident, change: Change | None, now: datetime) -> bool:
    """Whether the target is to be diagnosed: before the incident's first write, before a person is asked, and where a
    step does nothing else.
    """
    if incident.phase is not Phase.PENDING or now < incident.fires_at:
        return False
    if change is not None:
        return incident.serial == 0
    action, mode = (
        ACTIONS[incident.definition.do[incident.step].action],
        state.mode_of(incident.definition, incident.step),
    )
    return (action.tells or action.looks) and mode is not Mode.OFF


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


def _plan(request: Request, order: Order) -> Planned | None:
    """The action's plan; None where it writes nothing or nothing is known of the target."""
    action, facts = request.action, order.snapshot.facts
    if action.plan is None or facts.unknown or not (facts.exists or (request.under_way and action.outlives)):
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


def _outlook(request: Request, order: Order) -> tuple[str, ...]:
    """All that a step of several writes would write as things stand; empty for one that cannot be planned."""
    if request.action.outlook is None or not isinstance(request.change, Change):
        return ()
    try:
        return request.action.outlook(order)
    except Exception as error:  # words for people must not stop what they are about
        return (f"cannot be foreseen: {type(error).__name__}: {error}",)


def answer_of(guard: Guard, request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """A guard's verdict on a request; one that fails denies."""
    if request.under_way:
        if request.gives_back and guard.name != "mode":
            return allow(guard.name, "what the step took is given back: only the mode may keep it")
        if guard.once:
            return allow(guard.name, "answered for the whole step at its beginning")
    return _asked(guard, request, state, facts, now)


def _asked(guard: Guard, request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    try:
        return guard.ask(request, state, facts, now)
    except Exception as error:  # a guard that cannot answer must not let anything through
        return deny(guard.name, f"the guard itself failed: {type(error).__name__}: {error}")


def _is_meant(facts: Facts) -> bool:
    """Whether the rule speaks of the target as it is: where one of its conditions does not hold, it waits for that, and
    what its action would refuse now is no reason to give the step up.
    """
    return all(each.holds is True for each in facts.answers)


def _plan_verdict(request: Request) -> tuple[Verdict, ...]:
    """The action's own answer among the guards': it refuses what cannot be done, and may have to wait."""
    match request.change:
        case None:
            return ()
        case Refusal(reason, remedy):
            return (deny("plan", reason, remedy=remedy),)
        case Wait(reason, retry_at):
            return (hold("plan", reason, retry_at),)
        case Done(summary) if not request.under_way:
            return (deny("plan", f"there is nothing to do: {summary}"),)
        case planned:
            return (allow("plan", planned.summary),)
