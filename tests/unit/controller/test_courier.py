"""The courier in virtual time: in order, each endpoint by itself, again and again, over a crash, under the same key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest

from remediator.core.observations import Reloaded
from remediator.core.rules import Notices, Policy, Reach, Rule, Until
from remediator.ports import Delivered, Delivery
from tests.unit.builders import ESCALATE, policy, rule
from tests.unit.controller.house import House, Receiver
from tests.unit.playing import BROKEN, effects, roll_out, shop

NAME = "undo-bad-rollout"
UNTIL = Until(for_=2.0, within=30.0)
DOWN = Delivered("127.0.0.1 answered 503: down")


class Endpoints(Receiver):
    """Each endpoint answers what the test says, and by default takes everything. `log` has every attempt."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house, self.says = house, dict[str, Delivered]()
        self.log: list[tuple[datetime, Delivery]] = []

    async def deliver(self, delivery: Delivery) -> Delivered:
        self.log.append((self.house.world.clock.now(), delivery))
        return self.says.get(delivery.endpoint, Delivered(thread=f"thread at {delivery.endpoint}"))

    def keys(self, endpoint: str) -> list[str]:
        return [each.key for _, each in self.log if each.endpoint == endpoint]

    def waits(self, endpoint: str) -> list[float]:
        """Seconds between the attempts."""
        times = [at for at, each in self.log if each.endpoint == endpoint]
        return [round((after - before).total_seconds()) for before, after in pairwise(times)]


def told_by(rule: Rule, **fields: object) -> Reloaded:
    reach = {"oncall": Reach(("slack-0", "webhook-0"), 7200.0)}
    return Reloaded(policy(receivers=reach, **fields), (rule,))


@pytest.fixture
def house() -> Iterator[House]:
    """`shop/web` has been given a broken image; its rule tells a person at once."""
    world = shop()
    roll_out(world, BROKEN)
    world.advance(120)
    built = House(world, Policy())
    built.rules = told_by(rule(NAME, ESCALATE))
    built.receiver = Endpoints(built)
    yield built
    built.close()


def endpoints(house: House) -> Endpoints:
    assert isinstance(house.receiver, Endpoints)
    return house.receiver


def end_alert(house: House) -> None:
    house.alert(status="resolved")
    house.wait(1)


def test_every_endpoint_gets_every_message_once_in_order_and_in_its_thread(house):
    house.start()
    house.alert()
    house.wait(5)
    end_alert(house)
    house.wait(60)
    for endpoint in ("slack-0", "webhook-0"):
        said = [each for _, each in endpoints(house).log if each.endpoint == endpoint]
        assert [each.message.occasion for each in said] == ["escalated", "closed"]
        assert [each.thread for each in said] == ["", f"thread at {endpoint}"]
        assert said[0].key.endswith(f"-escalated-1-{endpoint}")
    assert len(set(endpoints(house).keys("slack-0") + endpoints(house).keys("webhook-0"))) == 4
    assert not house.processes[0].controller.state.post, "nothing is left of what was told to its end"


def test_an_endpoint_that_is_down_is_tried_ever_more_seldom_and_holds_up_nobody_else(house):
    endpoints(house).says["slack-0"] = DOWN
    house.start()
    house.alert()
    house.wait(3000)
    assert endpoints(house).waits("slack-0")[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert len(set(endpoints(house).keys("slack-0"))) == 1
    assert len(endpoints(house).keys("webhook-0")) == 1
    told = [(each.endpoint, each.status) for each in house.all("notice") if each.endpoint]
    assert sorted(told) == [("slack-0", "undelivered"), ("webhook-0", "delivered")]


def test_it_waits_as_long_as_it_is_asked_to(house):
    endpoints(house).says["slack-0"] = Delivered("429", retry_after=90.0)
    house.start()
    house.alert()
    house.wait(400)
    assert endpoints(house).waits("slack-0")[:3] == [90, 90, 90]


def test_nobody_makes_it_wait_for_a_day(house):
    endpoints(house).says["slack-0"] = Delivered("429", retry_after=1e9)
    house.start()
    house.alert()
    house.wait(4000)
    assert endpoints(house).waits("slack-0") == [3600]


def test_a_message_that_nobody_takes_is_given_up_and_the_next_one_is_tried(house):
    endpoints(house).says |= {"slack-0": DOWN, "webhook-0": DOWN}
    house.start()
    house.alert()
    house.wait(7200 + 400)
    assert [each.status for each in house.all("escalated")] == ["requested", "undelivered", "abandoned"]
    assert {each.endpoint for each in house.all("notice") if each.status == "abandoned"} == {"slack-0", "webhook-0"}
    endpoints(house).says.clear()
    end_alert(house)
    house.wait(400)
    last = endpoints(house).log[-1][1]
    assert last.message.occasion == "closed"


def test_killed_while_a_message_is_on_its_way_it_goes_out_again_under_the_same_key(house):
    endpoints(house).says |= {"slack-0": DOWN, "webhook-0": DOWN}
    house.start()
    house.alert()
    house.wait(20)
    house.processes[0].kill()
    tried = len(endpoints(house).log)
    endpoints(house).says.clear()
    house.start()
    house.wait(20)
    assert len(endpoints(house).log) == tried + 2
    assert len(set(endpoints(house).keys("slack-0"))) == 1
    delivered = [each.endpoint for each in house.all("notice") if each.status == "delivered"]
    assert sorted(delivered) == ["slack-0", "webhook-0"]


def test_a_receiver_that_is_down_stops_no_decision(house):
    """The plan was asked for and nobody heard: a later alert about it is acted on all the same."""
    endpoints(house).says |= {"slack-0": DOWN, "webhook-0": DOWN}
    house.rules = told_by(rule(NAME, "rollback", ESCALATE, until=UNTIL), notices=Notices("oncall", ("opened",)))
    house.start()
    house.alert()
    house.wait(60)
    assert len(effects(house.world)) == 1
    assert [each.reason for each in house.all("incident_closed")] == ["recovered"]
    ((_, held),) = house.processes[0].controller.state.post.items()
    waiting = [[letter.message.occasion for letter in each.waiting] for each in held.threads]
    assert waiting == [["opened", "acted", "closed"]] * 2


def test_a_fault_in_a_receiver_is_a_failed_attempt(house):
    house.receiver = Receiver()
    house.receiver.breaks = True
    house.start()
    house.alert()
    house.wait(10)
    assert "RuntimeError" in house.all("notice")[1].problem
    house.receiver.breaks = False
    house.wait(60)
    assert [each.status for each in house.all("escalated")][-1] == "delivered"
