"""Action `cordon`: new pods are kept away, and nobody's cordon but our own is ever lifted."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION
from remediator.actions.cordon import ACTION
from remediator.core.cordoning import CORDONED
from remediator.core.model import Change, PatchType, Precondition, Refusal, Verb
from tests.unit.actions.nodes import ID, NODE, node, order, set_by, snapshot, undo_order


def plan(live=None):
    return ACTION.plan(order(snapshot(live or node())))


def undone(live):
    return ACTION.undo(undo_order(live, plan(), "cordon"))


def test_it_sets_one_field_and_says_on_the_node_whose_it_is():
    change = plan()
    assert (change.verb, change.ref.name, change.patch_type) == (Verb.PATCH, NODE.name, PatchType.MERGE)
    assert change.body == {
        "metadata": {"annotations": {REMEDIATION: ID, CORDONED: ID}},
        "spec": {"unschedulable": True},
    }
    assert change.precondition == Precondition("uid-node-1", "100")
    assert change.prior == {"unschedulable": False}


OURS = {"annotations": {CORDONED: ID}, "managedFields": set_by("remediator")}


@pytest.mark.parametrize(
    ("metadata", "whose"),
    [
        ({}, "by somebody else"),
        (OURS, "by an earlier remediation"),
        (OURS | {"managedFields": set_by("kubectl-cordon")}, "by somebody else"),
    ],
    ids=["a stranger's", "ours", "lifted by hand and set anew"],
)
def test_a_cordon_that_is_there_stays_whose_it_is(metadata, whose):
    refused = plan(node(unschedulable=True, **metadata))
    assert isinstance(refused, Refusal)
    assert refused.reason == f"the node is cordoned already, {whose}"


@pytest.mark.parametrize(
    ("live", "lifted"),
    [
        (node(unschedulable=True, **OURS), True),
        (node(unschedulable=True, annotations={CORDONED: ID}), True),
        (node(unschedulable=True), False),
        (node(unschedulable=True, **OURS | {"managedFields": set_by("kubectl-cordon")}), False),
        (node(unschedulable=True, **OURS | {"managedFields": [{"manager": "kubelet"}]}), False),
        (node(**OURS), False),
    ],
    ids=[
        "ours",
        "a server that tells no managers",
        "a stranger's",
        "set anew by hand",
        "set by nobody known",
        "lifted",
    ],
)
def test_the_undo_lifts_what_is_ours_and_nothing_else(live, lifted):
    change = undone(live)
    assert isinstance(change, Change) is lifted
    if lifted:
        assert change.body["spec"] == {"unschedulable": None}
        assert change.body["metadata"]["annotations"] == {CORDONED: None, REMEDIATION: "incident-1-2"}


def test_whoever_lifts_it_by_hand_is_given_way():
    assert ACTION.yields
    assert ACTION.kept is not None
    intent = undo_order(node(), plan(), "cordon").intent
    assert (ACTION.kept(intent, node(unschedulable=True)), ACTION.kept(intent, node())) == (True, False)


def test_it_takes_no_arguments():
    assert ACTION.check({}) == ()
    assert ACTION.check({"force": True}) == ("unknown argument 'force': this action takes none",)
