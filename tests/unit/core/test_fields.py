"""Fields of live objects: what a patch sets, whose it is afterwards, and how it goes back."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from remediator.core.fields import (
    Field,
    changed_since,
    difference,
    fields_set,
    is_ours,
    restoring,
    shown,
    value_at,
)
from remediator.core.model import Json, PatchType, as_json
from remediator.simulation.patches import patched
from tests.unit.builders import at

APP = {"name": "app"}


def live(**spec: Any) -> Json:
    return {"metadata": {"name": "web"}, "spec": {"replicas": 3, **spec}}


def containers(*items: Json) -> Json:
    return {"template": {"spec": {"containers": list(items)}}}


# Which fields a patch sets


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"spec": {"replicas": 5}}, [("spec.replicas", 3, 5)]),
        ({"spec": {"replicas": 3}}, []),
        ({"spec": {"paused": True}}, [("spec.paused", UNSET, True)]),
        ({"spec": {"replicas": None}}, [("spec.replicas", 3, UNSET)]),
        ({"spec": {"paused": None}}, []),
        ({"spec": {}}, []),
        ({"spec": {"strategy": {}}}, [("spec.strategy", UNSET, {})]),
        ({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
         [("spec.strategy.type", UNSET, "Recreate")]),
        ({"spec": {"replicas": {"a": 1, "b": None}}}, [("spec.replicas", 3, {"a": 1})]),
        ({"metadata": {"labels": {"a": "1", "b": "2"}}},
         [("metadata.labels.a", UNSET, "1"), ("metadata.labels.b", UNSET, "2")]),
    ],
)  # fmt: skip
def test_members_are_set_one_by_one(patch, expected):
    assert [(shown(each.path), each.before, each.after) for each in fields_set(patch, live())] == expected


def test_a_strategic_patch_sets_fields_of_the_items_it_names():
    have = live(**containers({**APP, "image": "app:1", "args": ["a"]}, {"name": "side", "image": "side:1"}))
    patch = {"spec": containers({**APP, "image": "app:2"}, {"name": "new", "image": "new:1"})}
    found = fields_set(patch, have, by_key=True)
    assert [(shown(each.path), each.before, each.after) for each in found] == [
        ("spec.template.spec.containers[app].image", "app:1", "app:2"),
        ("spec.template.spec.containers[new]", UNSET, {"name": "new", "image": "new:1"}),
    ]


def test_a_merge_patch_sets_a_list_whole():
    have = live(**containers({**APP, "image": "app:1"}))
    (field,) = fields_set({"spec": containers({**APP, "image": "app:2"})}, have)
    assert shown(field.path) == "spec.template.spec.containers"


def test_a_field_comes_back_from_the_journal_as_it_was():
    field = Field(("spec", "containers", APP, "image"), "app:1", UNSET, 1)
    assert msgspec.convert(as_json(field), Field) == field


# Whose it is


def books(*entries: tuple[str, Json], time: str = "2026-01-01T12:00:00Z") -> Json:
    return {
        "managedFields": [
            {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields} for manager, fields in entries
        ]
    }


REPLICAS = {"f:spec": {"f:replicas": {}}}
IMAGE = {"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}}}}}


@pytest.mark.parametrize(
    ("path", "entries", "ours"),
    [
        (("spec", "replicas"), [("remediator", REPLICAS)], True),
        (("spec", "replicas"), [("kubectl", REPLICAS)], False),
        (("spec", "replicas"), [("remediator", REPLICAS), ("argocd", REPLICAS)], False),
        (("spec", "replicas"), [("remediator", REPLICAS), ("kubectl", IMAGE)], True),
        (("spec", "replicas"), [("remediator", {"f:spec": {"f:paused": {}}})], False),
        (("spec", "containers", APP, "image"), [("remediator", IMAGE)], True),
        (("spec", "containers", {"name": "side"}, "image"), [("remediator", IMAGE)], False),
        (("spec", "containers", APP), [("remediator", IMAGE)], True),
        (("spec", "replicas", "x"), [("remediator", REPLICAS)], True),
        (("spec", "replicas"), [("remediator", {})], False),
    ],
)
def test_whose_a_field_is_stands_in_the_books(path, entries, ours):
    obj = {"metadata": books(*entries), "spec": {"replicas": 5, "containers": [{**APP, "image": "b"}]}}
    if path[-1] == "x":
        obj["spec"]["replicas"] = {"x": 1}
    elif path[2:3] == ({"name": "side"},):
        obj["spec"]["containers"].append({"name": "side", "image": "b"})
    assert is_ours(obj, Field(path, "was", "becomes")) is ours


@pytest.mark.parametrize(("now", "ours"), [(5, True), (6, False), (UNSET, False)])
def test_without_books_the_value_must_be_the_one_that_was_set(now, ours):
    obj = {"metadata": {}, "spec": {} if now is UNSET else {"replicas": now}}
    assert is_ours(obj, Field(("spec", "replicas"), 3, 5)) is ours


@pytest.mark.parametrize(("spec", "ours"), [({}, True), ({"paused": True}, False)])
def test_what_was_taken_away_must_be_away_still(spec, ours):
    obj = {"metadata": books(("kubectl", {"f:spec": {"f:paused": {}}})), "spec": spec}
    assert is_ours(obj, Field(("spec", "paused"), True, UNSET)) is ours


@pytest.mark.parametrize(
    ("manager", "fields", "time", "found"),
    [
        ("kubectl-edit", {"f:spec": {"f:template": {"f:spec": {}}}}, "2026-01-01T12:00:01Z", {"kubectl-edit"}),
        ("kubectl-edit", {"f:spec": {"f:template": {"f:spec": {}}}}, "2026-01-01T12:00:00Z", set()),
        ("kubectl-edit", {"f:spec": {"f:replicas": {}}}, "2026-01-01T12:00:01Z", set()),
        ("remediator", {"f:spec": {"f:template": {"f:spec": {}}}}, "2026-01-01T12:00:01Z", {"remediator"}),
    ],
)
def test_who_has_changed_a_field_after_an_instant(manager, fields, time, found):
    obj = {"metadata": books((manager, fields), time=time)}
    assert changed_since(obj, ("spec", "template"), at(0)) == found


def test_a_change_of_the_status_or_the_scale_is_none_of_the_object():
    meta = books(("kube-controller-manager", {"f:spec": {"f:template": {}}}), time="2026-01-01T13:00:00Z")
    meta["managedFields"][0]["subresource"] = "status"
    assert changed_since({"metadata": meta}, ("spec", "template"), at(0)) == set()


# The way back


def test_what_others_added_beside_it_stays():
    before = live()
    after = {**before, "metadata": {"name": "web", "labels": {"ours": "1", "theirs": "1"}}}
    fields = fields_set({"metadata": {"labels": {"ours": "1"}}}, before)
    assert restoring(after, fields) == {"metadata": {"labels": {"ours": None}}}


def test_a_part_that_was_not_there_before_goes_again_when_it_is_empty():
    before, patch = live(), {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1}}}}
    after = patched(before, patch, PatchType.MERGE)
    assert restoring(after, fields_set(patch, before)) == {"spec": {"strategy": None}}


def test_a_part_that_was_there_empty_stays_there_empty():
    before, patch = live(strategy={}), {"spec": {"strategy": {"type": "Recreate"}}}
    after = patched(before, patch, PatchType.MERGE)
    assert restoring(after, fields_set(patch, before)) == {"spec": {"strategy": {"type": None}}}


SCALARS = st.one_of(st.integers(0, 3), st.sampled_from(["a", "b"]), st.booleans())
NAMES = st.sampled_from(["a", "b", "c", "env"])
VALUES = st.recursive(SCALARS, lambda inner: st.dictionaries(NAMES.filter(lambda n: n != "env"), inner, max_size=3))
OBJECTS = st.dictionaries(NAMES.filter(lambda n: n != "env"), VALUES, max_size=3)
PATCHES = st.dictionaries(
    NAMES.filter(lambda n: n != "env"),
    st.one_of(VALUES, st.none(), OBJECTS.map(lambda o: {**o, "c": None})),
    max_size=3,
)
ENV = st.lists(st.sampled_from("xyz"), unique=True).flatmap(
    lambda names: st.tuples(*(st.integers(0, 2).map(lambda v, n=n: {"name": n, "value": v}) for n in names)).map(list)
)


@given(OBJECTS, PATCHES)
def test_any_merge_patch_is_taken_back(obj, patch):
    before = {"metadata": {}, "spec": obj}
    body = {"spec": patch}
    after = patched(before, body, PatchType.MERGE)
    fields = fields_set(body, before)
    assert all(value_at(after, field.path) == field.after for field in fields)
    back = patched(after, restoring(after, fields), PatchType.MERGE)
    assert _without_empty(back) == _without_empty(before)


@given(ENV, ENV, OBJECTS)
def test_any_strategic_patch_of_items_is_taken_back(have, patch, rest):
    before = {"metadata": {}, "spec": {**rest, "env": have}}
    body = {"spec": {"env": patch}}
    after = patched(before, body, PatchType.STRATEGIC)
    back = patched(after, restoring(after, fields_set(body, before, by_key=True)), PatchType.MERGE)
    assert sorted(map(repr, back["spec"].pop("env", []))) == sorted(map(repr, have))
    assert back == {"metadata": {}, "spec": rest}


@given(OBJECTS, OBJECTS)
def test_the_difference_of_two_objects_makes_one_of_the_other(old, new):
    kept = copy.deepcopy(old)
    assert patched(old, difference(old, new), PatchType.MERGE) == new
    assert old == kept


def _without_empty(value: Any) -> Any:
    """A merge patch that puts an object in the place of another value cannot be told from one that adds to it."""
    if not isinstance(value, dict):
        return value
    kept = {name: _without_empty(each) for name, each in value.items()}
    return {name: each for name, each in kept.items() if each != {}}
