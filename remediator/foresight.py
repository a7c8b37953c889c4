"""Foresight: what would be decided now about signals, by the same look, guards and decision as in the service.

Nothing is made durable and nothing is written: the state is a copy that lives as long as the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from remediator.core.events import Decision, Event, IncidentClosed
from remediator.core.fold import fold
from remediator.core.model import Phase, Value, Verdict
from remediator.core.observations import Arrived, Observation, Reloaded, Sighting
from remediator.core.rules import Policy, Rule
from remediator.core.state import Incident, State
from remediator.decide import decide
from remediator.ports import Clock
from remediator.propose import wanted_change
from remediator.sources.looks import Looks

LOOKS = 4
"""Looks at a target that changes while it is looked at."""


class Rung(Value, frozen=True):
    """One step of a ladder as it would be decided: `result` as in a decision, empty where it was not decided and `note`
    says why; `retry_at` is when a hold may end. `change` is the write in words, `diff` what the API server says it
    would change.
    """

    step: int
    action: str
    result: str = ""
    verdicts: tuple[Verdict, ...] = ()
    change: str = ""
    diff: str = ""
    outlook: tuple[str, ...] = ()
    retry_at: datetime | None = None
    then: str = ""
    note: str = ""


class Foreseen(Value, frozen=True):
    """What would be done about one target: the rungs as far as nothing has to be tried first. `assumed`: the target was
    named, and no signal of it stands.
    """

    target: str
    assumed: bool
    rungs: tuple[Rung, ...]


class RulePlan(Value, frozen=True):
    """One rule: its mode in force, its signals now (None where they are not known, with the `reason`), the signals that
    lead to no target with their reasons, and what would be done.
    """

    rule: str
    mode: str
    signals: int | None
    reason: str = ""
    unresolved: tuple[str, ...] = ()
    incidents: tuple[Foreseen, ...] = ()


class Foresight:
    """Plans over a state, one rule after the other: what one takes of a budget, the next no longer has.

    Signals are taken to have stood for as long as `for` asks.
    """

    def __init__(self, state: State, policy: Policy, rules: Sequence[Rule], looks: Looks, clock: Clock) -> None:
        self.state, self._looks, self._clock = state, looks, clock
        at_once = tuple(replace(rule, when=replace(rule.when, for_=0.0)) for rule in rules)
        self._follow(Reloaded(policy, at_once))

    async def plan(self, rule: Rule, sightings: Sequence[Sighting], assumed: frozenset[str] = frozenset()) -> RulePlan:
        """What would be done about these signals; those of targets in `assumed` (by `Kind/namespace/name`) are none of
        now.
        """
        found = tuple(each for each in sightings if each.target)
        self._follow(Arrived(found))
        mine = [each for each in self.state.incidents.values() if each.definition.name == rule.name]
        wanted = {each.target.key for each in found if each.target}
        incidents = sorted((each for each in mine if each.target.key in wanted), key=lambda each: each.target)
        plans = [
            Foreseen(str(each.target), each.target.key in assumed, await self._rungs(each.id)) for each in incidents
        ]
        lost = tuple(dict.fromkeys(each.reason for each in sightings if each.target is None))
        real = sum(1 for each in sightings if each.target is None or each.target.key not in assumed)
        return RulePlan(rule.name, self.state.mode_of(rule), real, "", lost, tuple(plans))

    async def _rungs(self, id_: str) -> tuple[Rung, ...]:
        """The rungs that would be decided one after the other at once: each that is denied leads to the next."""
        found: list[Rung] = []
        while (incident := self.state.incidents.get(id_)) and len(found) < len(incident.definition.do):
            rung = await self._rung(incident)
            found.append(rung)
            after = self.state.incidents.get(id_)
            if after is None or after.phase is not Phase.PENDING or after.step == incident.step:
                break
        return tuple(found)

    async def _rung(self, incident: Incident) -> Rung:
        """The present step: looked at until it is decided, as the service does."""
        action = incident.definition.do[incident.step].action
        if incident.phase is not Phase.PENDING:
            return Rung(incident.step, action, note=f"an incident is open, and is {incident.phase}: see `explain`")
        events: tuple[Event, ...] = ()
        for _ in range(LOOKS):
            looked = await self._looks.look(self.state, incident)
            change = wanted_change(self.state, incident, looked.snapshot, self._clock.now())
            events = self._follow(looked)
            said = next((each.data for each in events if isinstance(each.data, Decision)), None)
            if said is not None:
                diff = looked.rehearsal.diff if looked.rehearsal else ""
                words = change.summary if change else ""
                return Rung(
                    said.step,
                    said.action,
                    said.result,
                    said.verdicts,
                    words,
                    diff,
                    said.outlook,
                    said.retry_at,
                    said.then,
                )
            if events or self._clock.now() < incident.fires_at:
                break
        return Rung(incident.step, action, note=_undecided(incident, events, self._clock.now()))

    def _follow(self, observation: Observation) -> tuple[Event, ...]:
        """Decide on what was seen, and go on from there."""
        events = decide(self.state, observation, self._clock.now()).events
        self.state = fold(events, self.state)
        return events


def _decided(said: Decision, change: str, diff: str) -> Rung:
    return Rung(
        said.step, said.action, said.result, said.verdicts, change, diff, said.outlook, said.retry_at, said.then
    )


def _undecided(incident: Incident, events: Sequence[Event], now: datetime) -> str:
    ended = next((each.data for each in events if isinstance(each.data, IncidentClosed)), None)
    if ended is not None:
        return f"it would be closed: {ended.detail or ended.reason}"
    if now < incident.fires_at:
        return f"its evidence has to stand until {incident.fires_at:%Y-%m-%d %H:%M:%SZ}"
    return "it was not decided: the target changes while it is looked at, or its signals cannot be known now"
