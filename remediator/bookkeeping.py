"""The parts of `decide` that weigh nothing: outcomes, deliveries, timers, reloads and terms of office. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from remediator.core.events import (
    Approval,
    Escalated,
    Event,
    IncidentClosed,
    Leader,
    Notice,
    Outcome,
    Payload,
    RulesChanged,
    Source,
)
from remediator.core.message import Occasion
from remediator.core.model import CloseReason, Phase
from remediator.core.observations import Answered, Asked, Carried, Elected, Reloaded, Ticked, Told
from remediator.core.post import Correspondence, Letter, Thread
from remediator.core.rules import Reach, Rule
from remediator.core.state import Incident, State, dark_key
from remediator.core.text import cut
from remediator.guards.guard import limits_of

MOST_TURNED_AWAY = 20
"""Answers of one incident that are journalled though they do not count: enough to be seen, too few to fill a disk."""


def about(state: State, incident: Incident, data: Payload, now: datetime) -> Event:
    """An event of an incident, under the mode in force for it now."""
    rule = incident.definition
    return Event(now, data, incident.id, rule.name, incident.target, state.mode_of(rule, incident.step))


def carried(state: State, seen: Carried, now: datetime) -> tuple[Event, ...]:
    """The outcome of the intent or undo in flight; an answer to anything else is late and changes nothing."""
    incident = state.incidents.get(seen.incident)
    if incident is None:
        return ()
    in_flight = incident.undo or incident.intent
    if in_flight is None or in_flight.id != seen.intent or incident.phase not in (Phase.ACTING, Phase.UNDOING):
        return ()
    outcome = Outcome(seen.intent, seen.status, seen.detail, seen.resource_version, seen.generation)
    return (about(state, incident, outcome, now),)


def told(state: State, seen: Told, now: datetime) -> tuple[Event, ...]:
    """What became of one attempt at one endpoint: a failure is said once a message, and in the end given up.

    Where the message is the one that asks for a person, the incident's escalation is answered with it.
    """
    held = state.post.get(seen.incident)
    thread = held.thread(seen.receiver, seen.endpoint) if held else None
    letter = next((each for each in thread.waiting if each.key == seen.key), None) if thread else None
    if held is None or thread is None or letter is None:
        return ()
    status = _status(state, thread, letter, seen, now)
    if not status:
        return ()
    answer = Notice(seen.key, seen.receiver, status, seen.endpoint, None, seen.thread, cut(seen.problem, 500))
    incident = state.incidents.get(seen.incident)
    event = Event(
        now,
        answer,
        seen.incident,
        held.rule,
        held.target,
        state.mode_of(incident.definition, incident.step) if incident else None,
    )
    escalated = _escalation(held, incident, answer, letter) if incident else None
    return (event, *((about(state, incident, escalated, now),) if incident and escalated else ()))


def _status(state: State, thread: Thread, letter: Letter, seen: Told, now: datetime) -> str:
    """What to say of an attempt; nothing of one more failure before the message is given up."""
    if not seen.problem:
        return "delivered"
    reach = state.policy.receivers.get(seen.receiver, Reach())
    if now >= letter.requested_at + timedelta(seconds=reach.retry_for):
        return "abandoned"
    return "" if thread.problem else "undelivered"


def _escalation(held: Correspondence, incident: Incident, answer: Notice, letter: Letter) -> Escalated | None:
    """What the answer of one endpoint makes of the incident's escalation; None where nothing, or there is none."""
    before = incident.escalation
    if incident.phase is not Phase.ESCALATING or before is None or before.receiver != answer.receiver:
        return None
    if letter.message.occasion is not Occasion.ESCALATED:
        return None
    others = [each for each in held.threads if each.receiver == answer.receiver and each.endpoint != answer.endpoint]
    open_ = any(each.key == letter.key for thread in others for each in thread.waiting)
    if answer.status == "abandoned" and open_:
        return None
    if answer.status == "undelivered" and before.status == "undelivered":
        return None
    return replace(before, status=answer.status, problem=answer.problem)


def ticked(state: State, seen: Ticked, now: datetime) -> tuple[Event, ...]:
    """Close an incident whose signals have been gone for `keep_firing_for`.

    One that still owes a person an answer (a rung after a failure) goes on to that rung first.
    """
    incident = state.incidents.get(seen.incident)
    if incident is None:
        return ()
    if incident.clears_at is None or now < incident.clears_at:
        return _expired(state, incident, now)
    resting = incident.phase in (Phase.RESTING, Phase.ESCALATING)
    waiting = incident.phase in (Phase.PENDING, Phase.AWAITING) and not incident.owes_an_answer
    if not resting and not waiting:
        return _expired(state, incident, now)
    reason = (incident.cause if resting else None) or CloseReason.RESOLVED
    return (about(state, incident, IncidentClosed(reason, incident.detail or "the signals cleared"), now),)


