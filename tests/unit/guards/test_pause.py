"""Guard `pause`: the switch that a person throws, for everything or for one rule, namespace or target."""

from __future__ import annotations

import pytest

from remediator.core.events import Event, Pause
from remediator.core.fold import fold
from remediator.core.model import Target
from remediator.core.rules import Until
from remediator.core.state import State
from remediator.core.surroundings import Namespace, Surroundings
from remediator.guards.pause import GUARD
from tests.unit.builders import ESCALATE, WEB, Story, at, deployment, incident, request, rule, snapshot

NODE = Target("Node", "", "n1", "uid-n1")


def paused(*pauses: Pause, seconds: float = 0) -> State:
    return fold(Event(at(seconds), pause, actor="operator:alice") for pause in pauses)


def ask(journal: State, now: float = 10, target: Target = WEB, **facts):
    return GUARD.ask(request(incident(rule("r"), target)), journal, snapshot(**facts).facts, at(now))


@pytest.mark.parametrize(
    ("scope", "target", "verdict", "why"),
    [
        ({}, WEB, "hold", "the switch for everything"),
        ({"rule": "r"}, WEB, "hold", "this rule"),
        ({"rule": "other"}, WEB, "allow", "another rule"),
        ({"namespace": "shop"}, WEB, "hold", "this namespace"),
        ({"namespace": "sho"}, WEB, "allow", "a name that only begins alike"),
        ({"target": "Deployment/shop/web"}, WEB, "hold", "this very target"),
        ({"target": "Deployment/shop/other"}, WEB, "allow", "another target"),
        ({"target": "StatefulSet/shop/web"}, WEB, "allow", "another kind of the same name"),
        ({"rule": "r", "namespace": "shop"}, WEB, "hold", "both are so"),
        ({"rule": "r", "namespace": "cart"}, WEB, "allow", "only one of both is so"),
        ({"target": "Node/n1"}, NODE, "hold", "a node as people write it"),
        ({"target": "Node//n1"}, NODE, "hold", "a node by its key"),
        ({"namespace": "shop"}, NODE, "allow", "a node is in no namespace"),
        ({"namespace": "shop"}, Target("Namespace", "", "shop"), "hold", "the namespace itself"),
    ],
)
def test_what_a_pause_concerns(scope, target, verdict, why):
    assert ask(paused(Pause("p1", **scope)), target=target).verdict == verdict, why


@pytest.mark.parametrize(
    ("until", "now", "verdict", "retry_at"),
    [
        (None, 10, "hold", 70),
        (100, 10, "hold", 70),
        (100, 60, "hold", 100),
        (100, 99.999999, "hold", 100),
        (100, 100, "allow", None),
        (100, 101, "allow", None),
    ],
)
def test_it_ends_at_its_very_instant_and_is_asked_for_again_within_a_minute(until, now, verdict, retry_at):
    answer = ask(paused(Pause("p1", until=until and at(until))), now)
    assert (answer.verdict, answer.retry_at) == (verdict, retry_at and at(retry_at))


def test_lifting_one_pause_lifts_no_other():
    """A pause that lifted another's pause is how a cluster was touched in the middle of a migration."""
    both = (Pause("mine", reason="migration"), Pause("yours", reason="game day", namespace="shop"))
    left = paused(*both, Pause("yours", lifted=True))
    answer = ask(left)
    assert (answer.verdict, answer.inputs["pauses"]) == ("hold", ["mine"])
    assert ask(paused(*both, Pause("yours", lifted=True), Pause("mine", lifted=True))).verdict == "allow"


def test_several_at_once_hold_until_the_last_has_ended_and_all_are_told():
    both = (Pause("p1", reason="one", until=at(20)), Pause("p2", reason="two", until=at(40)))
    answer = ask(paused(*both))
    assert answer.retry_at == at(40)
    assert answer.reason == (
        "paused by operator:alice until 2026-01-01 12:00:20Z: one; "
        "paused by operator:alice until 2026-01-01 12:00:40Z: two"
    )


def test_a_watched_object_says_the_same():
    around = Surroundings(namespace=Namespace(), owners=(), halted="ConfigMap ops/remediator says halt")
    answer = ask(State(), around=around)
    assert (answer.verdict, answer.retry_at) == ("hold", at(70))
    assert answer.reason == "ConfigMap ops/remediator says halt"


def test_one_that_has_ended_is_forgotten_with_the_next_word():
    journal = fold(
        [Event(at(0), Pause("old", until=at(5))), Event(at(5), Pause("new", until=at(50)))],
    )
    assert list(journal.pauses) == ["new"]


def test_lifting_what_does_not_stand_changes_nothing():
    assert dict(paused(Pause("p1", lifted=True)).pauses) == {}


def test_undoing_goes_on_under_a_pause():
    """Pause blocks disruption, never undo."""
    story = Story(rule("undo-bad-rollout", "rollback", ESCALATE, until=Until(for_=1, within=10, on_failure="undo")))
    story.fires(0)
    story.looks(1)
    story.carries(seconds=2)
    story.see_event(Event(at(3), Pause("p1")))
    rolled_back = snapshot(deployment("app:2", ready=0))
    assert [event.kind for event in story.looks(20, rolled_back)] == ["verification", "undo"]


def test_a_step_waits_until_the_pause_is_lifted():
    story = Story()
    story.see_event(Event(story.now, Pause("p1")))
    story.fires(0)
    story.looks(1)
    assert story.incident.said.result == "hold"
    story.see_event(Event(at(2), Pause("p1", lifted=True)))
    story.looks(61)
    assert story.incident.said.result == "act"
