"""Action `uncordon`: our own cordon is lifted, anybody's only where the rule says so."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION
from remediator.actions.uncordon import ACTION
from remediator.core.cordoning import CORDONED
from remediator.core.model import Change, Refusal
from tests.unit.actions.nodes import ID, node, order, set_by, snapshot, undo_order

OURS = {"annotations": {CORDONED: "incident-0-1"}, "managedFields": set_by("remediator")}


def plan(live, **args):
    return ACTION.plan(order(snapshot(live), **args))


@pytest.mark.parametrize(
    ("live", "foreign", "refused"),
    [
        (node(unschedulable=True, **OURS), False, ""),
        (node(unschedulable=True), False, "the cordon is somebody else's"),
        (node(unschedulable=True), True, ""),
        (node(**OURS), False, "the node is not cordoned"),
        (node(), True, "the node is not cordoned"),
    ],
    ids=["ours", "a stranger's", "a stranger's that may be lifted", "lifted since", "open"],
)
def test_whose_cordon_is_lifted(live, foreign, refused):
    planned = plan(live, foreign=foreign)
    assert isinstance(planned, Refusal if refused else Change)
    if refused:
        assert planned.reason == refused


def test_it_takes_the_field_and_the_mark_away():
    change = plan(node(unschedulable=True, **OURS))
    assert change.body == {
        "metadata": {"annotations": {CORDONED: None, REMEDIATION: ID}},
        "spec": {"unschedulable": None},
    }


@pytest.mark.parametrize(
    ("before", "mark"), [(node(unschedulable=True, **OURS), "incident-0-1"), (node(unschedulable=True), None)]
)
def test_the_undo_gives_the_cordon_back_to_whom_it_belonged(before, mark):
    change = ACTION.undo(undo_order(node(), plan(before, foreign=True), "uncordon"))
    assert change.body["spec"] == {"unschedulable": True}
    assert change.body["metadata"]["annotations"] == {CORDONED: mark, REMEDIATION: "incident-1-2"}


def test_the_undo_leaves_a_cordon_that_somebody_has_set_since():
    change = plan(node(unschedulable=True, **OURS))
    assert isinstance(ACTION.undo(undo_order(node(unschedulable=True), change, "uncordon")), Refusal)


def test_a_cordon_set_again_by_hand_is_a_persons_word():
    intent = undo_order(node(), plan(node(unschedulable=True, **OURS)), "uncordon").intent
    assert ACTION.kept is not None
    assert ACTION.yields
    assert (ACTION.kept(intent, node()), ACTION.kept(intent, node(unschedulable=True))) == (True, False)


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({}, ()),
        ({"foreign": True}, ()),
        ({"foreign": "yes"}, ("foreign is 'yes': it is true or false",)),
        ({"all": True}, ("unknown argument 'all': uncordon takes foreign",)),
    ],
)
def test_arguments(args, wrong):
    assert ACTION.check(args) == wrong