def _expired(state: State, incident: Incident, now: datetime) -> tuple[Event, ...]:
    """The end of waiting for approval, at the instant it expires (inclusive)."""
    if incident.phase is not Phase.AWAITING or incident.expires_at is None or now < incident.expires_at:
        return ()
    then = "rest" if limits_of(state.policy, incident.definition).approval.on_timeout == "refuse" else "person"
    said = Approval("expired", incident.plan, reason="nobody approved it in time", then=then)
    return (about(state, incident, said, now),)


def answered(state: State, seen: Answered, now: datetime) -> tuple[Event, ...]:
    """A person's word on the plan that waits. Where it does not count, that is said, up to `MOST_TURNED_AWAY` times.

    Of two simultaneous answers the first that gets here counts: the second meets an incident that no longer waits.
    """
    incident = state.incidents.get(seen.incident)
    if incident is None:
        return ()
    waits = incident.phase is Phase.AWAITING and incident.plan == seen.plan
    if waits and incident.expires_at is not None and now >= incident.expires_at:
        return _expired(state, incident, now)
    actor = f"operator:{seen.by}"
    if objection := seen.objection or _objection(incident, seen, actor):
        surplus = incident.turned_away >= MOST_TURNED_AWAY
        refused = Approval("refused", seen.plan, reason=objection)
        return () if surplus else (replace(about(state, incident, refused, now), actor=actor),)
    quorum = limits_of(state.policy, incident.definition).approval.quorum
    enough = seen.approve and len(incident.approvals) + 1 >= quorum
    said = Approval("approve" if seen.approve else "deny", seen.plan, enough, seen.reason)
    return (replace(about(state, incident, said, now), actor=actor),)


def _objection(incident: Incident, seen: Answered, actor: str) -> str:
    """Why a word does not count; empty where it does."""
    if incident.phase is not Phase.AWAITING or incident.plan != seen.plan:
        waits = f"plan {incident.plan} waits" if incident.phase is Phase.AWAITING else "no plan waits"
        return f"{waits} for this incident, {seen.plan[:100] or 'no plan'} was answered"
    if seen.approve and actor in incident.approvals:
        return "the same operator has approved this plan already"
    return ""


def reloaded(state: State, seen: Reloaded, now: datetime) -> tuple[Event, ...]:
    """What a reload changed, and the end of incidents whose rule is gone; nothing where nothing changed."""
    if seen.error:
        return (Event(now, RulesChanged(error=seen.error)),)
    new = {rule.name: rule for rule in seen.rules}
    changed = tuple(rule for rule in seen.rules if state.rules.get(rule.name) != rule)
    removed = tuple(sorted(name for name in state.rules if name not in new))
    if not changed and not removed and seen.policy == state.policy:
        return ()
    return (
        Event(now, RulesChanged(seen.policy, changed, removed)),
        *(_orphaned(state, incident, now) for incident in _of_removed(state, new)),
    )


def _of_removed(state: State, new: dict[str, Rule]) -> list[Incident]:
    """Open incidents of rules that are gone, oldest first; what is in hand is verified to its end first."""
    if all(name in new for name in state.rules):
        return []
    orphans = (each for each in state.incidents.values() if each.definition.name not in new and not each.in_hand)
    return sorted(orphans, key=lambda incident: (incident.opened_at, incident.id))


def _orphaned(state: State, incident: Incident, now: datetime) -> Event:
    return about(state, incident, IncidentClosed(CloseReason.CANCELLED, "its rule was removed"), now)


def shone(state: State, seen: Asked, now: datetime) -> tuple[Event, ...]:
    """What became dark, said once and of rules only where an incident is open, and what shows itself again."""
    asking = {each.definition.name for each in state.incidents.values()} | {""}
    return tuple(
        Event(now, Source(seen.source, light.up, light.reason), rule=light.rule)
        for light in seen.lights
        if light.up is (dark_key(seen.source, light.rule) in state.dark) and (light.up or light.rule in asking)
    )


def elected(state: State, seen: Elected, now: datetime) -> tuple[Event, ...]:
    """A new term of office, one above the last."""
    return (Event(now, Leader(state.epoch + 1, seen.identity, seen.version)),)
