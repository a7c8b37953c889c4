"""Action `untaint`: our own taints go, anybody's only where the rule says so, and come back as whosever they were."""

from __future__ import annotations

import pytest

from remediator.actions.untaint import ACTION
from remediator.core.model import Change, Refusal
from remediator.core.tainting import TAINTED
from tests.unit.actions.nodes import node, order, snapshot, undo_order

ADDED = "2026-01-01T11:00:00Z"
KEY = "example.org/broken"
OURS = {"key": KEY, "value": "disk", "effect": "NoSchedule", "timeAdded": ADDED}
THEIRS = {"key": KEY, "value": "disk", "effect": "NoExecute"}
OTHER = {"key": "example.org/other", "effect": "NoSchedule"}
MARK = f"{KEY}=disk:NoSchedule@{ADDED}"


def with_taints(*taints):
    live = node(annotations={TAINTED: MARK})
    live["spec"]["taints"] = list(taints)
    return live


def plan(live, **args):
    return ACTION.plan(order(snapshot(live), **({"key": KEY} | args)))


@pytest.mark.parametrize(
    ("taints", "args", "left"),
    [
        ((OURS, OTHER), {}, [OTHER]),
        ((OURS,), {}, None),
        ((OURS, THEIRS), {"effect": "NoSchedule"}, [THEIRS]),
        ((OURS, THEIRS), {}, "the taint example.org/broken is somebody else's"),
        ((OURS, THEIRS), {"foreign": True}, None),
        ((OURS, THEIRS), {"foreign": True, "effect": "NoExecute"}, [OURS]),
        ((OURS,), {"value": "memory"}, "the node has no such taint example.org/broken"),
        ((OTHER,), {"foreign": True}, "the node has no such taint example.org/broken"),
    ],
)
def test_which_taints_go(taints, args, left):
    planned = plan(with_taints(*taints), **args)
    if isinstance(left, str):
        assert isinstance(planned, Refusal)
        assert planned.reason == left
    else:
        assert isinstance(planned, Change)
        assert planned.body["spec"] == {"taints": left}


def test_a_mark_goes_with_its_taint_and_stays_with_another():
    marks = [plan(with_taints(OURS, OTHER)), plan(with_taints(OURS, THEIRS), foreign=True, effect="NoExecute")]
    assert [change.body["metadata"]["annotations"][TAINTED] for change in marks] == [None, MARK]


def test_the_undo_puts_them_back_as_whosever_they_were():
    change = plan(with_taints(OURS, THEIRS, OTHER), foreign=True)
    live = node()
    live["spec"]["taints"] = [OTHER]
    undone = ACTION.undo(undo_order(live, change, "untaint"))
    assert undone.body["spec"] == {"taints": [OTHER, OURS, THEIRS]}
    assert undone.body["metadata"]["annotations"][TAINTED] == MARK


def test_the_undo_leaves_a_taint_that_somebody_has_set_since():
    change = plan(with_taints(OURS))
    assert isinstance(ACTION.undo(undo_order(with_taints({**OURS, "value": "new"}), change, "untaint")), Refusal)


def test_a_taint_put_back_by_hand_is_a_persons_word():
    intent = undo_order(node(), plan(with_taints(OURS)), "untaint").intent
    assert ACTION.kept is not None
    assert ACTION.yields
    assert (ACTION.kept(intent, with_taints(OTHER)), ACTION.kept(intent, with_taints(OURS))) == (True, False)


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"key": KEY}, ()),
        ({"key": KEY, "value": "disk", "effect": "NoSchedule", "foreign": True}, ()),
        ({}, ("key is None: name a taint, as in example.org/broken",)),
        ({"key": KEY, "foreign": 1}, ("foreign is 1: it is true or false",)),
    ],
)
def test_arguments(args, wrong):
    assert ACTION.check(args) == wrong
