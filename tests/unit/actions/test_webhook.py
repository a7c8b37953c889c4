"""Action `webhook`: an outside system is asked until it says 2xx, each time with the same key and the same words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from remediator.actions.webhook import ACTION
from remediator.caller import Caller
from remediator.core.events import Intent, Pause
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, Mode, Precondition, Target, Verb
from remediator.core.observations import Paused, Reloaded
from remediator.core.rules import Reach, Rule, Step, TargetSpec, When
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.unit.builders import ESCALATE, START, WEB, matcher, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import ACCOUNT

RECEIVERS = {
    "fixer": Reach(("webhook-0", "slack-0")),
    "chat": Reach(("slack-0",)),
    "both": Reach(("webhook-0", "webhook-1")),
}


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"receiver": "fixer"}, ""),
        ({"receiver": "fixer", "timeout": "30s"}, ""),
        ({}, "receiver is missing"),
        ({"receiver": 3}, "receiver is missing"),
        ({"receiver": "fixer", "timeout": 30}, "timeout is 30: write a duration"),
        ({"receiver": "fixer", "url": "http://x"}, "unknown argument 'url'"),
    ],
)
def test_arguments(args, wrong):
    found = ACTION.check(args)
    assert (found == ()) is (wrong == "")
    assert not wrong or found[0].startswith(wrong)


@pytest.mark.parametrize(("kind", "disrupts"), [("Node", "node"), ("Deployment", "rolling"), ("Job", "rolling")])
def test_it_counts_as_the_worst_that_is_expected_of_it(kind, disrupts):
    facts = Facts(START, exists=True)
    assert ACTION.asked({"receiver": "fixer"}, Target(kind, "shop", "web"), facts).disrupts == disrupts


def asking(args: Json | None = None, *further: Step, **fields: object) -> Rule:
    given = {"when": When((matcher("alertname", "Stuck"),)), "target": TargetSpec("Deployment")}
    return rule("ask", Step("webhook", {"receiver": "fixer"} | (args or {})), *further, **(given | fields))


@pytest.fixture
def house() -> Iterator[House]:
    world = World(namespaces=("kube-system", "shop"))
    world.create(objects.deployment("web", "shop", replicas=2))
    world.advance(3600)
    built = House(world, policy(receivers=RECEIVERS), asking())
    yield built
    built.close()


def taken(house: House) -> list[tuple[str, str]]:
    """What was taken: where, and under which key."""
    return [(each.endpoint, each.key) for each in house.receiver.taken if each.message.occasion == "called"]


def test_it_is_asked_once_and_then_it_is_verified(house):
    house.start()
    house.alert()
    house.wait(120)
    (intent,) = house.all("intent")
    assert taken(house) == [("webhook-0", f"{intent.id}-webhook-0")]
    assert (intent.change.verb, intent.message.news) == ("call", "ask fixer to act on Deployment/shop/web")
    assert [each.status for each in house.all("outcome")] == ["applied"]
    assert [each.reason for each in house.all("incident_closed")] == ["recovered"]
    assert house.world.audit.writes(ACCOUNT) == []


def test_what_is_not_taken_is_tried_again_with_the_same_key(house):
    house.receiver.problem = "it answered 503"
    house.start()
    house.alert()
    house.wait(20)
    house.receiver.problem = ""
    house.wait(120)
    assert len(house.receiver.tried) > 2
    assert {each for each in house.receiver.tried if "webhook" in each} == {taken(house)[0][1]}
    assert len(taken(house)) == 1


def test_what_is_never_taken_fails_and_the_ladder_goes_on(house):
    house.rules = Reloaded(house.rules.policy, (asking({"timeout": "1m"}, ESCALATE),))
    house.receiver.problem = "it answered 503"
    house.start()
    house.alert()
    house.wait(120)
    (outcome,) = house.all("outcome")
    assert (outcome.status, outcome.detail) == ("failed", "not taken in 60 s: it answered 503")
    assert house.all("escalated")[0].status == "requested"


def test_every_webhook_of_the_receiver_must_take_it(house):
    house.rules = Reloaded(house.rules.policy, (asking({"receiver": "both"}),))
    house.start()
    house.alert()
    house.wait(120)
    assert [where for where, _ in taken(house)] == ["webhook-0", "webhook-1"]


def test_a_receiver_without_a_webhook_is_refused(house):
    house.rules = Reloaded(house.rules.policy, (asking({"receiver": "chat"}, ESCALATE),))
    house.start()
    house.alert()
    house.wait(60)
    assert [(each.status, each.detail) for each in house.all("outcome")] == [
        ("refused", "its receiver has no webhook_configs")
    ]


@pytest.mark.parametrize("gone", [False, True])
def test_a_crash_on_the_way_asks_once_more_with_the_same_key_and_the_same_words(house, gone):
    house.receiver.problem = "" if gone else "it hangs"
    process = house.start()
    deliver = house.receiver.deliver

    async def killed(delivery):
        answer = await deliver(delivery)
        process.kill()
        return answer

    house.receiver.deliver = killed
    house.alert()
    house.wait(20)
    house.receiver.deliver, house.receiver.problem = deliver, ""
    house.start()
    house.wait(120)
    said = [each for each in house.receiver.taken if each.message.occasion == "called"]
    assert len(said) == (2 if gone else 1)
    assert len({each.key for each in said}) == 1
    assert said[0].message == said[-1].message
    assert len(house.all("intent")) == 1
    assert [each.reason for each in house.all("incident_closed")] == ["recovered"]


def test_in_observe_mode_nobody_is_asked(house):
    house.rules = Reloaded(replace(house.rules.policy, mode=Mode.OBSERVE), house.rules.rules)
    house.start()
    house.alert()
    house.wait(60)
    assert (house.receiver.tried, [each.status for each in house.all("outcome")]) == ([], ["rehearsed"])


def test_a_pause_between_two_attempts_ends_it_and_says_what_is_not_known(house):
    house.receiver.problem = "it answered 503"
    process = house.start()
    house.alert()
    house.wait(5)
    house.loop.start(process.controller.tell(Paused(Pause("stop", reason="maintenance"), "alice")), process.group)
    house.wait(60)
    (outcome,) = house.all("outcome")
    assert outcome.status == "failed"
    assert "pause" in outcome.detail
    assert outcome.detail.endswith("whether an earlier attempt was taken is not known")
    assert taken(house) == []


@pytest.mark.parametrize(
    ("asked_before", "status", "said"),
    [
        (False, "never_done", "withdrawn before it was asked: the mode is observe by now"),
        (
            True,
            "failed",
            "withdrawn: the mode is observe by now; whether an earlier attempt was taken is not known",
        ),
    ],
)
async def test_what_is_withdrawn_says_whether_anybody_may_have_been_asked(house, asked_before, status, said):
    async def objection(incident, intent, waited):
        return "the mode is observe by now"

    change = Change(Verb.CALL, ref_of(WEB), {"receiver": "fixer", "timeout": "1m"}, Precondition("u", "1"))
    caller = Caller(house.receiver, house.world.clock, lambda: State(policy=policy(receivers=RECEIVERS)), objection)
    outcome = await caller.carry_out("i", Intent("i-1", "webhook", 0, 1, change), asked_before=asked_before)
    assert (outcome.status, outcome.detail, house.receiver.tried) == (status, said, [])
