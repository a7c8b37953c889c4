"""PromQL on a schedule: what each answer means to the rules that wait for it, tick by tick."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator import metrics
from remediator.clients.query_answer import Answer, Sample, Scalar, Unknown, Vector
from remediator.core.fold import fold
from remediator.core.model import Json, Ref, Target
from remediator.core.observations import Asked, Elected, Reloaded
from remediator.core.rules import Rule, TargetSpec, When
from remediator.core.state import State
from remediator.decide import decide
from remediator.ports import NotFound, Unavailable
from remediator.sources.measured import steadily_up
from remediator.sources.queries import AT_ONCE, Queries
from remediator.sources.series import fingerprint_of
from remediator.sources.timetable import Slot, slot_of, slots_in
from tests.unit.builders import at, policy, rule

QUERY = "unavailable > 0"
DOWN = Unknown("cannot be asked: refused")
BAD = Unknown("answered 422 execution: many-to-many", reached=True)


def series(name: str = "web", value: float | None = 1.0) -> Sample:
    return Sample({"namespace": "shop", "deployment": name}, value)


def asking(name: str = "r", query: str = QUERY, when_for: float = 0.0, **fields: object) -> Rule:
    return rule(name, when=When(query=query, for_=when_for), target=TargetSpec("Deployment"), **fields)


class House:
    """A loop without a journal: rules, their queries, a Prometheus and an API server that answer as they are told."""

    def __init__(self, *rules: Rule) -> None:
        self.state, self.seconds = State(), 0.0
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, datetime]] = []
        self.brought: list[Asked] = []
        self.planned: set[Slot] = set()
        self.refused: Exception | None = None
        self.gone: set[str] = set()
        self.at_once = self.most_at_once = 0
        self.see(Elected("one"))
        self.see(Reloaded(policy(), rules))
        self.queries = self.started()

    def started(self) -> Queries:
        queries = Queries(self.ask, self, self, lambda: self.state, self.bring, timetable=self)  # type: ignore
        queries.follow()
        return queries

    def now(self) -> datetime:
        return at(self.seconds)

    def follow(self, slots: Collection[Slot], due: object) -> None:
        self.planned = set(slots)

    def end(self) -> None:
        self.planned = set()

    async def ask(self, query: str, instant: datetime) -> Answer:
        self.asked.append((query, instant))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return self.answers.get(query, Vector(()))

    async def get(self, ref: Ref) -> Json:
        if self.refused:
            raise self.refused
        if ref.name in self.gone:
            raise NotFound("gone")
        return {"kind": ref.resource.kind, "metadata": {"name": ref.name, "uid": f"uid-{ref.name}"}}

    async def bring(self, asked: Asked) -> None:
        self.brought.append(asked)
        self.see(asked)

    def see(self, observation: object) -> None:
        self.state = fold(decide(self.state, observation, self.now()).events, self.state)  # type: ignore

    async def tick(self, *answer: Sample | Answer, query: str = QUERY) -> Sequence[str]:
        """One more tick with this answer; the status of each sighting that it brings."""
        first = answer[0] if answer else None
        self.answers[query] = first if isinstance(first, Scalar | Unknown) else Vector(answer)  # type: ignore
        self.seconds += 30
        self.brought.clear()
        await self.queries.tick_all()
        return [seen.status for asked in self.brought for seen in asked.sightings]

    @property
    def open(self) -> list[Target]:
        """Targets of incidents whose signals fire."""
        return sorted(one.target for one in self.state.incidents.values() if one.cleared_at is None)


WEB = Target("Deployment", "shop", "web", "uid-web")


async def test_each_series_is_a_signal_and_is_brought_once() -> None:
    house = House(asking())
    assert await house.tick(series("web"), series("api")) == ["firing", "firing"]
    assert [target.name for target in house.open] == ["api", "web"]
    assert await house.tick(series("web"), series("api")) == []
    assert house.brought == []


async def test_a_series_that_is_gone_is_over() -> None:
    house = House(asking())
    await house.tick(series())
    assert await house.tick() == ["resolved"]
    assert house.open == []


async def test_equal_queries_are_asked_once_as_of_one_instant() -> None:
    house = House(asking("a"), asking("b"), asking("c", "up == 0", interval=30.0), rule("alert"))
    await house.tick(series())
    assert sorted(query for query, _ in house.asked) == [QUERY, "up == 0"]
    assert {instant for _, instant in house.asked} == {house.now()}
    assert len(house.state.incidents) == 2


async def test_only_so_many_are_under_way_at_once() -> None:
    house = House(*(asking(f"r{number}", query=f"unavailable > {number}") for number in range(1000)))
    await asyncio.gather(*(house.queries.tick(slot) for slot in house.planned))
    assert house.most_at_once == AT_ONCE


@pytest.mark.parametrize("unknown", [DOWN, BAD, Scalar(1.0)])
async def test_unknown_neither_fires_nor_clears(unknown: Answer) -> None:
    house = House(asking())
    await house.tick(series())
    await house.tick(series())
    assert await house.tick(unknown) == []
    assert house.open == [WEB]
    (incident,) = house.state.incidents.values()
    assert house.state.is_dark(incident)
    assert house.queries.with_value(incident).value is None


async def test_after_the_dark_absence_is_believed_the_second_time() -> None:
    house = House(asking())
    for answer in (series(), series(), DOWN):
        await house.tick(answer)
    assert await house.tick() == []
    assert house.state.dark
    assert await house.tick() == ["resolved"]
    assert not house.state.dark


async def test_after_a_start_absence_is_believed_the_second_time_too() -> None:
    house = House(asking())
    for _ in range(3):
        await house.tick(series())
    house.see(Elected("two"))
    house.queries = house.started()
    assert await house.tick() == []
    assert await house.tick() == ["resolved"]


async def test_the_source_is_down_when_no_query_reaches_it() -> None:
    house = House(asking("a"), asking("b", query="up == 0"))
    await house.tick(DOWN)
    house.answers["up == 0"] = DOWN
    await house.queries.tick(slot_of(QUERY, 30.0))
    assert "prometheus|" in house.state.dark
    await house.tick(BAD)
    assert "prometheus|" not in house.state.dark


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
async def test_a_series_without_a_known_value_neither_fires_nor_clears(value: float | None) -> None:
    house = House(asking())
    assert await house.tick(series(value=value)) == []
    await house.tick(series())
    assert await house.tick(series(value=value)) == []
    assert house.open == [WEB]
    assert house.queries.with_value(next(iter(house.state.incidents.values()))).value is None


async def test_the_value_is_the_latest() -> None:
    house = House(asking())
    await house.tick(series(value=1.0))
    (incident,) = house.state.incidents.values()
    await house.tick(series(value=7.0))
    assert house.queries.with_value(incident).value == 7.0


async def test_an_api_server_that_cannot_be_asked_is_asked_at_the_next_tick() -> None:
    house = House(asking())
    house.refused = Unavailable("refused")
    assert await house.tick(series()) == []
    house.refused = None
    assert await house.tick(series()) == ["firing"]


async def test_what_speaks_of_no_target_is_said_once_and_tried_again_later() -> None:
    house = House(asking())
    house.gone = {"web"}
    said = [status for _ in range(9) for status in await house.tick(series())]
    assert said == ["firing"]
    assert len(house.state.noted) == 1
    house.gone = set()
    said = [status for _ in range(12) for status in await house.tick(series())]
    assert said == ["firing"]
    assert house.open == [WEB]


async def test_rules_that_come_and_go_are_followed() -> None:
    house = House(asking())
    await house.tick(series())
    house.see(Reloaded(policy(), (asking("other", "up == 0", interval=5.0),)))
    house.queries.follow()
    assert house.planned == {slot_of("up == 0", 5.0)}
    house.see(Reloaded(policy(), ()))
    house.queries.follow()
    assert house.planned == set()


async def test_an_answer_for_a_rule_that_has_changed_meanwhile_is_dropped() -> None:
    house = House(asking())
    get = house.get

    async def slow(ref: Ref) -> Json:
        house.see(Reloaded(policy(), (asking(query="up == 0"),)))
        return await get(ref)

    house.get = slow  # type: ignore[method-assign]
    assert await house.tick(series()) == []


async def test_missed_ticks_are_counted() -> None:
    house = House(asking("a"), asking("b"))
    before = metrics.RULE_MISSED._value.get()
    await house.tick()
    house.seconds += 60
    await house.tick()
    assert metrics.RULE_MISSED._value.get() - before == 2 * 2


async def test_a_slot_that_is_still_asked_is_not_asked_again() -> None:
    house = House(asking())
    held, before = asyncio.Event(), metrics.RULE_MISSED._value.get()

    async def ask(query: str, instant: datetime) -> Answer:
        house.asked.append((query, instant))
        await held.wait()
        return Vector(())

    house.queries._ask = ask
    running = asyncio.create_task(house.queries.run())
    for _ in range(3):
        house.queries._due.put_nowait(slot_of(QUERY, 30.0))
    for _ in range(10):
        await asyncio.sleep(0)
    assert metrics.RULE_MISSED._value.get() - before == 2
    assert len(house.asked) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@given(st.text(), st.floats(0.001, 1e6))
def test_a_query_has_one_slot_within_its_interval(query: str, interval: float) -> None:
    slot = slot_of(query, interval)
    assert slot == slot_of(query, interval)
    assert 0 <= slot.number < slots_in(interval)
    assert 0 <= slot.offset < interval


LABELS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=4)


@given(LABELS, LABELS)
def test_series_have_one_fingerprint_where_their_labels_are_equal(one: dict[str, str], other: dict[str, str]) -> None:
    assert (fingerprint_of(one) == fingerprint_of(other)) is (one == other)


ANSWERS = st.one_of(
    st.sampled_from([DOWN, BAD, Scalar(1.0)]),
    st.sets(st.sampled_from(["web", "api", "db"])).map(lambda names: Vector(tuple(map(series, sorted(names))))),
)


@given(st.lists(ANSWERS, max_size=12))
async def test_whatever_is_answered_an_incident_clears_only_by_two_good_answers(answers: list[Answer]) -> None:
    house, good = House(asking()), 0
    for answer in answers:
        before = {target.name for target in house.open}
        house.seconds += 30
        house.answers[QUERY] = answer
        await house.queries.tick_all()
        after = {target.name for target in house.open}
        good = good + 1 if isinstance(answer, Vector) else 0
        present = {one.labels["deployment"] for one in answer.samples} if isinstance(answer, Vector) else set()
        if isinstance(answer, Vector):
            assert after == (present if good >= 2 else before | present)
        else:
            assert after == before


async def test_after_the_dark_absence_is_believed_when_good_answers_came_for_as_long_as_for() -> None:
    house = House(asking(when_for=100.0))
    for answer in (series(), series(), DOWN, series()):
        await house.tick(answer)
    assert [await house.tick() for _ in range(4)] == [[], [], [], ["resolved"]]


def measured(house: House, up: bool) -> None:
    """The exporter of `unavailable` is up or down; it delivered what is asked for within the hour."""
    of_it = '{__name__=~"unavailable", deployment=~"web|", namespace=~"shop|"}'
    by = f"group by (__name__, job, deployment, namespace) (last_over_time({of_it}[1h]))"
    house.answers[by] = Vector((Sample({"__name__": "unavailable", "job": "x"}, 1.0),))
    house.answers[steadily_up({"x"}, 30.0)] = Vector((Sample({"job": "x"}, float(up)),))


async def test_while_nobody_measures_it_absence_is_in_doubt_and_no_end() -> None:
    """The exporter is down: its series are gone, and the target that delivered them is not up."""
    house = House(asking(query="unavailable > 0"))
    measured(house, up=False)
    await house.tick(series())
    await house.tick(series())
    assert await house.tick() == ["doubted"]
    assert await house.tick() == [], "said once"
    (incident,) = house.state.incidents.values()
    assert house.state.is_dark(incident)
    assert incident.cleared_at is None
    measured(house, up=True)
    assert await house.tick() == ["resolved"]


async def test_a_series_that_is_there_again_is_in_doubt_no_more() -> None:
    house = House(asking(query="unavailable > 0"))
    measured(house, up=False)
    await house.tick(series())
    await house.tick(series())
    assert await house.tick() == ["doubted"]
    assert await house.tick(series()) == ["firing"]
    assert await house.tick(series()) == []
    (incident,) = house.state.incidents.values()
    assert not house.state.is_dark(incident)


async def test_what_one_target_does_not_deliver_holds_up_no_other() -> None:
    house = House(asking(query="unavailable > 0"))
    measured(house, up=False)
    await house.tick(series(), series("api"))
    await house.tick(series(), series("api"))
    assert await house.tick(series("api")) == ["doubted"]
    dark = {one.target.name: house.state.is_dark(one) for one in house.state.incidents.values()}
    assert dark == {"web": True, "api": False}


async def test_a_query_begins_when_it_has_its_place() -> None:
    many = AT_ONCE + 1
    house = House(*(asking(f"r{number}", query=f"unavailable > {number}", interval=1.0) for number in range(many)))
    asked = house.ask

    async def slow(query: str, instant: datetime) -> Answer:
        answer = await asked(query, instant)
        house.seconds += 5
        return answer

    house.queries._ask = slow
    before = delays()
    await house.queries.tick_all()
    count, seconds = (after - then for after, then in zip(delays(), before, strict=True))
    assert count == many, "each is told of"
    assert seconds >= 5, "the last one waited for another"


def delays() -> tuple[float, float]:
    """How many delays have been told of, and what they come to."""
    name = "remediator_rule_delay_seconds"
    return tuple(metrics.REGISTRY.get_sample_value(f"{name}_{each}") or 0.0 for each in ("count", "sum"))  # type: ignore


def test_lateness_is_since_the_instant_that_was_due() -> None:
    assert Slot(30.0, 10).late(310.25) == 0.25
    assert Slot(30.0, 10).late(339.0) == 29.0
