"""The names that conditions are checked against are those that the view of a live target really has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from remediator.conditions import Unknown, compile_condition
from remediator.conditions.names import NODE, POD, TARGETS, VARIABLES, WORKLOAD, target_type
from remediator.core.model import Target
from remediator.core.rules import Rule, TargetSpec, When
from remediator.core.snapshot import PodFacts
from remediator.core.state import Incident
from remediator.core.workload import facts_of
from remediator.sources.view import view_of

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
META = {"name": "a", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-01-31T08:00:00Z", "generation": 1}
PROGRESSING = {"type": "Progressing", "status": "True", "lastUpdateTime": "2026-01-31T08:30:00Z"}
LIVE = {
    "Deployment": {
        "kind": "Deployment",
        "metadata": {**META, "annotations": {"deployment.kubernetes.io/revision": "3"}},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": "shop:1"}]}}},
        "status": {"observedGeneration": 1, "conditions": [PROGRESSING]},
    },
    "Node": {
        "kind": "Node",
        "metadata": META,
        "spec": {"unschedulable": True, "taints": [{"key": "k", "effect": "NoSchedule", "timeAdded": "2026-01-31"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    },
}
TYPES = {"string": str, "bool": bool, "int": int, "duration": timedelta, "map(string)": dict}


def view(kind):
    rule = Rule("r", "g", When(), TargetSpec(kind), ())
    incident = Incident("i", rule, Target(kind, "shop", "a", "u"), NOW, NOW)
    pods = (PodFacts("p", exit_code=1, created_at=NOW, images=("shop:1",)),)
    return view_of(incident, LIVE[kind], facts_of(LIVE[kind], NOW), pods, NOW)


@pytest.mark.parametrize(("kind", "fields"), [("Deployment", WORKLOAD), ("Node", NODE)])
def test_what_the_view_has_is_known_with_its_type(kind, fields):
    target = view(kind)["target"]
    for name, value in target.items():
        assert name in fields
        assert isinstance(value, TYPES.get(fields[name], object)), name
    assert set(view(kind)) - {"target"} <= set(VARIABLES)
    assert set(view(kind)["pods"][0]) == set(POD) - {"value"}


def test_of_a_custom_resource_what_every_object_has_is_known_whatever_its_fields_are_called():
    kind = "Ring.v1.example.com"
    odd = {
        "kind": "Ring",
        "metadata": META,
        "spec": {"template": "a text", "replicas": "many", "selector": ["x"]},
        "status": {"conditions": {"Ready": "False"}},
    }
    rule = Rule("r", "g", When(), TargetSpec(kind), ())
    incident = Incident("i", rule, Target(kind, "shop", "a", "u"), NOW, NOW)
    facts = facts_of(odd, NOW)
    found = view_of(incident, odd, facts, None, NOW)["target"]
    assert set(found) == {"kind", "namespace", "name", "uid", "labels", "annotations", "age"}
    assert facts.health == "ready", "conditions that are no list say nothing"


@pytest.mark.parametrize("kind", LIVE)
def test_every_value_of_a_view_can_be_asked_for(kind):
    for name in view(kind)["target"]:
        source = f"target.{name} == target.{name}"
        assert compile_condition(source, kind).evaluate(view(kind)) is True, source


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Node", "Job", "Pod", ""])
def test_every_name_of_the_table_can_be_checked_and_is_unknown_where_it_is_missing(kind):
    for name in TARGETS[target_type(kind)]:
        said = compile_condition(f"target.{name} == target.{name}", kind).evaluate({"target": {}})
        assert said == Unknown(f"target.{name} is missing")
