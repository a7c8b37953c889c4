"""Conditions on objects: what they may speak of, which fields are read for them, and what is left out as zero."""

from __future__ import annotations

import msgspec
import pytest

from remediator.conditions import ConditionError, Unknown, Where, compile_where
from remediator.core.kinds import KINDS
from remediator.sources.forms import Form


@pytest.mark.parametrize(
    ("kind", "source", "obj", "answer"),
    [
        ("Node", "object.spec.unschedulable == true", {"spec": {"unschedulable": True}}, True),
        ("Node", "object.spec.unschedulable == true", {"spec": {}}, False),
        ("Node", "object.spec.unschedulable == true", {}, False),
        ("Node", "has(object.spec.unschedulable)", {"spec": {}}, False),
        ("Deployment", "object.status.readyReplicas < 1", {"status": {}}, True),
        ("Deployment", "object.status.readyReplicas < 1", {"status": {"readyReplicas": 2}}, False),
        ("Pod", "object.metadata.deletionTimestamp != null", {"metadata": {"name": "a"}}, False),
        ("Pod", "object.metadata.deletionTimestamp != null", {"metadata": {"deletionTimestamp": "2026"}}, True),
        ("Pod", "'x' in object.metadata.finalizers", {"metadata": {}}, False),
        ("Job", "object.status.failed > 2", {"status": None}, False),
        ("Pod", "", {}, True),
    ],
)
def test_what_the_api_leaves_out_where_it_is_zero_counts_as_zero(kind, source, obj, answer):
    assert Where(source, kind).ask(obj) is answer


@pytest.mark.parametrize("source", ["object.spec.foo == 1", "object.metadata.labels.app == 'web'", "object.spec"])
def test_any_other_value_that_is_missing_or_no_answer_is_unknown(source):
    assert isinstance(Where(source, "Pod").ask({"metadata": {}, "spec": {}}), Unknown)


@pytest.mark.parametrize("name", ["now", "labels", "value", "target", "pods"])
def test_it_speaks_of_the_object_alone(name):
    with pytest.raises(ConditionError, match=f"`{name}` is not known here: this is about `object` alone"):
        compile_where(f"{name} == {name}")


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("object.spec.unschedulable", {("spec", "unschedulable")}),
        ("object.spec.template.spec.replicas == 1", {("spec", "template")}),
        ("object.status.conditions.exists(c, c.type == 'Ready')", {("status", "conditions")}),
        ("has(object.metadata.deletionTimestamp)", {("metadata", "deletionTimestamp")}),
        ("object.metadata.labels['a'] == 'b'", {("metadata", "labels")}),
        ("object . spec\n. paused", {("spec", "paused")}),
        ("object.spec.?nodeName.orValue('') == ''", {("spec",)}),
        ("object['spec'].paused", {()}),
        ("ready(object)", {()}),
        ("object.spec.size() > 0", {("spec",)}),
        ("object.status.phase == 'a' || object.status == {}", {("status", "phase"), ("status",)}),
    ],
)
def test_which_fields_are_read(source, paths):
    assert Where(source, "Pod").reads == paths


POD = msgspec.json.encode(
    {
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "uid": "u",
            "resourceVersion": "7",
            "labels": {"a": "b"},
            "managedFields": [{}],
        },
        "spec": {"nodeName": "n1", "containers": [{"name": "app"}]},
        "status": {"phase": "Failed", "conditions": []},
    }
)
WHO = {"name": "web-1", "namespace": "shop", "uid": "u", "resourceVersion": "7"}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("object.status.phase == 'Failed'", {"metadata": WHO, "status": {"phase": "Failed"}}),
        ("object.metadata.labels.a == 'b'", {"metadata": WHO | {"labels": {"a": "b"}}}),
        ("object.spec.nodeName == '' || object.spec.foo", {"metadata": WHO, "spec": {"nodeName": "n1"}}),
        ("size(object.status) > 0", {"metadata": WHO, "status": {"phase": "Failed", "conditions": []}}),
        ("", {"metadata": WHO}),
    ],
)
def test_of_an_object_only_what_is_spoken_of_is_kept(source, seen):
    form = Form(KINDS["Pod"], Where(source, "Pod").reads)
    obj = msgspec.json.decode(POD, type=form.type)
    assert form.view(obj) == {"apiVersion": "v1", "kind": "Pod"} | seen
    assert (form.identity(obj).key, form.identity(obj).version) == (("shop", "web-1"), "7")


def test_a_condition_on_the_whole_object_reads_all_of_it():
    form = Form(KINDS["Pod"], Where("ready(object)", "Pod").reads)
    assert form.view(msgspec.json.decode(POD, type=form.type))["metadata"]["managedFields"] == [{}]
    assert form.identity(msgspec.json.decode(POD)).key == ("shop", "web-1")
