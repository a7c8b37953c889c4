"""Laws of the simulated API server, tried on many inputs: patches, versions, dry runs, sameness of equal worlds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediator.core.model import Change, PatchType, Precondition, Verb
from remediator.ports import ClusterError, Conflict, Unavailable
from remediator.simulation import json_patch, objects, selectors, strategic_patch
from remediator.simulation.decoding import decoded
from remediator.simulation.patches import merged
from remediator.simulation.world import World
from tests.simulation.worlds import SHOP, at, merge, roll, running, scale, world

RFC_7386 = [  # appendix A
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

LEAVES = st.none() | st.integers() | st.text(max_size=3)
KEYS = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, JSON, max_size=3)


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7386)
def test_merge_patches_do_what_the_rfc_shows(target: Any, patch: Any, result: Any):
    assert merged(target, patch) == result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_twice_is_a_merge_patch_once_and_leaves_its_target_alone(target: dict, patch: dict):
    before = json.dumps(target)
    once = merged(target, patch)
    assert merged(once, patch) == once
    assert json.dumps(target) == before


@given(OBJECTS, OBJECTS)
def test_without_lists_that_have_keys_a_strategic_patch_is_a_merge_patch(target: dict, patch: dict):
    assert decoded(strategic_patch.merged(target, patch)) == decoded(merged(target, patch))


@given(OBJECTS, OBJECTS)
def test_a_failed_json_patch_changes_nothing(target: dict, value: dict):
    before = json.dumps(target)
    with pytest.raises(Conflict):
        json_patch.applied(target, [{"op": "add", "path": "/a", "value": value}, {"op": "remove", "path": "/none"}])
    assert json.dumps(target) == before


@pytest.mark.parametrize(
    ("have", "patch", "result"),
    [
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "$patch": "delete"}]}, {"env": []}),
        (
            {"containers": [{"name": "a", "image": "1"}]},
            {"containers": [{"name": "b", "image": "2"}, {"$patch": "replace"}]},
            {"containers": [{"name": "b", "image": "2"}]},
        ),
        (
            {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
            {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}},
            {"strategy": {"type": "Recreate"}},
        ),
        (
            {"strategy": {"type": "A", "x": 1}},
            {"strategy": {"$patch": "replace", "type": "B"}},
            {"strategy": {"type": "B"}},
        ),
        ({"finalizers": ["a", "b"]}, {"finalizers": ["c"]}, {"finalizers": ["c", "a", "b"]}),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        (
            {"taints": [{"key": "a", "effect": "E"}]},
            {"taints": [{"key": "b", "effect": "E"}]},
            {"taints": [{"key": "b", "effect": "E"}]},
        ),
        (
            {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "True"}]},
            {"conditions": [{"type": "B", "status": "False"}]},
            {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "False"}]},
        ),
        (
            {"ports": [{"containerPort": 80, "name": "web"}]},
            {"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 90}]},
            {"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 90}]},
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {
                "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                "containers": [{"name": "a", "image": "1"}],
            },
            {"containers": [{"name": "b"}, {"name": "a", "image": "1"}]},
        ),
    ],
)
def test_strategic_patches_merge_by_the_apis_keys(have: dict, patch: dict, result: dict):
    assert strategic_patch.merged(have, patch) == result


def test_a_list_item_without_its_merge_key_is_an_error_of_the_server():
    with pytest.raises(Unavailable, match="does not contain declared merge key: name"):
        strategic_patch.merged({"env": []}, {"env": [{"value": "1"}]})


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_selectors_in_specs(selector: dict | None, matches: bool):
    assert selectors.of_spec(selector)({"a": "1"}) is matches


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("scale"), st.integers(-1, 6)),
        st.tuples(st.just("roll"), st.sampled_from(["app:1", "app:2", "crash:1", "broken:1"])),
        st.tuples(st.just("kill"), st.integers(0, 5)),
        st.tuples(st.just("evict"), st.integers(0, 5)),
        st.tuples(st.just("cordon"), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.integers(0, 90)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_versions_only_grow_and_every_commit_has_its_own(steps: list[tuple[str, Any]]):
    w = world()
    versions: list[int] = []
    w.store.listen(lambda commit: versions.append(int(commit.obj["metadata"]["resourceVersion"])))
    _play(w, steps)
    assert versions == sorted(set(versions))


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_equal_worlds_with_equal_steps_stay_equal(steps: list[tuple[str, Any]]):
    assert _play(world(seed=7), steps) == _play(world(seed=7), steps)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_rollout_never_has_fewer_available_pods_than_allowed_by_itself(steps: list[tuple[str, Any]]):
    """Whatever the images: with `maxUnavailable: 0` the controller alone never takes an available pod away."""
    w = world()
    running(w, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    for what, value in steps:
        if what == "roll":
            roll(w, value)
        w.advance(7)
        assert w.server.get(at("Deployment", "web"))["status"].get("availableReplicas", 0) >= 3


REHEARSED = st.sampled_from(
    [
        Change(Verb.PATCH, at("Deployment", "web"), {"spec": {"replicas": 9}}, Precondition("", "")),
        Change(Verb.PATCH, at("Deployment", "web"), {"spec": {"replicas": -9}}, Precondition("", "")),
        Change(Verb.PATCH, at("Deployment", "web"), {"spec": {"replicas": 9}}, Precondition("", "1")),
        Change(
            Verb.PATCH,
            at("Deployment", "web"),
            [{"op": "remove", "path": "/spec/paused"}],
            Precondition("", ""),
            PatchType.JSON,
        ),
        Change(Verb.DELETE, at("Deployment", "web"), {}, Precondition("", "")),
        Change(Verb.CREATE, at("Pod", "extra"), objects.pod("extra", SHOP), Precondition("", "")),
        Change(Verb.CREATE, at("Deployment", "web"), objects.deployment("web", SHOP), Precondition("", "")),
        Change(Verb.EVICT, at("Pod", "FIRST"), {}, Precondition("", "")),
        Change(Verb.DELETE, at("Pod", "FIRST"), {"gracePeriodSeconds": 0}, Precondition("", "")),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(REHEARSED, max_size=5), STEPS)
def test_a_rehearsal_never_changes_anything_then_or_later(changes: list[Change], steps: list[tuple[str, Any]]):
    rehearsed, other = world(seed=3), world(seed=3)
    for w in (rehearsed, other):
        running(w)
        w.create(objects.disruption_budget("budget", SHOP, "web", min_available=1))
        w.advance(5)
    before = _picture(rehearsed)
    for change in changes:
        asyncio.run(_rehearse(rehearsed, change))
    assert _picture(rehearsed) == before
    assert not rehearsed.audit.writes()
    assert _play(rehearsed, steps) == _play(other, steps)


async def _rehearse(w: World, change: Change) -> None:
    if change.ref.name == "FIRST":
        pod = next(w.store.each("Pod", SHOP))
        change = Change(change.verb, at("Pod", pod["metadata"]["name"]), change.body, change.precondition)
    try:
        await w.cluster("me").rehearse(change)
    except ClusterError:
        return


def _play(w: World, steps: list[tuple[str, Any]]) -> str:
    """Carry the steps out, refusals included, and answer a picture of what came of them."""
    if w.store.get("Deployment", SHOP, "web") is None:
        running(w)
    for what, value in steps:
        try:
            _do(w, what, value)
        except ClusterError:
            continue
    return _picture(w)


def _do(w: World, what: str, value: Any) -> None:
    found = list(w.store.each("Pod", SHOP))
    if what == "scale":
        scale(w, value)
    elif what == "roll":
        roll(w, value)
    elif what in ("kill", "evict") and found:
        name = found[value % len(found)]["metadata"]["name"]
        verb = Verb.DELETE if what == "kill" else Verb.EVICT
        asyncio.run(w.cluster("me").write(Change(verb, at("Pod", name), {}, Precondition("", ""))))
    elif what == "cordon":
        merge(w, "Node", f"node-{value}", {"spec": {"unschedulable": True}})
    elif what == "wait":
        w.advance(value)


def _picture(w: World) -> str:
    """Everything there is, as text."""
    everything = {kind: list(w.store.each(kind)) for kind in w.store.resources}
    return json.dumps([w.store.revision, everything], sort_keys=True)
