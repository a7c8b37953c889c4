"""What the state forgets: never what a guard may still look back to, and enough to stay bounded for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from immutables import Map
from msgspec.structs import replace

from remediator.core.events import Event, IncidentClosed, IncidentOpened, RulesChanged, Signal, Verification
from remediator.core.fold import apply, fold
from remediator.core.fold.bounds import LEAST, bounded, reach
from remediator.core.guarding import LONGEST_WINDOW, AttemptsSettings, FlappingSettings, GuardSettings
from remediator.core.memory import Result, Tide
from remediator.core.model import CloseReason, Target
from remediator.core.observations import Observation
from remediator.core.state import Ended, Past, State
from remediator.decide import decide
from tests.unit.builders import START, at, policy, rule, state
from tests.unit.core.test_properties import NEEDS_NO_INCIDENT, ODD, History, mostly

WEEK = timedelta(seconds=LONGEST_WINDOW)
MEMORIES: dict[str, Callable[[datetime], Any]] = {
    "pasts": lambda when: Past("incident-1", when, CloseReason.RECOVERED),
    "ended": lambda when: Ended(when, "incident-1"),
    "cured": lambda when: (START - 2 * WEEK, when),
    "turns": lambda when: (when,),
    "spent": lambda when: (when,),
    "tides": lambda when: Tide(0, ((when, 5),)),
    "results": lambda when: (Result(when, "incident-1", "failed"),),
}


def remembering(name: str, *instants: datetime, **fields: Any) -> State:
    """A state that remembers something of each instant."""
    entries = {f"restart|{number:06}": MEMORIES[name](when) for number, when in enumerate(instants)}
    return state(**{name: Map(entries)}, **fields)


def left(found: State, name: str) -> list[int]:
    return sorted(int(key.partition("|")[2]) for key in getattr(found, name))


@pytest.mark.parametrize("name", MEMORIES)
def test_what_is_exactly_as_old_as_guards_look_back_is_forgotten_and_nothing_younger(name: str):
    before = remembering(name, START, START + timedelta(microseconds=1), START + WEEK)
    assert left(bounded(before, START + WEEK, least=0), name) == [1, 2]


@pytest.mark.parametrize("name", MEMORIES)
def test_of_too_many_the_oldest_are_forgotten(name: str):
    before = remembering(name, *(at((number * 37) % 100) for number in range(100)))
    after = bounded(before, at(100), least=0, most=80)
    assert len(getattr(after, name)) == 60
    ages = {(number * 37) % 100 for number in left(after, name)}
    assert ages == set(range(40, 100))


@pytest.mark.parametrize("name", MEMORIES)
def test_a_reservation_given_back_or_an_empty_memory_is_forgotten_first(name: str):
    if name in ("pasts", "ended"):
        return
    empty = Tide() if name == "tides" else ()
    before = state(**{name: Map({"restart|1": empty})})
    assert left(bounded(before, START, least=0), name) == []


def test_what_matches_now_and_the_breakers_of_present_rules_are_no_memories():
    """A breaker may latch for longer than anything else is remembered."""
    before = state(
        tides=Map({"one|Deployment|shop": Tide(1, ((START, 5),))}),
        results=Map({"restart|one": MEMORIES["results"](START), "restart|gone": MEMORIES["results"](START)}),
        rules=Map({"one": rule("one")}),
    )
    after = bounded(before, START + 2 * WEEK, least=0)
    assert after.tides == before.tides
    assert list(after.results) == ["restart|one"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (GuardSettings(), LONGEST_WINDOW),
        (GuardSettings(cooldown=60.0), LONGEST_WINDOW),
        (GuardSettings(cooldown=LONGEST_WINDOW + 1), LONGEST_WINDOW + 1),
        (GuardSettings(attempts=AttemptsSettings(within=LONGEST_WINDOW + 2)), LONGEST_WINDOW + 2),
        (GuardSettings(flapping=FlappingSettings(within=LONGEST_WINDOW + 3)), LONGEST_WINDOW + 3),
    ],
)
def test_settings_and_rules_may_make_memory_reach_further(said: GuardSettings, seconds: float):
    assert reach(state(policy=policy(guards=said))) == timedelta(seconds=seconds)
    assert reach(state(rules=Map({"one": rule("one", guards=said)}))) == timedelta(seconds=seconds)


def test_a_map_is_looked_through_when_it_has_doubled():
    """So that each event pays for a constant number of entries, however many there are."""
    present: State = remembering("ended")
    looks = []
    for number in range(20_000):
        entries = present.ended.set(f"restart|{number:06}", Ended(at(number), "incident-1"))
        before = replace(present, ended=entries)
        present = bounded(before, at(number))
        if present.room != before.room:
            looks.append(len(entries))
    assert looks == [LEAST + 1, 2 * (LEAST + 1) + 1, 4 * (LEAST + 1) + 3, 8 * (LEAST + 1) + 7, 16 * (LEAST + 1) + 15]
    assert len(present.ended) == 20_000


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(
    least=st.integers(1, 50),
    spare=st.integers(0, 100),
    gaps=st.lists(st.sampled_from([0.0, 3600.0, LONGEST_WINDOW / 40]), min_size=300, max_size=600),
)
def test_memory_is_bounded_under_endlessly_many_targets_and_the_latest_are_kept(
    least: int, spare: int, gaps: list[float]
):
    most, now, present = least + spare, START, State()
    for number, gap in enumerate(gaps):
        now += timedelta(seconds=gap)
        present = bounded(replace(present, turns=present.turns.set(f"{number:06}", (now,))), now, least, most)
        assert len(present.turns) <= most
        latest = range(max(number + 1 - most * 3 // 4, 0), number + 1)
        instants = {each: present.turns.get(f"{each:06}") for each in latest}
        assert all(instants[each] or _is_old(gaps, each, now) for each in latest)


def _is_old(gaps: list[float], number: int, now: datetime) -> bool:
    return START + timedelta(seconds=sum(gaps[: number + 1])) <= now - WEEK


def life_of(number: int, seconds: float) -> list[Event]:
    """One incident of a target that nobody has seen before, from its alert to its end."""
    target, incident = Target("Deployment", f"shop-{number % 2000}", f"web-{number}", "uid"), f"incident-{number}"
    labels = {"alertname": "Stuck", "deployment": target.name}
    said = [
        IncidentOpened(labels),
        Signal("alertmanager", "firing", f"print-{number}", labels, starts_at=at(seconds)),
        Verification("failed", 0, then="next"),
        Signal("alertmanager", "resolved", f"print-{number}", labels, starts_at=at(seconds)),
        IncidentClosed(CloseReason.RECOVERED),
    ]
    return [Event(at(seconds), data, incident, "one", target) for data in said]


def test_the_whole_state_is_bounded_under_endlessly_many_targets():
    """Eight thousand incidents of as many targets in four weeks: about two thousand of them can still matter."""
    present = apply(State(), Event(START, RulesChanged(policy(), (rule("one"),))))
    most = 0
    for number in range(8000):
        present = fold(life_of(number, number * LONGEST_WINDOW / 2000), present)
        most = max(most, *(len(getattr(present, name)) for name in present.__struct_fields__ if _is_map(present, name)))
    assert 2000 < most <= 4000 + LEAST


def _is_map(present: State, name: str) -> bool:
    return isinstance(getattr(present, name), Map)


class ForgetfulHistory(History):
    """One journal under random observations, and beside it a state that forgets all that it may after each event."""

    forgetful = State()

    def see(self, observation: Observation) -> None:
        same = gist(decide(self.state, observation, self.now).events)
        assert gist(decide(self.forgetful, observation, self.now).events) == same
        known = len(self.journal)
        super().see(observation)
        for event in self.journal[known:]:
            self.forgetful = bounded(apply(self.forgetful, event), event.time, least=0)


def gist(events: tuple[Event, ...]) -> list[Any]:
    """What is decided, without what guards tell of what they remember."""
    return [
        replace(each, data=(each.data.result, each.data.then, [(v.guard, v.verdict) for v in each.data.verdicts]))
        if each.kind == "decision"
        else each
        for each in events
    ]


@settings(max_examples=60)
@given(st.data())
def test_no_decision_changes_by_what_is_forgotten(data: st.DataObject):
    history = ForgetfulHistory(data)
    for step in data.draw(st.lists(mostly(ForgetfulHistory.what_is_due_is_done, *ODD), min_size=5, max_size=25)):
        if len(history.state.incidents) > 0 or step in NEEDS_NO_INCIDENT:
            step(history)
            history.now += timedelta(days=data.draw(mostly(0, 6.9, 7.0, 7.1, 30)))
