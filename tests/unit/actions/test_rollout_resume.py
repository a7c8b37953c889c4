"""Action `rollout_resume`: a paused Deployment rolls out what it has."""

from __future__ import annotations

from remediator.actions.action import REMEDIATION
from remediator.actions.rollout_resume import ACTION
from remediator.core.model import Change
from remediator.simulation import objects
from tests.unit.actions.acting import ID, Yard, intent_of, planned, refused, undo
from tests.unit.builders import deployment


def test_it_takes_paused_away():
    change = planned(ACTION, deployment(paused=True))
    assert change.body == {"metadata": {"annotations": {REMEDIATION: ID}}, "spec": {"paused": None}}


def test_one_that_is_not_paused_is_refused():
    assert refused(ACTION, deployment()).reason == "the roll-out is not paused"


def test_what_was_changed_under_the_pause_rolls_out_and_the_undo_pauses_again():
    yard = Yard(objects.deployment("web", "shop"))
    yard.somebody_patches({"spec": {"paused": True, "template": {"metadata": {"labels": {"v": "2"}}}}})
    change = planned(ACTION, yard.live)
    assert yard.write(change)["status"]["updatedReplicas"] == 3
    assert yard.write(undo(ACTION, change, yard.live))["spec"]["paused"] is True


def test_a_persons_new_pause_is_seen():
    change = planned(ACTION, deployment(paused=True))
    assert ACTION.kept(intent_of(ACTION, change), deployment())
    assert not ACTION.kept(intent_of(ACTION, change), deployment(paused=True))
    assert isinstance(undo(ACTION, change, deployment()), Change)


def test_it_is_made_for_paused_ones():
    assert ACTION.while_paused
    assert ACTION.check({"force": True})
