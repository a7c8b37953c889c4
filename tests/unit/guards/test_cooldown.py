"""Guard `cooldown`: rest for a target after an action's end, over all rules."""

from __future__ import annotations

import pytest

from remediator.core.model import Mode, Target
from remediator.core.rules import GuardSettings
from remediator.core.state import Ended
from remediator.guards.cooldown import GUARD
from remediator.guards.guard import limits_of
from tests.unit.builders import WEB, at, policy, request, rule, snapshot, state

SOMEBODY = "incident-0"
OURSELVES = "incident-1"
OTHER = Target("Deployment", "shop", "other")


@pytest.mark.parametrize(
    ("ended", "whose", "of", "now", "verdict", "why"),
    [
        (None, "", WEB, 0, "allow", "nothing was ever done"),
        (0, SOMEBODY, WEB, 0, "hold", "it ended just now"),
        (0, SOMEBODY, WEB, 299.999999, "hold", "one microsecond is left"),
        (0, SOMEBODY, WEB, 300, "allow", "the very instant at which it ends allows"),
        (0, SOMEBODY, WEB, 301, "allow", "it is over"),
        (0, OURSELVES, WEB, 0, "allow", "the rungs of one ladder do not wait for each other"),
        (0, SOMEBODY, OTHER, 0, "allow", "another target's rest is not ours"),
        (100, SOMEBODY, WEB, 0, "hold", "the clock was set back: the end lies ahead"),
    ],
)
def test_when_a_cooldown_of_five_minutes_allows(ended, whose, of, now, verdict, why):
    past = {} if ended is None else {of.key: Ended(at(ended), whose)}
    journal = state()
    journal = type(journal)(ended=journal.ended.update(past))
    assert GUARD.ask(request(cooldown=300.0), journal, snapshot().facts, at(now)).verdict == verdict, why


def test_a_hold_says_when_it_ends_and_what_it_saw():
    journal = state()
    journal = type(journal)(ended=journal.ended.set(WEB.key, Ended(at(0), SOMEBODY)))
    verdict = GUARD.ask(request(cooldown=300.0), journal, snapshot().facts, at(10))
    assert verdict.retry_at == at(300)
    assert verdict.reason == "last action ended at 2026-01-01 12:00:00Z"
    assert verdict.inputs == {"last_action_ended": "2026-01-01T12:00:00Z", "by_incident": SOMEBODY, "cooldown": 300.0}


@pytest.mark.parametrize(
    ("key", "mode", "verdict"),
    [
        (WEB.key, Mode.ENFORCE, "hold"),
        (WEB.key, Mode.OBSERVE, "allow"),
        (f"shadow:{WEB.key}", Mode.OBSERVE, "hold"),
        (f"shadow:{WEB.key}", Mode.ENFORCE, "allow"),
    ],
)
def test_observe_mode_rests_by_itself_and_never_holds_what_is_enforced(key, mode, verdict):
    journal = state()
    journal = type(journal)(ended=journal.ended.set(key, Ended(at(0), SOMEBODY)))
    assert GUARD.ask(request(mode=mode, cooldown=300.0), journal, snapshot().facts, at(1)).verdict == verdict


@pytest.mark.parametrize(
    ("settings", "own", "in_force"),
    [
        (None, None, 1800.0),
        (60.0, None, 60.0),
        (None, 60.0, 60.0),
        (60.0, 7200.0, 7200.0),
        (7200.0, 60.0, 7200.0),
        (None, 0.0, 0.0),
    ],
)
def test_the_longest_that_is_written_holds_and_half_an_hour_where_nothing_is(settings, own, in_force):
    written = rule(guards=GuardSettings(cooldown=own))
    assert limits_of(policy(guards=GuardSettings(cooldown=settings)), written).cooldown == in_force
