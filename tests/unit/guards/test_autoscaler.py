"""Guard `autoscaler`: two hands must not set the replicas of one target."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.surroundings import Surroundings
from remediator.guards.autoscaler import GUARD, needs
from tests.unit.builders import START, at, request, snapshot, state

SCALE = Action("scale", ("Deployment",), no_arguments, disrupts=Disruption.NONE, sets=frozenset({"replicas"}))
RESTART = request().action


def ask(action: Action, **around):
    asked = replace(request(), action=action)
    return GUARD.ask(asked, state(), snapshot(around=Surroundings(**around)).facts, START)


@pytest.mark.parametrize(
    ("action", "around", "verdict", "why"),
    [
        (SCALE, {"autoscalers": ()}, "allow", "nothing else scales it"),
        (SCALE, {"autoscalers": ("HorizontalPodAutoscaler web",)}, "deny", "the HPA would set it back in 15 s"),
        (SCALE, {"autoscalers": ("ScaledObject web",)}, "deny", "KEDA would"),
        (SCALE, {}, "hold", "not read yet"),
        (SCALE, {"unread": {"autoscalers": "forbidden"}}, "hold", "who may not look does not know"),
        (RESTART, {"autoscalers": ("HorizontalPodAutoscaler web",)}, "allow", "a restart leaves the replicas alone"),
        (RESTART, {}, "allow", "and needs not be read for"),
    ],
)
def test_who_sets_the_replicas(action, around, verdict, why):
    assert ask(action, **around).verdict == verdict, why


def test_the_alternative_is_named():
    """Two controllers that write replicas every 15 s would be the other one."""
    answer = ask(SCALE, autoscalers=("HorizontalPodAutoscaler web",))
    assert answer.reason == ("HorizontalPodAutoscaler web sets the replicas: change its bounds instead, with scale_hpa")


def test_autoscalers_are_read_for_actions_that_set_replicas_alone():
    assert needs(replace(request(), action=SCALE), state(), snapshot().facts, at(0)) == ("autoscalers",)
    assert needs(request(), state(), snapshot().facts, at(0)) == ()
