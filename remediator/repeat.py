"""Repeat: a decision of the journal, asked for again from what the journal has of it. Pure.

The facts that were read stand in the decision; the state is folded from what came before. What the action planned and
the API server said of it are answers from outside, and taken as they were given.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from remediator.core.events import Decision
from remediator.core.guarding import GuardSettings, instead, unsaid
from remediator.core.model import Mode, Value, Verdict, as_json
from remediator.core.snapshot import Facts, Snapshot
from remediator.core.state import Incident, State
from remediator.propose import Proposal, answer_of, guards_for, request_of
from remediator.weigh import weigh

OUTSIDE = ("plan", "rehearsal")
"""Verdicts that are not those of guards."""


class Repeated(Value, frozen=True):
    """What is decided now on what was known then; `differs` says each answer that is another one, empty where none is.

    `why_not` is why it could not be repeated.
    """

    result: str = ""
    asked: int = 0
    differs: tuple[str, ...] = ()
    why_not: str = ""


def repeat(state: State, incident_id: str, said: Decision, at: datetime) -> Repeated:
    """Decide again: `state` is the one before the decision, `at` its instant."""
    try:
        found = _decided(state, incident_id, said, at)
    except _Unrepeatable as error:
        return Repeated(why_not=str(error))
    differs = (*_differing(said.verdicts, found.answers), *_results(said.result, found.result))
    return Repeated(found.result, len(found.answers), differs)


class _Unrepeatable(Exception):
    """Why a decision cannot be made again."""


class _Again(Value, frozen=True):
    """A decision as it comes out: the answers of guards, and those from outside as they were given."""

    result: str
    answers: tuple[Verdict, ...]
    given: tuple[Verdict, ...]


def _decided(state: State, incident_id: str, said: Decision, at: datetime) -> _Again:
    incident = state.incidents.get(incident_id)
    if incident is None:
        raise _Unrepeatable("what came before it is not in the journal any more")
    if not said.evidence:
        raise _Unrepeatable("it asked no guard about a target: a person is told whatever else holds")
    try:
        facts = msgspec.convert(said.evidence, Facts, strict=False)
    except msgspec.ValidationError as error:
        raise _Unrepeatable(f"the facts it stands on are of another version's form: {error}") from error
    request = request_of(state, incident, facts)
    answers = tuple(answer_of(guard, request, state, facts, at) for guard in guards_for(request))
    given = tuple(each for each in said.verdicts if each.guard in OUTSIDE)
    result = weigh(Proposal(request, (*answers, *given)), Snapshot(facts)).result
    waits = request.mode is Mode.APPROVE and said.plan != incident.approved and bool(said.plan)
    return _Again("await_approval" if result == "act" and waits else result, answers, given)


class Supposed(Value, frozen=True):
    """What if a rule's guards were set otherwise, or the mode in force was another one?"""

    guards: GuardSettings = GuardSettings()
    mode: Mode | None = None


class Supposition(Value, frozen=True):
    """What would have been decided then: the result, every guard's answer, which of them are other ones. `note` is what
    cannot be known of it.
    """

    result: str = ""
    verdicts: tuple[Verdict, ...] = ()
    differs: tuple[str, ...] = ()
    note: str = ""


def suppose(state: State, incident_id: str, said: Decision, at: datetime, supposed: Supposed) -> Supposition:
    """Decide again under other settings, on what was known then. What no guard had asked for is not known."""
    incident = state.incidents.get(incident_id)
    why_not = repeat(state, incident_id, said, at).why_not
    if incident is None or why_not:
        return Supposition(note=why_not)
    found = _decided(_under(state, incident, supposed), incident_id, said, at)
    if found.result == "act" and supposed.mode is Mode.APPROVE:
        found = replace(found, result="await_approval")
    asked = {each.guard for each in said.verdicts}
    goes = found.result in ("act", "observe", "await_approval")
    note = "the API server was not asked then whether it takes the change" if goes and "rehearsal" not in asked else ""
    differs = _differing(said.verdicts, found.answers, "if so")
    return Supposition(found.result, (*found.answers, *found.given), differs, note)


def _under(state: State, incident: Incident, supposed: Supposed) -> State:
    """The state under other settings: what is supposed of a guard counts, and nothing else that is said of it."""
    rule, policy = incident.definition, state.policy
    rule = replace(rule, guards=instead(rule.guards, supposed.guards), mode=supposed.mode or rule.mode)
    policy = replace(policy, guards=unsaid(policy.guards, supposed.guards), mode=supposed.mode or policy.mode)
    incidents = state.incidents.set(incident.id, replace(incident, definition=rule))
    return replace(state, policy=policy, rules=state.rules.set(rule.name, rule), incidents=incidents)


def _differing(before: tuple[Verdict, ...], now: tuple[Verdict, ...], when: str = "now") -> tuple[str, ...]:
    """Each guard whose answer is another one, or that was asked only one of the two times."""
    then = {each.guard: each for each in before if each.guard not in OUTSIDE}
    again = {each.guard: each for each in now}
    found = []
    for guard in dict.fromkeys((*then, *again)):
        one, two = then.get(guard), again.get(guard)
        if one is None or two is None:
            found.append(f"{guard}: {f'asked only {when}' if one is None else f'not asked {when}'}")
        elif as_json(one) != as_json(two):
            found.append(f"{guard}: {one.verdict} then ({one.reason}), {two.verdict} {when} ({two.reason})")
    return tuple(found)


def _results(before: str, now: str) -> tuple[str, ...]:
    return () if before == now else (f"the result: {before} then, {now} now",)
