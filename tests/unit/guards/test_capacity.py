"""Guard `capacity`: what a step takes away must be able to come back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.state import State
from remediator.core.surroundings import Capacity, Need, Surroundings
from remediator.guards.capacity import GUARD, needs
from remediator.guards.guard import LOOK_AGAIN
from tests.unit.builders import START, request, snapshot


def asked(disrupts=Disruption.PODS, *, replaces=True, capacity: Capacity | None = None, unread=None, **facts):
    action = Action("any", (), no_arguments, disrupts=disrupts, replaces=replaces)
    about = replace(request(), action=action)
    around = Surroundings(capacity=capacity, unread=unread or {})
    return about, State(), snapshot(**({"ready": 3} | facts), around=around).facts, START


@pytest.mark.parametrize(
    ("capacity", "verdict", "why"),
    [
        (Capacity(), "allow", "it can come up anew"),
        (Capacity(beyond=("volumes",)), "allow", "it can come up anew; not considered: volumes"),
        (Capacity(refused=("shop/web: over quota",)), "deny", "it could not be created anew: shop/web: over quota"),
        (Capacity(unplaced=("shop/a", "shop/b")), "deny", "no other node has room for 2 pods: shop/a, shop/b"),
        (Capacity(unknown=("shop/web: timed out",)), "hold", "whether it could be created anew is unknown: shop/web"),
        (Capacity(refused=("no",), unknown=("perhaps",)), "deny", "it could not be created anew: no"),
        (Capacity(unplaced=("shop/a",), unknown=("perhaps",)), "deny", "no other node has room"),
        (None, "hold", "capacity not read yet"),
    ],
)  # fmt: skip
def test_no_is_a_denial_and_unknown_a_hold(capacity, verdict, why):
    answer = GUARD.ask(*asked(capacity=capacity))
    assert (answer.verdict, answer.reason.startswith(why)) == (verdict, True), answer.reason
    assert (answer.retry_at == START + LOOK_AGAIN) is (verdict == "hold")


def test_what_cannot_be_read_holds_with_the_reason():
    answer = GUARD.ask(*asked(unread={"capacity": "list nodes: forbidden"}))
    assert (answer.verdict, answer.reason) == ("hold", "capacity cannot be read: list nodes: forbidden")


@pytest.mark.parametrize(
    ("disrupts", "facts", "needed"),
    [
        (Disruption.NONE, {}, False),
        (Disruption.ROLLING, {"takes_away": 0}, False),
        (Disruption.ROLLING, {"takes_away": 1}, True),
        (Disruption.PODS, {"ready": 0}, False),
        (Disruption.PODS, {"ready": 1}, True),
        (Disruption.NODE, {}, True),
        (Disruption.NODE, {"replaces": False}, False),
    ],
)
def test_it_is_asked_where_ready_pods_go_before_their_successors_are_there(disrupts, facts, needed):
    assert needs(*asked(disrupts, **facts)) == ((Need.CAPACITY,) if needed else ())
    if not needed:
        assert GUARD.ask(*asked(disrupts, **facts)).verdict == "allow"


def test_what_is_not_ready_need_not_be_made_up_for_before_it_goes():
    about, journal, facts, now = asked()
    sparing = replace(about, action=replace(about.action, spares_ready=True))
    assert needs(sparing, journal, facts, now) == ()


def test_it_answers_for_a_whole_step_of_several_writes():
    assert GUARD.once
