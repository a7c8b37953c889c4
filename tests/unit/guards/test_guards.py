"""What holds of every guard: it is asked whatever the others say, it is pure, and where it breaks it denies."""

from __future__ import annotations

import msgspec
import pytest

from remediator.core.model import Mode, Verdict
from remediator.core.rules import Protected
from remediator.core.state import State
from remediator.guards import GUARDS, Guard
from remediator.propose import answer_of, propose
from tests.unit.builders import START, incident, policy, request, rule, snapshot, unknown


def broken(*_: object) -> Verdict:
    raise KeyError("labels")


def test_a_guard_that_raises_denies_and_says_what_it_met():
    verdict = answer_of(Guard("broken", broken), request(), State(), snapshot().facts, START)
    assert (verdict.guard, verdict.verdict) == ("broken", "deny")
    assert verdict.reason == "the guard itself failed: KeyError: 'labels'"


@pytest.mark.parametrize("seen", [snapshot(), unknown(), snapshot(paused=True)])
@pytest.mark.parametrize("mode", list(Mode))
def test_all_are_asked_in_their_order_whatever_the_first_one_says(seen, mode):
    state = State(policy=policy(mode=mode, protected=Protected(namespaces=("shop",))))
    asked = [each.guard for each in propose(state, incident(), seen, START).verdicts]
    assert asked[: len(GUARDS)] == [guard.name for guard in GUARDS]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
@pytest.mark.parametrize("seen", [snapshot(), unknown()])
def test_every_answer_is_one_of_three_has_its_guards_name_and_can_be_journalled(guard, seen):
    about = request(incident(rule("r", "rollback")))
    answer = guard.ask(about, State(policy=policy()), seen.facts, START)
    assert (answer.guard, answer.verdict in ("allow", "hold", "deny")) == (guard.name, True)
    assert (answer.retry_at is not None) is (answer.verdict == "hold")
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Verdict) == answer
    assert answer == guard.ask(about, State(policy=policy()), seen.facts, START)


def test_an_unknown_target_is_never_allowed():
    proposal = propose(State(policy=policy()), incident(), unknown(), START)
    assert not proposal.allowed
    assert proposal.change is None


def test_names_are_told_apart():
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
