"""Action `rollout_pause`: what is not rolled out yet stays as it is."""

from __future__ import annotations

from remediator.actions.action import REMEDIATION
from remediator.actions.rollout_pause import ACTION
from remediator.core.model import PatchType
from remediator.simulation import objects
from tests.unit.actions.acting import ID, Yard, intent_of, planned, refused, undo
from tests.unit.builders import deployment


def test_it_sets_paused_and_the_remediations_id():
    change = planned(ACTION, deployment())
    assert change.patch_type is PatchType.STRATEGIC
    assert change.body == {"metadata": {"annotations": {REMEDIATION: ID}}, "spec": {"paused": True}}


def test_a_paused_one_is_refused():
    assert refused(ACTION, deployment(paused=True)).reason == "the roll-out is paused already"


def test_a_bad_roll_out_stops_and_goes_on_after_the_undo():
    yard = Yard(objects.deployment("web", "shop"))
    change = planned(ACTION, yard.live)
    yard.write(change)
    yard.somebody_patches({"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}})
    assert yard.live["status"].get("updatedReplicas", 0) == 0

    live = yard.write(undo(ACTION, change, yard.live))
    assert "paused" not in live["spec"]
    assert live["status"]["updatedReplicas"] == 3


def test_it_stands_until_somebody_resumes():
    change = planned(ACTION, deployment())
    assert ACTION.kept(intent_of(ACTION, change), deployment(paused=True))
    assert not ACTION.kept(intent_of(ACTION, change), deployment())


def test_undo_of_what_somebody_has_resumed_is_contended():
    change = planned(ACTION, deployment())
    assert undo(ACTION, change, deployment()).contended


def test_it_takes_no_arguments_and_is_made_for_a_roll_out_in_progress():
    assert ACTION.check({"for": "1h"})
    assert ACTION.during_rollout
