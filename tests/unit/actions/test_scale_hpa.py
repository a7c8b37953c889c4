"""Action `scale_hpa`: other bounds for an autoscaler."""

from __future__ import annotations

import pytest

from remediator.actions.scale_hpa import ACTION
from remediator.core.model import Json
from remediator.simulation import objects
from tests.unit.actions.acting import Yard, intent_of, planned, refused, undo


def autoscaler(most: int = 10, least: int = 2) -> Json:
    obj = objects.autoscaler("web", "shop", "web", least, most)
    return obj | {"metadata": {**obj["metadata"], "uid": "uid-hpa", "resourceVersion": "7"}}


@pytest.mark.parametrize(
    ("args", "spec"),
    [
        ({"max_replicas": {"to": 15}}, {"maxReplicas": 15}),
        ({"max_replicas": {"to": 15, "cap": 12}}, {"maxReplicas": 12}),
        ({"max_replicas": {"to": 5}}, {"maxReplicas": 5}),
        ({"max_replicas": {"by": "+50%", "cap": 20}}, {"maxReplicas": 15}),
        ({"max_replicas": {"by": "+33%", "cap": 20}}, {"maxReplicas": 14}),
        ({"max_replicas": {"by": 5, "cap": 12}}, {"maxReplicas": 12}),
        ({"max_replicas": {"by": -2}}, {"maxReplicas": 8}),
        ({"min_replicas": 4}, {"minReplicas": 4, "maxReplicas": 10}),
        ({"min_replicas": 12, "max_replicas": {"to": 12}}, {"minReplicas": 12, "maxReplicas": 12}),
    ],
)
def test_bounds(args, spec):
    assert planned(ACTION, autoscaler(), args).body["spec"] == spec


@pytest.mark.parametrize(
    ("most", "args", "reason"),
    [
        (20, {"max_replicas": {"by": 5, "cap": 20}}, "it scales from 2 to 20 replicas already"),
        (25, {"max_replicas": {"by": 5, "cap": 20}}, "it scales from 2 to 25 replicas already"),
        (10, {"min_replicas": 11}, "at least 11 is more than at most 10"),
        (10, {"max_replicas": {"to": 1}}, "at least 2 is more than at most 1"),
    ],
)
def test_a_cap_that_is_reached_and_bounds_that_cross_are_refused(most, args, reason):
    assert refused(ACTION, autoscaler(most), args).reason == reason


def test_the_autoscaler_of_a_scaled_object_is_left_to_it():
    live = autoscaler()
    live["metadata"]["ownerReferences"] = [{"kind": "ScaledObject", "name": "queue", "controller": True}]
    answer = refused(ACTION, live, {"max_replicas": {"to": 15}})
    assert answer.reason == "ScaledObject queue keeps its bounds"
    assert "maxReplicaCount" in answer.remedy


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"max_replicas": {"to": 10}}, ""),
        ({"max_replicas": {"by": "-10%"}}, ""),
        ({}, "write max_replicas or min_replicas"),
        ({"max_replicas": 10}, "max_replicas is 10"),
        ({"max_replicas": {"by": 1}}, "max_replicas: cap is missing"),
        ({"max_replicas": {"cap": 10}}, "max_replicas: write either to"),
        ({"max_replicas": {"to": 0}}, "max_replicas: to is 0"),
        ({"max_replicas": {"by": 1, "cap": "ten"}}, "max_replicas: cap is 'ten'"),
        ({"max_replicas": {"to": 3, "step": 1}}, "max_replicas: unknown argument 'step'"),
        ({"min_replicas": 0}, "min_replicas is 0"),
        ({"replicas": 3}, "unknown argument 'replicas'"),
    ],
)
def test_arguments(args, wrong):
    found = ACTION.check(args)
    assert (found == ()) is (wrong == "")
    assert not wrong or found[0].startswith(wrong)


def test_undo_gives_both_bounds_back_or_is_contended():
    yard = Yard(objects.autoscaler("web", "shop", "web", 2, 10))
    change = planned(ACTION, yard.live, {"max_replicas": {"to": 15}, "min_replicas": 3})
    live = yard.write(change)
    assert (live["spec"]["minReplicas"], live["spec"]["maxReplicas"]) == (3, 15)
    assert ACTION.kept(intent_of(ACTION, change), live)
    assert undo(ACTION, change, yard.somebody_patches({"spec": {"maxReplicas": 20}})).contended

    live = yard.write(undo(ACTION, change, yard.somebody_patches({"spec": {"maxReplicas": 15}})))
    assert (live["spec"]["minReplicas"], live["spec"]["maxReplicas"]) == (2, 10)
    assert not ACTION.kept(intent_of(ACTION, change), live)
