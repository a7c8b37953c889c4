"""What always holds, whatever is seen in whatever order: promises of the pure core under random histories.

Hypothesis plays the shell. It tells `decide` of alerts, looks, outcomes, deliveries, timers, reloads and elections,
sensible and not, with time that stands still, jumps and goes back; after each step the promises are checked.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition
from hypothesis.stateful import rule as step_of
from msgspec.structs import replace

from remediator.agenda import Errand, wanted
from remediator.core.events import Event
from remediator.core.fold import apply, fold
from remediator.core.model import Mode, OutcomeStatus, Phase, Target
from remediator.core.observations import (
    Answered,
    Arrived,
    Carried,
    Elected,
    Looked,
    Observation,
    Reloaded,
    Ticked,
    Told,
)
from remediator.core.rules import Budget, GuardSettings, Policy, Protected, Rule, Step, Until, When
from remediator.core.snapshot import Answer, Facts, Rehearsal, Snapshot
from remediator.core.state import Incident, State
from remediator.decide import decide
from remediator.journal.chain import START as JOURNAL_START
from remediator.journal.chain import record_of, seal
from remediator.propose import wanted_change
from tests.unit.builders import (
    ESCALATE,
    accepted,
    at,
    deployment,
    healthy,
    matcher,
    policy,
    replica_set,
    rule,
    sighting,
    snapshot,
    unknown,
)
from tests.unit.core.account import Account

TARGETS = tuple(Target("Deployment", "shop", name, uid) for name in ("web", "api") for uid in ("uid-web", "uid-2"))
STEPS = (Step("restart"), Step("rollback"), Step("rollback", {"to_revision": 1}), ESCALATE)
STALE = Rehearsal("0123456789abcdef", "accepted")


def mostly(usual, *others):
    """Usually the first, at times one of the others."""
    return st.sampled_from([*[usual] * 8, *others])


durations = st.sampled_from([0.0, 60.0, 300.0])
whens = st.builds(
    When,
    mostly((matcher("alertname", "Stuck"),), (matcher("alertname", "Stuck"), matcher("pod", "web-a"))),
    durations,
    durations,
)
budgets = st.none() | st.builds(Budget, mostly(3, 2, 1, 0), st.sampled_from([10.0, 60.0, 3600.0]))
guard_settings = st.builds(GuardSettings, durations, budgets)


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rule:
    return rule(
        name,
        *draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)),
        when=draw(whens),
        until=draw(st.builds(Until, for_=durations, within=durations, on_failure=mostly("undo", "keep"))),
        guards=draw(guard_settings),
        mode=draw(mostly(Mode.ENFORCE, Mode.OBSERVE, *[Mode.APPROVE] * 4, Mode.OFF, None)),
    )


policies = st.builds(
    policy,
    mode=mostly(Mode.ENFORCE, Mode.OBSERVE, Mode.OFF),
    guards=guard_settings,
    protected=mostly(Protected(), Protected(namespaces=("shop",)), Protected(selectors=("app=web",))),
)

odd_facts = st.builds(
    Facts,
    taken_at=st.just(at(0)),
    unknown=st.sampled_from(["", "", "Unavailable"]),
    exists=st.booleans(),
    healthy=st.booleans(),
    rolling_out=st.booleans(),
    paused=st.booleans(),
    deleting=st.booleans(),
    revision=st.integers(0, 4),
    answers=st.lists(st.builds(Answer, st.just("x > 1"), st.sampled_from([True, False, None])), max_size=2).map(tuple),
)
histories = st.lists(st.builds(replica_set, st.integers(0, 4), available=st.integers(0, 1)), max_size=3).map(tuple)
snapshots = st.one_of(
    st.sampled_from([snapshot(), healthy(), unknown(), snapshot(deployment("app:2", ready=0)), unknown()]),
    st.sampled_from([snapshot(paused=True), snapshot(rolling_out=True), snapshot(deleting=True)]),
    st.builds(Snapshot, odd_facts, st.sampled_from([{}, deployment(), deployment(ready=0, paused=True)])),
    st.builds(Snapshot, st.just(snapshot().facts), st.just(deployment(ready=0)), histories),
)


class History(RuleBasedStateMachine):
    """One journal under random observations."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.state, self.account = at(0), State(), Account()
        self.journal: list[Event] = []
        self.see(Elected("one"))

    def see(self, observation: Observation) -> None:
        """Decide, check what is said, and fold it."""
        ruling = decide(self.state, observation, self.now)
        assert ruling == decide(self.state, observation, self.now), "the same question has the same answer"
        for event in ruling.events:
            assert event.time == self.now
            assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event, "it can be read back"
            assert record_of(seal(event, JOURNAL_START)).event == event, "from a line of the journal too"
            self.account.check(event, ruling.events, observation, self.state)
            self.account.note(event)
            self.state = apply(self.state, event)
            self.journal.append(event)
        if isinstance(observation, Looked) and observation.incident in self.state.incidents:
            incident = self.state.incidents[observation.incident]
            waits = incident.phase in (Phase.PENDING, Phase.VERIFYING)
            assert not waits or ruling.events or ruling.again_at, "what waits is looked at again"

    def looks(
        self, incident: Incident, seen: Snapshot, api: str = "accepted", rehearsed: Rehearsal | None = None
    ) -> None:
        seen = replace(seen, facts=replace(seen.facts, taken_at=self.now))
        change = wanted_change(self.state, incident, seen, self.now)
        self.see(Looked(incident.id, seen, rehearsed or accepted(change, api)))

    def some_incident(self, data: st.DataObject) -> Incident:
        return self.state.incidents[data.draw(st.sampled_from(sorted(self.state.incidents)))]

    # What is seen

    @initialize(settings=policies, one=rules("one"), two=rules("two"))
    def files_are_read(self, settings: Policy, one: Rule, two: Rule) -> None:
        self.see(Reloaded(settings, (one, two)))
        for of, about in (("one", TARGETS[0]), ("two", TARGETS[0]), ("one", TARGETS[2])):
            self.see(Arrived((sighting(rule=of, target=about, fingerprint=f"{about.name}-a"),)))

    @step_of(
        of=st.sampled_from(["one", "two"]),
        about=mostly(TARGETS[0], *TARGETS, None),
        pods=st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
        status=st.sampled_from(["firing", "firing", "firing", "resolved", "resolved", "skipped"]),
        starts=st.sampled_from([0, 10]),
    )
    def alerts_arrive(self, of: str, about: Target | None, pods: list[str], status: str, starts: int) -> None:
        where = about.name if about else "nowhere"  # labels name the target, and the fingerprint hashes the labels
        seen = (sighting(status, f"{where}-{pod}", rule=of, target=about, starts_at=at(starts)) for pod in pods)
        self.see(Arrived(tuple(seen)))

    has_incidents = precondition(lambda self: len(self.state.incidents) > 0)

    @has_incidents
    @step_of(data=st.data(), times=st.integers(1, 10))
    def what_is_due_is_done(self, data: st.DataObject, times: int) -> None:
        """The shell as it should be: it waits until something may happen, and then sees what is usual."""
        about = self.some_incident(data).id
        for _ in range(times):
            if about in self.state.incidents:
                self.usual(data, self.state.incidents[about])

    def usual(self, data: st.DataObject, incident: Incident) -> None:
        in_flight = incident.undo or incident.intent
        if incident.phase in (Phase.ACTING, Phase.UNDOING):
            assert in_flight is not None
            status = data.draw(mostly(OutcomeStatus.APPLIED, OutcomeStatus.CONFLICT, OutcomeStatus.REFUSED))
            return self.see(Carried(incident.id, in_flight.id, status))
        if incident.phase is Phase.ESCALATING:
            return self.see(Told(incident.id))
        if incident.phase is Phase.AWAITING:
            return self.see(Answered(incident.id, incident.plan, True, data.draw(st.sampled_from(["alice", "bob"]))))
        self.now = max(self.now + timedelta(seconds=data.draw(st.sampled_from([1, 61, 301]))), incident.fires_at)
        if incident.phase is Phase.RESTING:
            return self.see(Ticked(incident.id))
        rolled_back = incident.intent is not None and incident.intent.action == "rollback"
        broken = snapshot(of(deployment("app:2" if rolled_back else "app:3", ready=0), incident))
        well = snapshot(of(deployment(), incident))
        return self.looks(
            incident, broken if incident.phase is Phase.PENDING else data.draw(mostly(broken, well, well))
        )

    @has_incidents
    @step_of(
        data=st.data(),
        seen=snapshots,
        api=mostly("accepted", "conflict", "refused", "unknown"),
        rehearsed=mostly(None, STALE),
        same=mostly(True, False),
    )
    def a_target_is_looked_at(
        self, data: st.DataObject, seen: Snapshot, api: str, rehearsed: Rehearsal | None, same: bool
    ) -> None:
        incident = self.some_incident(data)
        if same and seen.live:
            seen = replace(seen, live=of(seen.live, incident), facts=replace(seen.facts, uid=incident.target.uid))
        self.looks(incident, seen, api, rehearsed)

    @has_incidents
    @step_of(
        data=st.data(),
        status=st.sampled_from([each for each in OutcomeStatus if each is not OutcomeStatus.REHEARSED]),
        late=mostly(False, True, True),
    )
    def a_write_ends(self, data: st.DataObject, status: OutcomeStatus, late: bool) -> None:
        incident = self.some_incident(data)
        in_flight = incident.undo or incident.intent
        intent = f"{incident.id}-1" if late or in_flight is None else in_flight.id
        self.see(Carried(incident.id, intent, status, "as told"))

    @has_incidents
    @step_of(
        data=st.data(), problem=st.sampled_from(["", "503"]), seconds=st.sampled_from([0.000001, 10, 60, 4000, -30])
    )
    def something_is_due_too_early_or_too_late(self, data: st.DataObject, problem: str, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        incident = self.some_incident(data)
        answer = Answered(incident.id, data.draw(mostly(incident.plan, "another")), not problem, "alice")
        self.see(data.draw(st.sampled_from([Told(incident.id, problem), Ticked(incident.id), answer])))

    @step_of(data=st.data(), what=st.sampled_from(["rule", "rule", "settings", "removed", "bad", "office", "stranger"]))
    def something_rare_happens(self, data: st.DataObject, what: str) -> None:
        one, two = (self.state.rules.get(name) or rule(name) for name in ("one", "two"))
        if what == "rule":
            self.see(Reloaded(self.state.policy, (data.draw(rules("one")), two)))
        elif what == "settings":
            self.see(Reloaded(data.draw(policies), (one, two)))
        elif what == "removed":
            self.see(Reloaded(self.state.policy, (two,)))
        elif what == "bad":
            self.see(Reloaded(policy(), (), "rules.yaml:1:1 groups: unknown key"))
        elif what == "office":
            self.see(Elected(data.draw(st.sampled_from(["one", "two"]))))
        else:
            self.somebody_speaks_of_nothing(data.draw(st.sampled_from(["", "no-such-incident"])))

    def somebody_speaks_of_nothing(self, about: str) -> None:
        for observation in (
            Looked(about, snapshot()),
            Carried(about, "x-1", OutcomeStatus.APPLIED),
            Told(about),
            Ticked(about),
            Answered(about, "", True, "alice"),
        ):
            assert decide(self.state, observation, self.now).events == ()

    # What must hold of the state at any time

    def teardown(self) -> None:
        assert fold(self.journal) == self.state, "the state is the fold of the journal"
        back = [record_of(seal(event, JOURNAL_START)).event for event in self.journal]
        assert fold(back) == self.state, "also of the journal as it is read back"

    @invariant()
    def the_state_is_sound(self) -> None:
        self.timers_that_are_due_move_something()
        self.hands_are_those_of_incidents_that_are_in_hand()
        self.open_incidents_are_found_by_rule_and_target()
        self.what_is_told_of_incidents_is_their_evidence()
        for each in self.state.incidents.values():
            self.a_phase_has_what_it_needs(each)

    def timers_that_are_due_move_something(self) -> None:
        """Otherwise the loop would ask again and again at the same instant."""
        for each in self.state.incidents.values():
            want = wanted(each)
            if want is not None and want[0] is Errand.TICK and want[1] <= self.now:
                assert decide(self.state, Ticked(each.id), self.now).events

    def hands_are_those_of_incidents_that_are_in_hand(self) -> None:
        in_hand = [each for each in self.state.incidents.values() if each.in_hand]
        assert dict(self.state.hands) == {each.target.key: each.id for each in in_hand}
        assert all(count == 1 for count in Counter(each.target.key for each in in_hand).values())

    def open_incidents_are_found_by_rule_and_target(self) -> None:
        keys = {f"{each.definition.name}|{each.target.key}": each.id for each in self.state.incidents.values()}
        assert dict(self.state.open) == keys
        assert len(keys) == len(self.state.incidents)

    def what_is_told_of_incidents_is_their_evidence(self) -> None:
        firing = {
            f"{each.definition.name}|{seen.fingerprint}": each.id
            for each in self.state.incidents.values()
            for seen in each.signals
            if not seen.resolved
        }
        assert dict(self.state.told) == firing

    def a_phase_has_what_it_needs(self, each: Incident) -> None:
        assert each.step < len(each.definition.do)
        assert (each.phase is Phase.UNDOING) is (each.undo is not None)
        assert not each.in_hand or each.intent is not None
        assert each.phase not in (Phase.VERIFYING, Phase.UNDOING) or each.carried_at is not None
        assert each.phase is not Phase.ESCALATING or each.escalation is not None
        assert (each.cleared_at is not None) is all(seen.resolved for seen in each.signals)


def of(live: dict, incident: Incident) -> dict:
    """The object as the incident's own."""
    return {**live, "metadata": {**live["metadata"], "uid": incident.target.uid}}


TestHistory = History.TestCase
TestHistory.settings = settings(stateful_step_count=30, report_multiple_bugs=False)
