"""What conditions speak of beside the target: read where a source has the word, and missing where there is none."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.conditions import Unknown, compile_condition
from remediator.core.model import Target
from remediator.core.state import State
from remediator.simulation import objects
from remediator.simulation.world import World
from remediator.sources.inquiries import Inquiries
from remediator.sources.looks import Looks
from tests.unit.builders import incident, policy, rule
from tests.unit.playing import ACCOUNT, change, play, shop, web


def answered(world: World, *sources: str):
    """What a look at `shop/web` says of conditions, and the kinds that it listed."""
    since, before = world.clock.now(), len(world.audit.entries)
    target = Target("Deployment", "shop", "web", web(world)["metadata"]["uid"])
    about = replace(incident(rule(conditions=sources), target), since=since, opened_at=since)
    asking, state = Inquiries(None, world.clock), State(policy=policy())
    seen = play(world, Looks(world.cluster(ACCOUNT), world.clock, asking).look(state, about))
    for source in sources:
        compile_condition(source, "Deployment")
    listed = {entry.request.kind for entry in world.audit.entries[before:] if entry.request.verb == "list"}
    return [each.holds for each in seen.snapshot.facts.answers], listed


def test_an_autoscaler_is_read_where_a_condition_speaks_of_it():
    world = shop()
    world.create(objects.autoscaler("web", "shop", "web", 2, 3))
    sources = ("target.hpa.max_replicas == 3 && target.hpa.min_replicas == 2", 'target.hpa.name == "web"')
    holds, listed = answered(world, *sources)
    assert holds == [True, True]
    assert "HorizontalPodAutoscaler" in listed


def test_a_disruption_budget_is_read_where_a_condition_speaks_of_it():
    world = shop()
    world.create(objects.disruption_budget("web", "shop", "web", min_available=3))
    world.advance(10)
    holds, listed = answered(world, 'target.pdb.allowed == 0 && target.pdb.name == "web"')
    assert (holds, "PodDisruptionBudget" in listed) == ([True], True)


@pytest.mark.parametrize("field", ["hpa", "pdb"])
def test_a_workload_without_one_has_none_and_asking_for_its_fields_is_unknown(field):
    name = {"hpa": "max_replicas", "pdb": "allowed"}[field]
    holds, _ = answered(shop(), f"!has(target.{field})", f"target.{field}.{name} > 0")
    assert holds == [True, None]


def test_where_no_condition_speaks_of_them_they_are_not_read():
    _, listed = answered(shop(), "target.ready == 3")
    assert not listed & {"HorizontalPodAutoscaler", "PodDisruptionBudget"}


def test_who_keeps_it_is_known_from_the_object_alone():
    world = shop()
    assert answered(world, "size(target.gitops) == 0")[0] == [True]
    kept = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    change(world, kept)
    assert answered(world, '"Helm" in target.gitops')[0] == [True]


def test_what_may_not_be_read_makes_the_whole_look_unknown():
    world = shop()
    world.authorise = lambda request: request.kind != "HorizontalPodAutoscaler"
    since = world.clock.now()
    about = incident(rule(conditions=("!has(target.hpa)",)), since=since)
    about = replace(about, target=Target("Deployment", "shop", "web", web(world)["metadata"]["uid"]))
    asking, state = Inquiries(None, world.clock), State(policy=policy())
    seen = play(world, Looks(world.cluster(ACCOUNT), world.clock, asking).look(state, about))
    assert "Forbidden" in seen.snapshot.facts.unknown


def test_a_name_that_is_not_in_the_view_is_unknown_and_not_false():
    said = compile_condition("target.hpa.max_replicas > 3", "Deployment").evaluate({"target": {}})
    assert isinstance(said, Unknown)
