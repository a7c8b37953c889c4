"""Two replicas over one journal, each with a way of its own to it: who is in charge, and when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from remediator.config import Settings
from remediator.config.settings import LeaderElection
from remediator.controller import Controller, Habits, Ports
from remediator.core.rules import ObjectSpec, Rule, Step, TargetSpec, When
from remediator.elector import Elector, Terms
from remediator.installation import Installation, World
from remediator.journal.memory import MemoryJournal
from remediator.office import Office
from remediator.ports import JournalError
from remediator.simulation.loop import Group
from tests.unit.builders import ESCALATE, policy, rule
from tests.unit.controller.house import Cluster, House
from tests.unit.playing import ACCOUNT, BROKEN, effects, roll_out, shop

TERMS = Terms("kube-system")
FINE, REFUSED, SILENT = "fine", "refused", "silent"


class Way:
    """What lies between one replica and the journal: `fine`, or each question is `refused`, or meets with silence until
    that ends and the connection breaks.
    """

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal, self.state = journal, FINE

    def __getattr__(self, name: str) -> Callable:
        async def ask(*args: object, **named: object) -> object:
            was = self.state
            while self.state == SILENT:  # noqa: ASYNC110  nobody tells who waits
                await asyncio.sleep(1)
            if was != FINE:
                raise JournalError("simulated: no route to host")
            return await getattr(self._journal, name)(*args, **named)

        return ask


class Replica:
    """An office with its elector, its way to the journal and its account of the cluster."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.name, self.way = house, name, Way(house.journal)
        world = house.world
        self.elector = Elector(Cluster(world, ACCOUNT), world.clock, TERMS, name, house.loop.time)
        self.office = Office(self._make, world.clock, self.elector)
        self.task = house.loop.start(self.office.run(lambda: house.rules, lambda: None), Group(name))

    def _make(self) -> Controller:
        world = self.house.world
        cluster = Cluster(world, ACCOUNT)
        ports = Ports(self.way, cluster, self.house.receiver, world.clock)
        return Controller(ports, Habits(self.name), elector=self.elector)

    @property
    def leads(self) -> bool:
        return self.elector.holds()


@pytest.fixture
def house() -> Iterator[House]:
    world = shop()
    roll_out(world, BROKEN)
    world.advance(120)
    built = House(world, policy(), rule("undo-bad-rollout", "rollback", ESCALATE))
    yield built
    built.close()


@pytest.fixture
def pair(house: House) -> tuple[Replica, Replica]:
    """One is in charge, the other stands by."""
    one = Replica(house, "one")
    house.wait(5)
    two = Replica(house, "two")
    house.wait(5)
    assert (one.leads, two.leads) == (True, False)
    return one, two


def templates(house: House) -> int:
    """How often the workload's template was changed."""
    return sum(entry.request.kind == "Deployment" for entry in effects(house.world))


def terms(house: House) -> list[str]:
    """Who took office, in order."""
    return [each.identity for each in house.all("leader")]


def test_the_first_takes_office_as_soon_as_the_journal_has_answered(house: House) -> None:
    one = Replica(house, "one")
    house.wait(TERMS.retry / 10)
    assert one.leads


@pytest.mark.parametrize("trouble", [REFUSED, SILENT])
def test_who_does_not_get_through_to_the_journal_gives_up_office_and_the_other_goes_on(
    house: House, pair: tuple[Replica, Replica], trouble: str
) -> None:
    one, two = pair
    one.way.state = trouble
    house.alert()
    house.wait(TERMS.duration + 2 * TERMS.retry)
    assert (one.leads, two.leads) == (False, True)
    assert one.office.standing_by.startswith("standing by: two is in charge")
    house.wait(60)
    assert templates(house) == 1
    assert terms(house) == ["one", "two"]


@pytest.mark.parametrize("trouble", [REFUSED, SILENT])
def test_it_does_not_stand_for_office_again_before_the_journal_answers(
    house: House, pair: tuple[Replica, Replica], trouble: str
) -> None:
    one, two = pair
    one.way.state = trouble
    house.wait(60)
    assert "has not answered for 15 s" in one.office.out_of_reach
    two.way.state = trouble
    house.wait(120)
    assert (one.leads, two.leads) == (False, False)
    assert terms(house) == ["one", "two"], "nobody takes office without the journal"
    one.way.state = FINE
    house.wait(60)
    assert (one.leads, one.office.out_of_reach) == (True, "")


@pytest.mark.parametrize("trouble", [REFUSED, SILENT])
def test_a_short_outage_of_the_journal_changes_nothing(
    house: House, pair: tuple[Replica, Replica], trouble: str
) -> None:
    one, two = pair
    one.way.state = two.way.state = trouble
    house.wait(TERMS.duration - 2 * TERMS.retry)
    one.way.state = two.way.state = FINE
    house.wait(60)
    assert (one.leads, two.leads) == (True, False)
    assert terms(house) == ["one"]


def test_who_is_cut_off_is_not_ready_and_takes_no_payloads(house: House) -> None:
    settings = Settings(leader_election=LeaderElection(enabled=True, namespace=TERMS.namespace))
    world = house.world
    ports = World(Way(house.journal), Cluster(world, ACCOUNT), house.receiver, world.clock)
    site = Installation(settings, (), ports)
    site._opened()
    assert site.refusing() == "the journal has not answered yet"
    checks = {check.name: (check.ok, check.detail) for check in house.run(site.checks())}
    assert checks["journal"] == (False, "the journal has not answered yet")


def test_an_append_that_meets_with_silence_is_not_waited_for_longer_than_the_lease_lasts(
    house: House, pair: tuple[Replica, Replica]
) -> None:
    one, two = pair
    house.alert()
    one.way.state = SILENT
    house.wait(TERMS.duration + 2 * TERMS.retry + 60)
    assert (one.leads, two.leads) == (False, True)
    assert templates(house) == 1


def test_a_replica_that_is_asked_to_end_while_the_journal_is_silent_ends(
    house: House, pair: tuple[Replica, Replica]
) -> None:
    one, two = pair
    one.way.state = SILENT
    house.loop.start(one.office.stop())
    house.wait(TERMS.duration + 2 * TERMS.retry)
    assert one.task.done()
    assert two.leads


def test_who_stands_by_is_warm_its_caches_are_synced_before_it_leads(
    house: House, pair: tuple[Replica, Replica]
) -> None:
    one, two = pair
    cordoned = ObjectSpec("Node", where="object.spec.unschedulable == true")
    target, do = TargetSpec("Node"), (Step("escalate", {"receiver": "oncall"}),)
    rules = (*house.rules.rules, Rule("cordoned", "g", When(object=cordoned), target, do=do))
    house.run(one.office.controller.tell(replace(house.rules, rules=rules)))
    house.wait(30)
    listed = [each.request.kind for each in house.world.audit.entries if each.request.verb == "list"].count("Node")
    assert (two.leads, two.office.controller.objects.unsynced(), listed) == (False, (), 2), "each of the two once"
    house.run(one.office.stop())
    house.wait(1)
    assert (two.leads, two.office.controller.objects.unsynced()) == (True, ())
    seen = [each.request.kind for each in house.world.audit.entries if each.request.verb == "list"].count("Node")
    assert seen == listed
