"""Action `scale`: another number of replicas, within bounds."""

from __future__ import annotations

import json

import pytest

from remediator.actions.action import REMEDIATION, Disruption
from remediator.actions.scale import ACTION, LAST_APPLIED
from remediator.core.memory import Good
from remediator.core.workload import facts_of
from remediator.simulation import objects
from tests.unit.actions.acting import ID, Yard, intent_of, planned, refused, target_of, undo
from tests.unit.builders import START, WEB, at, deployment


@pytest.mark.parametrize(
    ("present", "args", "becomes"),
    [
        (3, {"to": 5}, 5),
        (3, {"to": 1}, 1),
        (3, {"to": 0, "min": 0}, 0),
        (3, {"by": 1}, 4),
        (3, {"by": "+1"}, 4),
        (3, {"by": "2"}, 5),
        (3, {"by": -1}, 2),
        (3, {"by": "-1"}, 2),
        # a share of what there is: growth is rounded up, a reduction down, and something always changes
        (3, {"by": "+50%"}, 5),
        (4, {"by": "+50%"}, 6),
        (1, {"by": "+1%"}, 2),
        (5, {"by": "-50%"}, 3),
        (4, {"by": "-50%"}, 2),
        (5, {"by": "-1%"}, 4),
        # bounds are inclusive
        (3, {"by": 5, "max": 4}, 4),
        (3, {"by": 5, "max": 8}, 8),
        (3, {"by": -2, "min": 2}, 2),
        # nothing is taken below 1 unless min: 0 says so
        (2, {"by": -2}, 1),
        (2, {"by": "-100%"}, 1),
        (2, {"by": "-100%", "min": 0}, 0),
        # without max one step at most doubles, and makes one of none
        (2, {"by": 10}, 4),
        (0, {"by": 3}, 1),
        (0, {"by": 3, "max": 5}, 3),
    ],
)
def test_what_becomes_of_the_number(present, args, becomes):
    assert planned(ACTION, deployment(replicas=present), args).body["spec"] == {"replicas": becomes}


def test_the_change_bears_the_remediations_id_and_says_what_it_does():
    change = planned(ACTION, deployment(), {"by": 5, "max": 4})
    assert change.body["metadata"] == {"annotations": {REMEDIATION: ID}}
    assert change.summary == "scale Deployment/shop/web from 3 to 4 replicas (8 is out of bounds)"


@pytest.mark.parametrize(
    ("present", "args", "reason"),
    [
        (3, {"to": 3}, "it has 3 replicas already"),
        (4, {"by": 1, "max": 4}, "it has 4 replicas already (5 is out of bounds)"),
        (6, {"by": 1, "max": 4}, "it has 6 replicas already (7 is out of bounds)"),
        (1, {"by": -1}, "it has 1 replicas already (0 is out of bounds)"),
        (2, {"by": -1, "min": 3}, "it has 2 replicas already (1 is out of bounds)"),
        (0, {"by": "+50%"}, "it has 0 replicas already"),
    ],
)
def test_a_bound_never_turns_growth_into_a_reduction_nor_back(present, args, reason):
    assert refused(ACTION, deployment(replicas=present), args).reason.startswith(reason)


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"to": 3}, ""),
        ({"by": "+50%", "min": 2, "max": 10}, ""),
        ({"last_good": True, "max": 10}, ""),
        ({}, "write either to"),
        ({"to": 3, "by": 1}, "write either to"),
        ({"to": 3, "last_good": True}, "write one of"),
        ({"last_good": False}, "last_good is False"),
        ({"to": "3"}, "to is '3'"),
        ({"to": True}, "to is True"),
        ({"to": -1}, "to is -1"),
        ({"to": 0}, "to is 0, out of the bounds 1 to"),
        ({"to": 9, "max": 8}, "to is 9, out of the bounds 1 to 8"),
        ({"by": 0}, "by is 0"),
        ({"by": "half"}, "by is 'half'"),
        ({"by": "+0%"}, "by is '+0%'"),
        ({"by": "-101%"}, "by takes 100% at most away"),
        ({"by": 1.5}, "by is 1.5"),
        ({"by": True}, "by is True"),
        ({"by": 1, "min": 5, "max": 4}, "min is 5 and max is 4"),
        ({"by": 1, "max": 0}, "max is 0"),
        ({"by": 1, "step": 2}, "unknown argument 'step'"),
    ],
)
def test_arguments(args, wrong):
    found = ACTION.check(args)
    assert (found == ()) is (wrong == "")
    assert not wrong or found[0].startswith(wrong)


