"""Guard `attempts`: what comes back again and again after success is not cured by it."""

from __future__ import annotations

import pytest
from immutables import Map

from remediator.core.guarding import AttemptsSettings
from remediator.core.model import CloseReason, Phase
from remediator.core.rules import GuardSettings
from remediator.core.state import open_key
from remediator.guards.attempts import GUARD
from remediator.guards.guard import Attempts
from tests.unit.builders import ESCALATE, WEB, Story, at, healthy, incident, request, rule, snapshot, state

KEY = open_key("undo-bad-rollout", WEB)


@pytest.mark.parametrize(
    ("recoveries", "now", "verdict"),
    [
        ((), 0, "allow"),
        ((0, 100), 200, "allow"),
        ((0, 100, 200), 300, "deny"),
        ((0, 100, 200), 3599.9, "deny"),
        ((0, 100, 200), 3600, "allow"),  # one that is exactly `within` old no longer counts
    ],
)
def test_three_recoveries_within_the_window_are_enough(recoveries, now, verdict):
    before = state(cured=Map({KEY: tuple(at(each) for each in recoveries)}))
    asked = request(incident(), attempts=Attempts(3, 3600.0))
    assert GUARD.ask(asked, before, snapshot().facts, at(now)).verdict == verdict


def test_an_endless_restart_loop_ends_at_a_person_and_is_called_ineffective():
    settings = GuardSettings(attempts=AttemptsSettings(max=2))
    story = Story(rule("undo-bad-rollout", "rollback", "restart", ESCALATE, guards=settings))
    for begin in (0, 1000):
        story.fires(begin, starts_at=at(begin))
        story.looks(begin + 1)
        story.carries(seconds=begin + 2)
        story.looks(begin + 3, healthy())
        story.looks(begin + 90, healthy())
    assert story.closed == ["recovered", "recovered"]
    story.fires(2000, starts_at=at(2000))
    story.looks(2001)
    assert (story.incident.step, story.incident.cause) == (2, CloseReason.INEFFECTIVE), "past the rung that writes"
    story.looks(2002)
    story.tells(seconds=2003)
    assert story.incident.phase is Phase.RESTING
    assert len(story.all("intent")) == 2
