"""Repeat: a decision of the journal, asked for again from what the journal has of it. Pure.

The facts that were read stand in the decision; the state is folded from what came before. What the action planned and
the API server said of it are answers from outside, and taken as they were given.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from remediator.core.events import Decision
from remediator.core.model import Mode, Value, Verdict, as_json
from remediator.core.snapshot import Facts, Snapshot
from remediator.core.state import State
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
    incident = state.incidents.get(incident_id)
    if incident is None:
        return Repeated(why_not="what came before it is not in the journal any more")
    if not said.evidence:
        return Repeated(why_not="it asked no guard about a target: a person is told whatever else holds")
    try:
        facts = msgspec.convert(said.evidence, Facts, strict=False)
    except msgspec.ValidationError as error:
        return Repeated(why_not=f"the facts it stands on are of another version's form: {error}")
    request = request_of(state, incident, facts)
    answers = tuple(answer_of(guard, request, state, facts, at) for guard in guards_for(request))
    given = tuple(each for each in said.verdicts if each.guard in OUTSIDE)
    found = weigh(Proposal(request, (*answers, *given)), Snapshot(facts))
    result = found.result
    if result == "act" and request.mode is Mode.APPROVE and said.plan != incident.approved and said.plan:
        result = "await_approval"
    return Repeated(result, len(answers), (*_differing(said.verdicts, answers), *_results(said.result, result)))


def _differing(before: tuple[Verdict, ...], now: tuple[Verdict, ...]) -> tuple[str, ...]:
    """Each guard whose answer is another one, or that was asked only one of the two times."""
    then = {each.guard: each for each in before if each.guard not in OUTSIDE}
    again = {each.guard: each for each in now}
    found = []
    for guard in dict.fromkeys((*then, *again)):
        one, two = then.get(guard), again.get(guard)
        if one is None or two is None:
            found.append(f"{guard}: {'asked only now' if one is None else 'not asked now'}")
        elif as_json(one) != as_json(two):
            found.append(f"{guard}: {one.verdict} then ({one.reason}), {two.verdict} now ({two.reason})")
    return tuple(found)


def _results(before: str, now: str) -> tuple[str, ...]:
    return () if before == now else (f"the result: {before} then, {now} now",)
