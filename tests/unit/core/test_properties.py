"""What always holds, whatever is seen in whatever order: promises of the pure core under random histories.

Hypothesis plays the shell. It tells `decide` of alerts, looks, outcomes, deliveries, timers, answers, reloads and
elections, sensible and not, with time that stands still, jumps and goes back; after each step the promises are checked.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec
from hypothesis import given, note
from hypothesis import strategies as st
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
from remediator.core.rules import Budget, GuardSettings, Protected, Rule, Step, Until, When
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
guard_settings = st.builds(GuardSettings, cooldown=durations, budget=budgets)


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


def of(live: dict, incident: Incident) -> dict:
    """The object as the incident's own."""
    return {**live, "metadata": {**live["metadata"], "uid": incident.target.uid}}


class History:
    """One journal under observations drawn from `data`."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw, self.now, self.state, self.account = data.draw, at(0), State(), Account()
        self.journal: list[Event] = []
        self.see(Elected("one"))
        self.see(Reloaded(self.draw(policies), (self.draw(rules("one")), self.draw(rules("two")))))
        for of, about in (("one", TARGETS[0]), ("two", TARGETS[0]), ("one", TARGETS[2])):
            self.see(Arrived((sighting(rule=of, target=about, fingerprint=f"{about.name}-a"),)))

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

    def some_incident(self) -> Incident:
        return self.state.incidents[self.draw(st.sampled_from(sorted(self.state.incidents)))]

    def looks(
        self, incident: Incident, seen: Snapshot, api: str = "accepted", rehearsed: Rehearsal | None = None
    ) -> None:
        seen = replace(seen, facts=replace(seen.facts, taken_at=self.now))
        change = wanted_change(self.state, incident, seen, self.now)
        self.see(Looked(incident.id, seen, rehearsed or accepted(change, api)))

    # What is usual: the shell waits until something may happen, and then sees what is to be expected

    def what_is_due_is_done(self) -> None:
        about = self.some_incident().id
        for _ in range(self.draw(st.integers(1, 12))):
            if about in self.state.incidents:
                _USUAL[self.state.incidents[about].phase](self, self.state.incidents[about])

    def all_go_on_a_little(self) -> None:
        for about in sorted(self.state.incidents):
            if about in self.state.incidents:
                _USUAL[self.state.incidents[about].phase](self, self.state.incidents[about])

    def is_decided(self, incident: Incident) -> None:
        self.now = max(self.now + timedelta(seconds=self.draw(st.sampled_from([1, 61, 301]))), incident.fires_at)
        self.looks(incident, snapshot(of(deployment(ready=0), incident)))

    def is_carried_out(self, incident: Incident) -> None:
        in_flight = incident.undo or incident.intent
        assert in_flight is not None
        status = self.draw(mostly(OutcomeStatus.APPLIED, OutcomeStatus.CONFLICT, OutcomeStatus.REFUSED))
        self.see(Carried(incident.id, in_flight.id, status))

    def is_verified(self, incident: Incident) -> None:
        self.now += timedelta(seconds=self.draw(st.sampled_from([1, 61, 301])))
        rolled_back = incident.intent is not None and incident.intent.action == "rollback"
        broken = snapshot(of(deployment("app:2" if rolled_back else "app:3", ready=0), incident))
        self.looks(incident, self.draw(st.sampled_from([broken, snapshot(of(deployment(), incident))])))

    def is_told(self, incident: Incident) -> None:
        for key, place in self.waiting(incident.id):
            self.see(Told(incident.id, key, *place))

    def waiting(self, incident: str) -> list[tuple[str, tuple[str, str]]]:
        """The key of the next message for each endpoint, and where it goes."""
        held = self.state.post.get(incident)
        threads = held.threads if held else ()
        return [(each.waiting[0].key, (each.receiver, each.endpoint)) for each in threads if each.waiting]

    def is_approved(self, incident: Incident) -> None:
        self.see(Answered(incident.id, incident.plan, True, self.draw(st.sampled_from(["alice", "bob"]))))

    def is_clear(self, incident: Incident) -> None:
        for seen in incident.signals:
            self.see(Arrived((sighting("resolved", seen.fingerprint, rule=incident.definition.name),)))
        self.now += timedelta(seconds=self.draw(st.sampled_from([0, 300])))
        self.see(Ticked(incident.id))

    # What is odd

    def alerts_arrive(self) -> None:
        about, name = self.draw(mostly(TARGETS[0], *TARGETS, None)), self.draw(st.sampled_from(["one", "two"]))
        status = self.draw(st.sampled_from(["firing", "firing", "firing", "resolved", "resolved", "skipped"]))
        where = about.name if about else "nowhere"  # labels name the target, and the fingerprint hashes the labels
        starts_at = at(self.draw(st.sampled_from([0, 10])))
        pods = self.draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3))
        seen = (sighting(status, f"{where}-{pod}", rule=name, target=about, starts_at=starts_at) for pod in pods)
        self.see(Arrived(tuple(seen)))

    def a_target_is_looked_at(self) -> None:
        incident, seen = self.some_incident(), self.draw(snapshots)
        if seen.live and self.draw(mostly(True, False)):
            seen = replace(seen, live=of(seen.live, incident), facts=replace(seen.facts, uid=incident.target.uid))
        api = self.draw(mostly("accepted", "conflict", "refused", "unknown"))
        self.looks(incident, seen, api, self.draw(mostly(None, STALE)))

    def a_write_ends(self) -> None:
        incident = self.some_incident()
        status = self.draw(st.sampled_from([each for each in OutcomeStatus if each is not OutcomeStatus.REHEARSED]))
        in_flight = incident.undo or incident.intent
        late = in_flight is None or self.draw(st.booleans())
        self.see(Carried(incident.id, f"{incident.id}-1" if late or in_flight is None else in_flight.id, status))

    def something_comes_too_early_or_too_late(self) -> None:
        self.now += timedelta(seconds=self.draw(st.sampled_from([0.000001, 10, 60, 4000, -30])))
        incident, problem = self.some_incident(), self.draw(st.sampled_from(["", "503"]))
        answer = Answered(incident.id, self.draw(mostly(incident.plan, "another")), not problem, "alice")
        told = [Told(incident.id, key, *place, problem) for key, place in self.waiting(incident.id)]
        self.see(self.draw(st.sampled_from([*told, Ticked(incident.id), answer])))

    def rules_change(self) -> None:
        one, two = (self.state.rules.get(name) or rule(name) for name in ("one", "two"))
        what = self.draw(st.sampled_from(["rule", "settings", "removed", "bad"]))
        if what == "rule":
            self.see(Reloaded(self.state.policy, (self.draw(rules("one")), two)))
        elif what == "settings":
            self.see(Reloaded(self.draw(policies), (one, two)))
        elif what == "removed":
            self.see(Reloaded(self.state.policy, (two,)))
        else:
            self.see(Reloaded(policy(), (), "rules.yaml:1:1 groups: unknown key"))

    def somebody_takes_office(self) -> None:
        self.see(Elected(self.draw(st.sampled_from(["one", "two"]))))

    def somebody_speaks_of_nothing(self) -> None:
        about = self.draw(st.sampled_from(["", "no-such-incident"]))
        answered = Answered(about, "", True, "alice")
        written = Carried(about, "x-1", OutcomeStatus.APPLIED)
        for observation in (Looked(about, snapshot()), written, Told(about, "x", "oncall"), Ticked(about), answered):
            assert decide(self.state, observation, self.now).events == ()

    # What must hold of the state at any time

    def check_state(self) -> None:
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


_USUAL = {
    Phase.PENDING: History.is_decided,
    Phase.AWAITING: History.is_approved,
    Phase.ACTING: History.is_carried_out,
    Phase.UNDOING: History.is_carried_out,
    Phase.VERIFYING: History.is_verified,
    Phase.ESCALATING: History.is_told,
    Phase.RESTING: History.is_clear,
}
ODD = (
    History.alerts_arrive,
    History.a_target_is_looked_at,
    History.a_write_ends,
    History.something_comes_too_early_or_too_late,
    History.rules_change,
    History.somebody_takes_office,
    History.somebody_speaks_of_nothing,
)
NEEDS_NO_INCIDENT = (History.alerts_arrive, History.rules_change)


@given(st.data())
def test_promises_hold_in_every_history(data: st.DataObject) -> None:
    history = History(data)
    for step in data.draw(
        st.lists(mostly(History.all_go_on_a_little, *[History.what_is_due_is_done] * 4, *ODD), min_size=5, max_size=25)
    ):
        if len(history.state.incidents) > 0 or step in NEEDS_NO_INCIDENT:
            note(step.__name__)
            step(history)
            history.check_state()
    assert fold(history.journal) == history.state, "the state is the fold of the journal"
    read_back = [record_of(seal(event, JOURNAL_START)).event for event in history.journal]
    assert fold(read_back) == history.state, "also of the journal as it is read back"
