"""Action `taint`: one taint more, never in the place of another, and taken away again only while it is ours."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION
from remediator.actions.taint import ACTION
from remediator.core.model import Change, Refusal
from remediator.core.tainting import TAINTED
from tests.unit.actions.nodes import ID, node, order, snapshot, undo_order

ARGS = {"key": "example.org/broken", "value": "disk", "effect": "NoSchedule"}
ADDED = "2026-01-01T12:00:00Z"
OURS = {**ARGS, "timeAdded": ADDED}
MARK = f"example.org/broken=disk:NoSchedule@{ADDED}"
OTHER = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


def with_taints(*taints, mark=""):
    live = node(annotations={TAINTED: mark} if mark else {})
    live["spec"]["taints"] = list(taints)
    return live


def plan(live=None, **args):
    return ACTION.plan(order(snapshot(live or node()), **(ARGS | args)))


def test_it_adds_one_taint_to_those_that_are_there_and_marks_it_as_ours():
    change = plan(with_taints(OTHER))
    assert change.body["spec"] == {"taints": [OTHER, OURS]}
    assert change.body["metadata"]["annotations"] == {TAINTED: MARK, REMEDIATION: ID}
    assert change.prior == {"taint": OURS}


def test_a_taint_without_a_value_has_none():
    assert plan(value="").body["spec"] == {"taints": [{"key": ARGS["key"], "effect": "NoSchedule", "timeAdded": ADDED}]}


@pytest.mark.parametrize(
    ("there", "mark", "refused"),
    [
        ({**OURS, "timeAdded": "2025-12-31T00:00:00Z"}, "", "already, somebody else's"),
        (OURS, MARK, "already, an earlier remediation's"),
        ({**OURS, "value": "another"}, MARK, "already, somebody else's"),
        ({**OURS, "effect": "NoExecute"}, "", ""),
        ({**OURS, "key": "example.org/other"}, "", ""),
    ],
)
def test_what_stands_there_is_never_replaced(there, mark, refused):
    planned = plan(with_taints(there, mark=mark))
    assert isinstance(planned, Refusal if refused else Change)
    if refused:
        assert refused in planned.reason


@pytest.mark.parametrize(
    ("live", "taken"),
    [
        (with_taints(OTHER, OURS, mark=MARK), True),
        (with_taints(OTHER, {**OURS, "timeAdded": "2026-01-01T13:00:00Z"}, mark=MARK), False),
        (with_taints(OTHER, OURS), False),
        (with_taints(OTHER, mark=MARK), False),
    ],
    ids=["ours", "put back by hand", "without our mark", "taken away"],
)
def test_the_undo_takes_away_what_is_ours_and_nothing_else(live, taken):
    planned = ACTION.undo(undo_order(live, plan(), "taint"))
    assert isinstance(planned, Change) is taken
    if taken:
        assert planned.body["spec"] == {"taints": [OTHER]}
        assert planned.body["metadata"]["annotations"][TAINTED] is None


def test_whoever_takes_it_away_by_hand_is_given_way():
    intent = undo_order(node(), plan(), "taint").intent
    assert ACTION.kept is not None
    assert ACTION.yields
    assert (ACTION.kept(intent, with_taints(OURS)), ACTION.kept(intent, with_taints(OTHER))) == (True, False)


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        (ARGS, ()),
        ({"key": "a", "effect": "NoExecute"}, ()),
        ({"key": "a"}, ("effect is missing: name one of NoSchedule, PreferNoSchedule, NoExecute",)),
        (ARGS | {"effect": "Evict"}, ("effect is 'Evict': it is one of NoSchedule, PreferNoSchedule, NoExecute",)),
        (ARGS | {"key": "a b"}, ("key is 'a b': name a taint, as in example.org/broken",)),
        (
            ARGS | {"key": "node.kubernetes.io/not-ready"},
            ("key is 'node.kubernetes.io/not-ready': taints of node.kubernetes.io/ are the node controller's own",),
        ),
        (
            ARGS | {"value": "a b"},
            ("value is 'a b': it has at most 63 letters, digits, dots, dashes and underscores",),
        ),
        (ARGS | {"force": True}, ("unknown argument 'force': taint takes key, value, effect",)),
    ],
)
def test_arguments(args, wrong):
    assert ACTION.check(args) == wrong