# last_good


def good(replicas: int, seconds: float = 0) -> Good:
    return Good(at(seconds), WEB.uid, 2, replicas)


@pytest.mark.parametrize(
    ("remembered", "applied", "becomes", "why"),
    [
        ((good(4),), None, 4, "the journal's"),
        ((good(2), good(4, 60)), None, 4, "the latest of the journal's"),
        ((good(4), good(0, 60)), None, 4, "with none it was not serving"),
        ((good(4),), 6, 4, "the journal's before the applied one"),
        ((), 6, 6, "the one that was last applied"),
    ],
)
def test_last_good_is_what_the_journal_remembers_else_what_was_applied(remembered, applied, becomes, why):
    live = deployment(replicas=0)
    if applied:
        live["metadata"]["annotations"][LAST_APPLIED] = json.dumps({"spec": {"replicas": applied}})
    change = planned(ACTION, live, {"last_good": True}, good=remembered)
    assert change.body["spec"] == {"replicas": becomes}, why


@pytest.mark.parametrize("applied", [None, "{", "[]", '{"spec": {}}', '{"spec": {"replicas": "3"}}'])
def test_where_no_good_number_is_known_it_refuses(applied):
    live = deployment(replicas=0)
    if applied:
        live["metadata"]["annotations"][LAST_APPLIED] = applied
    assert refused(ACTION, live, {"last_good": True}).reason == "no last good number of replicas is known"


def test_what_another_object_of_the_name_had_is_not_good_for_this_one():
    stranger = Good(at(0), "another-uid", 1, 9)
    assert refused(ACTION, deployment(replicas=0), {"last_good": True}, good=(stranger,)).reason.startswith(
        "no last good"
    )


# What it takes away


@pytest.mark.parametrize(
    ("args", "disrupts", "leaves"),
    [
        ({"by": 1}, Disruption.NONE, None),
        ({"to": 3}, Disruption.NONE, None),
        ({"to": 2}, Disruption.PODS, 2),
        ({"to": 0, "min": 0}, Disruption.PODS, 0),
        ({"by": "-10%"}, Disruption.PODS, 2),
        ({"by": -1, "min": 3}, Disruption.NONE, None),
        ({"last_good": True}, Disruption.NONE, None),
    ],
)
def test_only_a_reduction_takes_pods_away(args, disrupts, leaves):
    asked = ACTION.asked(args, WEB, facts_of(deployment(), START))
    assert (asked.disrupts, asked.sets, asked.leaves) == (disrupts, {"replicas"}, leaves)


# In a cluster


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet"])
def test_pods_come_and_go_again_with_the_undo(kind):
    build = {"Deployment": objects.deployment, "StatefulSet": objects.stateful_set}
    obj = build.get(kind, objects.deployment)("web", "shop")
    if kind == "ReplicaSet":
        obj["kind"] = kind
    yard = Yard(obj)
    change = planned(ACTION, yard.live, {"by": "+50%"})
    live = yard.write(change)
    assert (live["status"]["replicas"], facts_of(live, START).healthy) == (5, True)
    assert yard.write(undo(ACTION, change, live))["status"]["replicas"] == 3


def test_undo_of_a_number_that_somebody_has_changed_is_contended():
    yard = Yard(objects.deployment("web", "shop"))
    change = planned(ACTION, yard.live, {"to": 5})
    yard.write(change)
    live = yard.somebody_patches({"spec": {"replicas": 7}})
    answer = undo(ACTION, change, live)
    assert answer.contended
    assert answer.reason == "spec.replicas was changed by somebody else since"


def test_somebody_who_sets_the_old_number_has_taken_it_back():
    change = planned(ACTION, deployment(), {"to": 5})
    kept = {number: ACTION.kept(intent_of(ACTION, change), deployment(replicas=number)) for number in (3, 5, 7)}
    assert kept == {3: False, 5: True, 7: True}


def test_the_target_is_addressed_as_it_is():
    assert planned(ACTION, deployment(), {"to": 5}).ref.name == target_of(deployment()).name
