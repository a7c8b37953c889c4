"""The past played once more: signals as they came and went, through the service's own evaluation, fold and guards.

As in mode observe, nothing is done: what an action would have changed, and whether it would have helped, nobody knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from remediator.backtest.history import History, Turn
from remediator.bookkeeping import about
from remediator.core.events import Decision, Event, Intent, Outcome
from remediator.core.fold import fold
from remediator.core.fold.budgets import place_of
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Mode, OutcomeStatus, Phase, Precondition, Target, Value, Verb
from remediator.core.observations import Asked, Observation, Reloaded, Sighting, Ticked
from remediator.core.rules import Policy, Rule
from remediator.core.snapshot import Answer, Facts, Snapshot
from remediator.core.state import Incident, State
from remediator.core.surroundings import Gate, Surroundings
from remediator.decide import decide
from remediator.guards import GUARDS
from remediator.guards.guard import limits_of
from remediator.propose import Proposal, answer_of, next_id, request_of
from remediator.sources.inquiries import firing
from remediator.sources.named import Addressed, Unresolved, named
from remediator.weigh import weigh

KNOWN = frozenset(
    (
        "mode",
        "window",
        "require",
        "veto",
        "cooldown",
        "budget",
        "namespace_budget",
        "global_budget",
        "flapping",
        "confirm",
    )
)
"""Guards that can be asked about the past: they go by time, by what they allowed before, and by queries."""


class Episode(Value, frozen=True):
    """One incident: when it began, when its signals were gone for good (None: they still were there at the end), when
    its first step would have been taken (None: never), and how many seconds each guard held it back.
    """

    rule: str
    target: str
    opened_at: datetime
    closed_at: datetime | None = None
    acted_at: datetime | None = None
    action: str = ""
    held: dict[str, float] = {}


@dataclass
class _Open:
    """An episode under way, and the guards that held it back since the last instant at which they were asked."""

    episode: Episode
    against: tuple[str, ...] = ()
    since: datetime | None = None
    held: dict[str, float] = field(default_factory=dict)


class Play:
    """Plays rules. `histories` has the past of each rule's signals by its name, `asked` that of other queries by their
    text; `step` is how often is looked. Afterwards `unresolved` says of rules why a signal named no target, `stand_ins`
    which kind was counted in place of the wanted one.
    """

    def __init__(
        self,
        policy: Policy,
        rules: Iterable[Rule],
        histories: Mapping[str, History],
        asked: Mapping[str, History],
        step: timedelta,
    ) -> None:
        self._rules, self._histories, self._asked, self._step = tuple(rules), histories, asked, step
        self._reloaded = Reloaded(replace(policy, mode=Mode.lowest(policy.mode, Mode.OBSERVE)), self._rules)
        self._state = State()
        self._open: dict[str, _Open] = {}
        self._ended: list[Episode] = []
        self.unresolved: dict[str, str] = {}
        self.stand_ins: dict[str, str] = {}

    def run(self, start: datetime, end: datetime) -> tuple[Episode, ...]:
        """All episodes between two instants (inclusive), in the order of their beginning."""
        self._follow(self._reloaded, start)
        waiting = deque(self._turns())
        at = start
        while at <= end and (waiting or self._state.incidents):
            while waiting and waiting[0][0].at <= at:
                self._turn(*waiting.popleft(), at)
            self._tick(at)
            at += self._step
            if waiting and not self._state.incidents:
                at += max((waiting[0][0].at - at) // self._step, 0) * self._step
        rest = (self._finished(each, end, None) for each in self._open.values())
        return tuple(sorted((*self._ended, *rest), key=lambda each: (each.opened_at, each.rule, each.target)))

    def _turn(self, turn: Turn, rule: Rule, at: datetime) -> None:
        """A signal comes or goes."""
        target = self._target(rule, turn)
        if target is None:
            return
        status = "firing" if turn.present else "resolved"
        sighting = Sighting("prometheus", status, rule.name, turn.fingerprint, turn.labels, starts_at=at, target=target)
        before = self._state.incidents
        self._follow(Asked("prometheus", (), (sighting,)), at)
        for id_, incident in self._state.incidents.items():
            if id_ not in before:
                self._open[id_] = _Open(Episode(rule.name, str(incident.target), at))

    def _target(self, rule: Rule, turn: Turn) -> Target | None:
        """What the labels name; which workload owned a pod then is not known, so that pods are counted one by one."""
        found = named(rule.target, turn.labels)
        if isinstance(found, Unresolved):
            self.unresolved.setdefault(rule.name, found.reason)
            return None
        target = Target("Node", "", found.address) if isinstance(found, Addressed) else found.target
        if rule.target.kind not in ("", target.kind):
            self.stand_ins.setdefault(rule.name, target.kind)
        return target

    def _turns(self) -> list[tuple[Turn, Rule]]:
        """What came and went of all rules, in its order in time; what goes before what comes."""
        of = [(turn, rule) for rule in self._rules if rule.name in self._histories
              for turn in self._histories[rule.name].turns]  # fmt: skip
        return sorted(of, key=lambda each: (each[0].at, each[0].present))

    def _tick(self, at: datetime) -> None:
        """What is due by now: ends of incidents, and first steps."""
        for incident in sorted(self._state.incidents.values(), key=lambda each: (each.fires_at, place_of(each))):
            if incident.clears_at is not None:
                if at >= incident.clears_at:
                    self._follow(Ticked(incident.id), at)
                    self._ended.append(self._finished(self._open.pop(incident.id), at, at))
            elif incident.phase is Phase.PENDING and at >= incident.fires_at:
                self._decide(incident, at)

    def _decide(self, incident: Incident, at: datetime) -> None:
        """The present step, as far as the known guards can tell."""
        request = request_of(self._state, incident, Facts(at, exists=True))
        facts = self._facts(incident, at)
        guards = [guard for guard in GUARDS if guard.name in KNOWN] if not request.writes_nothing else []
        verdicts = tuple(answer_of(guard, request, self._state, facts, at) for guard in guards)
        said = weigh(Proposal(request, verdicts), Snapshot(facts))
        open_ = self._open[incident.id]
        self._count(open_, at)
        open_.against, open_.since = tuple(each.guard for each in verdicts if not each.allows), at
        if said.result in ("act", "observe"):
            open_.episode = replace(open_.episode, acted_at=at, action=said.action)
            open_.against = ()
            self._append(incident, at, *_rehearsed(incident, said))
        elif incident.said is None or incident.said.result != said.result or said.result == "deny":
            self._append(incident, at, replace(said, evidence={}))

    def _facts(self, incident: Incident, at: datetime) -> Facts:
        """What is known of the past: what queries answered. The target is taken to have been there."""
        rule, limits = incident.definition, limits_of(self._state.policy, incident.definition)
        answers = []
        for query in rule.queries:
            wanted = {name: incident.labels.get(name, "") for name in query.match}
            answers.append(Answer(str(query), self._holds(query.query, wanted, at)))
        texts = {text: text for text in (*limits.require, *limits.veto.queries)}
        texts |= {text: firing(text) for text in limits.veto.alerts}
        gates = tuple(Gate(text, self._holds(query, {}, at)) for text, query in texts.items())
        return Facts(at, exists=True, uid=incident.target.uid, answers=tuple(answers), around=Surroundings(gates=gates))

    def _holds(self, query: str, wanted: Mapping[str, str], at: datetime) -> bool | None:
        history = self._asked.get(query)
        return history.holds(at, wanted) if history else None

    def _count(self, open_: _Open, at: datetime) -> None:
        """Add the time since the last look to the guards that held it back then."""
        if open_.since is not None:
            for guard in open_.against:
                open_.held[guard] = open_.held.get(guard, 0.0) + (at - open_.since).total_seconds()

    def _finished(self, open_: _Open, at: datetime, closed: datetime | None) -> Episode:
        self._count(open_, at)
        return replace(open_.episode, closed_at=closed, held=open_.held)

    def _follow(self, observation: Observation, at: datetime) -> None:
        self._state = fold(decide(self._state, observation, at).events, self._state)

    def _append(self, incident: Incident, at: datetime, *data: Decision | Intent | Outcome) -> None:
        events = (about(self._state, incident, each, at) for each in data)
        self._state = fold(tuple[Event, ...](events), self._state)


def _rehearsed(incident: Incident, said: Decision) -> tuple[Decision | Intent | Outcome, ...]:
    """What the journal would say of a step in mode observe: it takes its place in budgets and cooldowns."""
    id_ = next_id(incident)
    change = Change(Verb.PATCH, ref_of(incident.target), {}, Precondition("", ""))
    intent = Intent(id_, said.action, incident.step, 0, change)
    return replace(said, result="observe", evidence={}), intent, Outcome(id_, OutcomeStatus.REHEARSED)
