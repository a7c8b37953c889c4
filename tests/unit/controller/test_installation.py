"""What an installation answers the server: as the document of the API says, about incidents, rules and people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator import metrics
from remediator.config import Settings
from remediator.core.events import Pause
from remediator.core.model import Mode
from remediator.core.observations import Answered, Paused
from remediator.core.rules import Until
from remediator.installation import Installation, World
from remediator.server.shapes import IncidentPage, PausesStanding, Rules
from remediator.simulation.loop import Group
from remediator.views import Explanation, IncidentStory, IncidentView, StatusView, after_mark, mark_of
from tests.unit.builders import ESCALATE, START, policy, rule
from tests.unit.controller.house import Cluster, House
from tests.unit.playing import ACCOUNT, BROKEN, roll_out, shop

NAME = "undo-bad-rollout"


class Site:
    """An installation over a simulated world, deciding, without its server."""

    def __init__(self, house: House, mode: Mode) -> None:
        self.house = house
        cluster = Cluster(house.world, ACCOUNT)
        world = World(house.journal, cluster, house.receiver, house.world.clock)
        self.it = Installation(Settings(mode=mode), (), world)
        group = Group("installation")
        self.task = house.loop.start(self.it.office.run(lambda: house.rules, self.it._opened), group)
        house.wait(0.01)

    def alert(self) -> None:
        self.house.alert()
        self.it.received()

    def ask(self, asked: Any) -> Any:
        return self.house.run(asked)


@pytest.fixture(params=[Mode.ENFORCE])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    world = shop()
    roll_out(world, BROKEN)
    world.advance(120)
    until = Until(for_=10.0, within=120.0)
    house = House(world, policy(mode=request.param), rule(NAME, "rollback", ESCALATE, until=until))
    yield Site(house, request.param)
    house.close()


def as_told(value: Any, form: Any) -> Any:
    """A value as the API sends it, read as its document says."""
    return msgspec.json.decode(msgspec.json.encode(value), type=form)


def test_an_incident_is_open_then_past_and_always_there(site: Site) -> None:
    site.alert()
    site.house.wait(2)
    page = as_told(site.ask(site.it.incidents("", 10)), IncidentPage)
    (opened,) = page.items
    assert (opened.rule, opened.phase, page.next) == (NAME, "verifying", "")
    assert as_told(site.ask(site.it.incident(opened.id)), IncidentStory).alert == "Stuck"
    assert site.ask(site.it.past(None, 10)).items == ()
    site.house.wait(60)
    assert site.ask(site.it.incidents("", 10)).items == ()
    (past,) = as_told(site.ask(site.it.past(None, 10)), IncidentPage).items
    assert (past.id, past.phase, past.opened_at) == (opened.id, "closed", opened.opened_at)
    assert past.closed_at is not None
    assert past.reason == "recovered: ready for 10 s"
    assert site.ask(site.it.incident(opened.id)) == site.ask(site.it.past(None, 10)).items[0]
    assert site.ask(site.it.incident("nobody")) is None


def test_status_rules_and_why(site: Site) -> None:
    status = as_told(site.ask(site.it.status()), StatusView)
    assert (status.leadership, status.mode, status.rules, status.pauses) == ("in charge", Mode.ENFORCE, 1, 0)
    (shown,) = as_told({"items": site.it.rules()}, Rules).items
    assert (shown.name, shown.mode, shown.do, shown.source) == (
        NAME,
        Mode.ENFORCE,
        ("rollback", "escalate"),
        "alertmanager",
    )
    site.alert()
    site.house.wait(60)
    why = as_told(site.ask(site.it.explain(NAME, None)), Explanation)
    assert (why.result, why.repeated) == ("act", True)
    assert site.it.head() == site.ask(site.house.journal.head())[0]


def test_people_pause_and_resume_and_metrics_say_so(site: Site) -> None:
    (said,) = site.ask(site.it.pause(Paused(Pause("", namespace="shop", reason="migration"), "alice")))
    (standing,) = as_told({"items": site.it.pauses()}, PausesStanding).items
    assert (standing.id, standing.by, standing.reason) == (said.id, "operator:alice", "migration")
    site.it.measure()
    assert metrics.REGISTRY.get_sample_value("remediator_pauses") == 1
    assert metrics.REGISTRY.get_sample_value("remediator_journal_writable") == 1
    assert site.ask(site.it.pause(Paused(Pause("", lifted=True), "alice"))) == (), "nobody lifts what another meant"
    (lifted,) = site.ask(site.it.pause(Paused(Pause("", namespace="shop", lifted=True), "bob")))
    assert (lifted.id, site.it.pauses()) == (said.id, ())


@pytest.mark.parametrize("site", [Mode.APPROVE], indirect=True)
def test_of_two_people_one_counts_and_the_other_is_told_why(site: Site) -> None:
    site.alert()
    site.house.wait(5)
    (waiting,) = site.ask(site.it.incidents("", 10)).items
    assert site.ask(site.it.answer(Answered(waiting.id, "other", True, "eve"))) == (
        f"not counted: plan {waiting.plan} waits for this incident, other was answered"
    )
    assert site.ask(site.it.answer(Answered(waiting.id, waiting.plan, True, "alice"))) == ""
    late = site.ask(site.it.answer(Answered(waiting.id, waiting.plan, False, "bob")))
    assert late.startswith("not counted: no plan waits for this incident")
    assert site.ask(site.it.answer(Answered("nobody", "p", True, "bob"))) == "there is no open incident of this id"
    assert [each.answer for each in site.house.all("approval")] == ["refused", "approve", "refused"]


def view(number: int, minute: int) -> IncidentView:
    at = START + timedelta(minutes=minute)
    return IncidentView(f"i{number:03}", "r", "Deployment", "shop", "web", "held", at, 1, "restart", "")


def shown(incidents: dict[int, IncidentView], after: str, limit: int) -> tuple[list[IncidentView], str]:
    """One page as `Installation.incidents` makes it."""
    found = sorted(incidents.values(), key=lambda each: (each.opened_at, each.id), reverse=True)
    rest = list(after_mark(found, after)) if after else found
    page = rest[:limit]
    return page, mark_of(page[-1]) if len(rest) > limit else ""


@given(
    st.dictionaries(st.integers(0, 40), st.integers(0, 5), max_size=30),
    st.lists(st.tuples(st.sets(st.integers(0, 40)), st.integers(0, 3)), max_size=20),
    st.integers(1, 4),
)
def test_pages_show_once_what_is_there_all_the_time_whatever_comes_and_goes(first, meanwhile, limit: int) -> None:
    incidents = {number: view(number, minute) for number, minute in first.items()}
    stayed, seen, after, newest = set(incidents), [], "", 100
    changes = iter(meanwhile)
    while True:
        page, after = shown(incidents, after, limit)
        seen += [each.id for each in page]
        if not after:
            break
        gone, more = next(changes, (set(), 0))
        stayed -= gone
        incidents = {number: each for number, each in incidents.items() if number not in gone}
        for _ in range(more):
            newest += 1
            incidents[newest] = view(newest, newest)
    assert len(seen) == len(set(seen))
    assert {f"i{number:03}" for number in stayed} <= set(seen)


@pytest.mark.parametrize("mark", ["x", "_", "2026-01-01_i1", "2026-01-01T00:00:00_i1"])
def test_what_is_no_mark_is_told(mark: str) -> None:
    with pytest.raises(ValueError):
        after_mark([], mark)
