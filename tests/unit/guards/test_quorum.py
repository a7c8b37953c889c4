"""Guard `quorum`: of the control plane and etcd one member at a time, and only while a majority stands without it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.model import Target
from remediator.core.rules import Itself
from remediator.core.state import State
from remediator.core.surroundings import DisruptionBudget, Members, Surroundings
from remediator.guards.quorum import GUARD, needs
from tests.unit.builders import START, at, incident, policy, request, snapshot, state

NODE = Target("Node", "", "cp1", "uid-cp1")
HERE = Itself("ops", "remediator-0", "w1")


def ask(members: Members | None, disrupts=Disruption.NODE, itself: Itself = HERE, hands=(), member=True, **around):
    action = Action("drain", (), no_arguments, disrupts=disrupts)
    asked = replace(request(incident(target=NODE)), action=action)
    seen = snapshot(control_plane=member, around=Surroundings(members=members, **around)).facts
    held = state().hands.update({f"Node//{name}": "somebody" for name in hands})
    return GUARD.ask(asked, State(policy=policy(itself=itself), hands=held), seen, START)


def of(total: int, healthy: int, *allowed: int, busy: tuple[str, ...] = ()) -> Members:
    """So many members, so many of the others healthy, budgets that let so many go."""
    budgets = tuple(DisruptionBudget(f"etcd-{n}", each) for n, each in enumerate(allowed))
    return Members(total, healthy, busy, budgets)


@pytest.mark.parametrize(
    ("members", "verdict", "why"),
    [
        (of(3, 2, 1), "allow", "two of three are a majority"),
        (of(3, 1, 1), "hold", "another one is not healthy: one at a time"),
        (of(5, 4, 1), "allow", "four of five are a majority"),
        (of(5, 3, 1), "hold", "a majority would stand, but it is one at a time"),
        (of(2, 1, 1), "deny", "one of two is no majority, ever"),
        (of(1, 0, 1), "deny", "the only one"),
        (of(3, 2, 0), "hold", "the budget lets none go now"),
        (of(3, 2, 1, 0), "hold", "every budget must let it go"),
        (of(3, 2), "deny", "no budget covers it: unknown"),
        (Members(3, 2), "deny", "no etcd member is found on it: unknown"),
        (None, "deny", "not read: unknown"),
    ],
)
def test_when_a_member_may_go(members, verdict, why):
    assert ask(members).verdict == verdict, why


def test_the_only_control_plane_node_is_never_disturbed():
    """kured 841: the only control-plane node was cordoned."""
    answer = ask(of(1, 0, 1))
    assert (answer.verdict, answer.reason) == ("deny", "of 1 members none can be missed")


def test_a_member_that_cannot_be_read_denies_with_the_reason():
    answer = ask(None, unread={"members": "nodes is forbidden"})
    assert answer.reason == "quorum is unknown: members cannot be read: nodes is forbidden"


@pytest.mark.parametrize(
    ("itself", "verdict"),
    [
        (Itself("ops", "remediator-0", "cp1"), "deny"),
        (Itself("ops", "remediator-0", ""), "deny"),
        (Itself(), "allow"),
        (HERE, "allow"),
    ],
)
def test_never_the_own_node_nor_one_that_might_be(itself, verdict):
    assert ask(of(3, 2, 1), itself=itself).verdict == verdict


@pytest.mark.parametrize(
    ("hands", "busy", "verdict", "why"),
    [
        (("cp2",), (), "hold", "taken in hand since the look"),
        (("cp2",), ("Node//cp2",), "allow", "the look had counted it"),
        (("cp1",), (), "allow", "in its own hand"),
    ],
)
def test_one_in_hand_at_a_time(hands, busy, verdict, why):
    assert ask(of(3, 2, 1, busy=busy), hands=hands).verdict == verdict, why


def test_what_disturbs_no_member_is_not_asked():
    assert ask(None, disrupts=Disruption.NONE).verdict == "allow"
    assert ask(None, member=False).verdict == "allow"


def test_members_are_read_for_members_alone():
    asked = replace(request(incident(target=NODE)), action=Action("drain", (), no_arguments))
    assert needs(asked, state(), snapshot(control_plane=True).facts, at(0)) == ("members",)
    assert needs(asked, state(), snapshot().facts, at(0)) == ()
