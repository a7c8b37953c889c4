"""Action `patch`: a literal patch of the rule file, and the way back of the fields it set."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION, Disruption
from remediator.actions.patch import ACTION
from remediator.core.model import Json, PatchType, Target
from remediator.core.workload import facts_of
from remediator.simulation import objects
from tests.unit.actions.acting import ID, Yard, intent_of, planned, refused, undo
from tests.unit.builders import START, WEB, deployment

IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:9"}]}}}}
POINTER = "/spec/template/spec/containers/0/image"
ENV = "/spec/template/spec/containers/0/env"


def image(obj: Json) -> str:
    return obj["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.mark.parametrize(
    ("kind", "patch_type"),
    [(None, PatchType.STRATEGIC), ("strategic", PatchType.STRATEGIC), ("merge", PatchType.MERGE)],
)
def test_it_is_sent_as_it_stands_with_the_remediations_id(kind, patch_type):
    body = {"spec": {"minReadySeconds": 5}}
    change = planned(ACTION, deployment(), {"patch": body} | ({"type": kind} if kind else {}))
    assert change.patch_type is patch_type
    assert change.body == {"metadata": {"annotations": {REMEDIATION: ID}}, "spec": {"minReadySeconds": 5}}
    assert body == {"spec": {"minReadySeconds": 5}}, "the rule's own patch stays as it is"


def test_a_json_patch_makes_room_for_the_id_where_there_are_no_annotations():
    live = deployment()
    operation = {"op": "replace", "path": "/spec/replicas", "value": 5}
    note = {"op": "add", "path": "/metadata/annotations/remediator.io~1remediation", "value": ID}
    args = {"type": "json", "patch": [operation]}
    assert planned(ACTION, live, args).body == [operation, note]
    del live["metadata"]["annotations"]
    room = {"op": "add", "path": "/metadata/annotations", "value": {}}
    assert planned(ACTION, live, args).body == [operation, room, note]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"patch": {"spec": {"replicas": 3}}}, "everything is as the patch would have it"),
        ({"type": "json", "patch": [{"op": "add", "path": "/spec/replicas", "value": 3}]}, "everything is as"),
        ({"type": "json", "patch": [{"op": "remove", "path": "/spec/paused"}]}, "the patch does not fit the object"),
        ({"type": "json", "patch": [{"op": "test", "path": "/spec/replicas", "value": 4},
                                    {"op": "add", "path": "/spec/paused", "value": True}]},
         "the patch does not fit the object: the test of /spec/replicas fails"),
        ({"type": "json", "patch": [{"op": "replace", "path": "/metadata/annotations", "value": {}}]},
         "the patch replaces all annotations"),
    ],
)  # fmt: skip
def test_what_changes_nothing_or_does_not_fit_is_refused(args, reason):
    assert refused(ACTION, deployment(), args).reason.startswith(reason)


@pytest.mark.parametrize(
    "args",
    [
        {"patch": IMAGE},
        {"type": "json", "patch": [{"op": "replace", "path": POINTER, "value": "app:9"}]},
        {"patch": {"metadata": {"labels": {"tier": "gold", "app": None}},
                   "spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}},
        {"type": "merge", "patch": {"spec": {"minReadySeconds": 3, "replicas": 2}}},
        {"type": "json", "patch": [{"op": "add", "path": "/metadata/labels/tier", "value": "gold"},
                                   {"op": "remove", "path": "/metadata/labels/app"}]},
        {"type": "json", "patch": [{"op": "add", "path": ENV, "value": [{"name": "A", "value": "1"}]},
                                   {"op": "add", "path": ENV + "/-", "value": {"name": "B", "value": "2"}}]},
    ],
)  # fmt: skip
def test_undo_gives_back_every_field_that_it_set_and_leaves_what_others_set(args):
    yard = Yard(objects.deployment("web", "shop"))
    before = yard.live
    change = planned(ACTION, before, args)
    yard.write(change)
    assert ACTION.kept(intent_of(ACTION, change), yard.live)
    live = yard.somebody_patches({"metadata": {"labels": {"theirs": "yes"}}, "spec": {"revisionHistoryLimit": 4}})
    after = yard.write(undo(ACTION, change, live))
    assert after["spec"] == {**before["spec"], "revisionHistoryLimit": 4}
    assert after["metadata"]["labels"] == {**before["metadata"]["labels"], "theirs": "yes"}
    assert not ACTION.kept(intent_of(ACTION, change), after)


@pytest.mark.parametrize("kind", ["strategic", "json"])
def test_undo_of_what_somebody_has_changed_since_is_contended(kind):
    yard = Yard(objects.deployment("web", "shop"))
    body = IMAGE if kind == "strategic" else [{"op": "replace", "path": POINTER, "value": "app:9"}]
    change = planned(ACTION, yard.live, {"type": kind, "patch": body})
    yard.write(change)
    containers = yard.live["spec"]["template"]["spec"]["containers"]
    live = yard.somebody_patches(
        {"spec": {"template": {"spec": {"containers": [{**containers[0], "image": "app:10"}]}}}}
    )
    answer = undo(ACTION, change, live)
    assert answer.contended
    assert answer.reason == "spec.template.spec.containers[app].image was changed by somebody else since"
    assert image(yard.live) == "app:10"


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"patch": {"spec": {"replicas": 3}}}, ""),
        ({"type": "merge", "patch": {"metadata": {"labels": {"a": None}}}}, ""),
        ({"patch": {"data": {"key": "value"}}}, ""),
        ({}, "patch is missing: it is a mapping"),
        ({"type": "json"}, "patch is missing: it is a list"),
        ({"type": "apply", "patch": {"spec": {}}}, "type is 'apply'"),
        ({"type": "json", "patch": {"spec": {}}}, "patch is {'spec': {}}: it is a list"),
        ({"patch": []}, "patch is []: it is a mapping"),
        ({"patch": {}}, "patch is {}: it is a mapping"),
        ({"patch": {"spec": {"paused": "{{ labels.x }}"}}}, "patch has a template in it"),
        ({"patch": {"metadata": {"labels": {"{{ labels.x }}": "a"}}}}, "patch has a template in it"),
        ({"patch": {"status": {"replicas": 0}}}, "patch: status.replicas may not be touched"),
        ({"patch": {"kind": "Pod"}}, "patch: kind may not be touched"),
        ({"patch": {"metadata": {"name": "other"}}}, "patch: metadata.name may not be touched"),
        ({"patch": {"metadata": {"finalizers": []}}}, "patch: metadata.finalizers may not be touched"),
        ({"patch": {"metadata": None}}, "patch: metadata may not be touched"),
        ({"patch": {"metadata": {"annotations": {"remediator.io/exclude": None}}}},
         "patch: remediator.io/exclude is kept"),
        ({"patch": {"spec": {"$patch": "delete"}}}, "patch: $patch is a directive"),
        ({"patch": {"spec": {"template": {"spec": {"containers": [{"image": "a:1"}]}}}}},
         "patch: an item of containers has no name"),
        ({"type": "json", "patch": [{"op": "move", "from": "/spec/a", "path": "/spec/b"}]}, "patch: {'op': 'move'"),
        ({"type": "json", "patch": [{"op": "add", "path": "spec", "value": 1}]}, "patch: {'op': 'add'"),
        ({"type": "json", "patch": [{"op": "add", "path": "/spec/paused"}]}, "patch: add /spec/paused has no value"),
        ({"type": "json", "patch": [{"op": "remove", "path": "/metadata/ownerReferences"}]},
         "patch: metadata.ownerReferences may not be touched"),
        ({"type": "json", "patch": [{"op": "remove", "path": "/metadata/annotations/remediator.io~1exclude"}]},
         "patch: /metadata/annotations/remediator.io~1exclude is kept"),
        ({"type": "json", "patch": ["remove"]}, "patch: 'remove' is no operation"),
        ({"patch": {"spec": {"a": 1}}, "force": True}, "unknown argument 'force'"),
    ],
)  # fmt: skip
def test_arguments(args, wrong):
    found = ACTION.check(args)
    assert (found == ()) is (wrong == "")
    assert not wrong or found[0].startswith(wrong), found


@pytest.mark.parametrize(
    ("patch", "target", "disrupts", "sets"),
    [
        ({"metadata": {"labels": {"a": "b"}}}, WEB, Disruption.NONE, {"fields"}),
        (IMAGE, WEB, Disruption.ROLLING, {"fields", "template"}),
        ({"spec": {"replicas": 3}}, WEB, Disruption.PODS, {"fields", "replicas"}),
        ({"spec": {**IMAGE["spec"], "replicas": 3}}, WEB, Disruption.PODS, {"fields", "template", "replicas"}),
        ({"spec": {"unschedulable": True}}, Target("Node", "", "n1"), Disruption.NODE, {"fields"}),
        ([{"op": "replace", "path": "/spec/replicas", "value": 5}], WEB, Disruption.PODS, {"fields", "replicas"}),
        ([{"op": "replace", "path": POINTER, "value": "a"}], WEB, Disruption.ROLLING, {"fields", "template"}),
    ],
)  # fmt: skip
def test_it_counts_as_what_it_may_do_at_most(patch, target, disrupts, sets):
    asked = ACTION.asked({"patch": patch}, target, facts_of(deployment(), START))
    assert (asked.disrupts, asked.sets) == (disrupts, sets)
