"""Guard `flapping`: evidence that comes and goes is no reason to act."""

from __future__ import annotations

import pytest
from immutables import Map

from remediator.core.guarding import FlappingSettings
from remediator.core.rules import GuardSettings, When
from remediator.core.state import open_key
from remediator.guards.flapping import GUARD
from remediator.guards.guard import Flapping
from tests.unit.builders import WEB, Story, at, incident, matcher, request, rule, snapshot, state

KEY = open_key("undo-bad-rollout", WEB)


@pytest.mark.parametrize(
    ("turns", "now", "verdict", "until"),
    [
        ((), 0, "allow", None),
        ((0, 10, 20), 30, "allow", None),
        ((0, 10, 20, 30), 40, "hold", 600),
        ((0, 10, 20, 30), 599.9, "hold", 600),
        ((0, 10, 20, 30), 600, "allow", None),
        ((0, 10, 20, 30, 40), 50, "hold", 610),
    ],
)
def test_it_holds_until_enough_changes_are_old(turns, now, verdict, until):
    before = state(turns=Map({KEY: tuple(at(each) for each in turns)}))
    said = GUARD.ask(request(incident(), flapping=Flapping(4, 600.0)), before, snapshot().facts, at(now))
    assert (said.verdict, said.retry_at) == (verdict, None if until is None else at(until))


def test_an_alert_that_comes_and_goes_is_held_and_says_so():
    when = When((matcher("alertname", "Stuck"),), keep_firing_for=60.0)
    settings = GuardSettings(flapping=FlappingSettings(transitions=4, within=600.0))
    story = Story(rule("undo-bad-rollout", "restart", when=when, guards=settings))
    for begin in (0, 20, 40):
        story.fires(begin, starts_at=at(begin))
        story.resolves(begin + 10)
    story.fires(60, starts_at=at(60))
    story.looks(61)
    (decision,) = story.all("decision")
    assert decision.result == "hold"
    assert [each.guard for each in decision.verdicts if not each.allows] == ["flapping"]
    assert story.all("intent") == []
