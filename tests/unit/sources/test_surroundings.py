"""What is read around a target: live, only what guards in force need, and what cannot be read is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediator.core.guarding import GuardSettings, Portion
from remediator.core.kinds import KINDS, ref_of
from remediator.core.model import Json, Mode, PatchType, Ref, Target
from remediator.core.rules import Rule, Step
from remediator.core.snapshot import Facts
from remediator.core.state import Incident, State
from remediator.core.surroundings import DisruptionBudget, Members, Namespace, Need, Owner, Siblings, Surroundings
from remediator.simulation import objects
from remediator.simulation.audit import Request
from remediator.simulation.world import World
from remediator.sources.disruptions import covers
from remediator.sources.inquiries import Inquiries
from remediator.sources.looks import Looks
from remediator.sources.namespaces import Namespaces
from remediator.sources.surroundings import surroundings
from tests.unit.builders import incident, matcher, policy, rule
from tests.unit.builders import state as state_of

CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": ""}


def world(nodes: int = 3) -> World:
    made = World(namespaces=("default", "kube-system", "shop"), nodes=nodes)
    made.create(objects.deployment("web", "shop", replicas=3))
    made.advance(30)
    return made


def target(w: World, kind: str, name: str) -> Target:
    namespace = "shop" if KINDS[kind].namespaced else ""
    live = w.server.get(Ref(KINDS[kind], namespace, name))
    return Target(kind, namespace, name, live["metadata"]["uid"])


def mark(w: World, about: Target, body: Json) -> None:
    w.server.patch(ref_of(about), body, PatchType.MERGE)


async def around(w: World, about: Target, *needs: Need, hands: dict[str, str] | None = None) -> Surroundings:
    journal = State(hands=state_of().hands.update(hands or {}))
    live = w.server.get(ref_of(about))
    return await surroundings(w.cluster(), journal, incident(target=about), live, needs)


def pods_of(w: World, app: str) -> list[Target]:
    pods = [pod["metadata"] for pod in w.store.each("Pod", "shop") if pod["metadata"]["labels"]["app"] == app]
    return [target(w, "Pod", meta["name"]) for meta in pods]


def a_pod(w: World) -> Target:
    return pods_of(w, "web")[0]


# Namespace and owners


async def test_a_namespace_says_whether_it_opted_out_and_whether_it_goes():
    w = world()
    assert (await around(w, target(w, "Deployment", "web"), Need.NAMESPACE)).namespace == Namespace()
    mark(w, target(w, "Namespace", "shop"), {"metadata": {"annotations": {"remediator.io/exclude": "true"}}})
    assert (await around(w, target(w, "Deployment", "web"), Need.NAMESPACE)).namespace == Namespace(False, "true")


async def test_a_namespace_that_is_gone_is_on_its_way_out():
    w = world()
    found = await surroundings(
        w.cluster(), State(), incident(target=Target("Deployment", "gone", "web")), {"metadata": {}}, [Need.NAMESPACE]
    )
    assert found.namespace == Namespace(terminating=True)


async def test_owners_are_followed_up_to_the_last_one_that_is_known():
    w = world()
    mark(w, target(w, "Deployment", "web"), {"metadata": {"annotations": {"remediator.io/exclude": "yes"}}})
    found = (await around(w, a_pod(w), Need.OWNERS)).owners
    assert [owner.exclude for owner in found] == [None, "yes"]
    assert found[-1] == Owner("Deployment web", "yes")


async def test_what_nobody_owns_has_no_owners_and_nothing_is_read():
    w = world()
    before = len(w.audit.entries)
    assert (await around(w, target(w, "Deployment", "web"), Need.OWNERS)).owners == ()
    assert len(w.audit.entries) == before


# Siblings


async def test_a_workloads_siblings_are_those_of_its_kind_in_its_namespace():
    w = world()
    w.create(
        objects.deployment("api", "shop"),
        objects.deployment("down", "shop", "broken:1"),
        objects.deployment("elsewhere", "default"),
        objects.stateful_set("db", "shop"),
    )
    w.advance(60)
    found = (await around(w, target(w, "Deployment", "web"), Need.SIBLINGS)).siblings
    assert found == Siblings(total=3, healthy=1, pool=3), "web itself is not counted among the healthy others"


async def test_what_is_in_hand_is_not_healthy_and_what_is_gone_in_hand_is_not_replaced():
    w = world()
    w.create(objects.deployment("api", "shop"), objects.deployment("mail", "shop"))
    w.advance(60)
    hands = {"Deployment/shop/api": "i1", "Deployment/shop/gone": "i2", "Deployment/cart/x": "i3"}
    found = (await around(w, target(w, "Deployment", "web"), Need.SIBLINGS, hands=hands)).siblings
    assert found == Siblings(4, 1, ("Deployment/shop/api", "Deployment/shop/gone"), 3)


async def test_its_own_hand_is_not_somebody_elses():
    w = world()
    hands = {"Deployment/shop/web": "incident-1"}
    found = (await around(w, target(w, "Deployment", "web"), Need.SIBLINGS, hands=hands)).siblings
    assert found == Siblings(1, 0, (), 1)


def cluster_of_nodes() -> World:
    """Three nodes of the control plane, and five others in two zones, one of them cordoned."""
    w = World(nodes=0)
    for name in ("cp1", "cp2", "cp3"):
        w.create(objects.node(name, labels=CONTROL_PLANE))
    for name, zone in (("w1", "a"), ("w2", "a"), ("w3", "b"), ("w4", "b"), ("w5", "b")):
        w.create(objects.node(name, labels={"topology.kubernetes.io/zone": zone}))
    w.advance(60)
    mark(w, Target("Node", "", "w5"), {"spec": {"unschedulable": True}})
    return w


@pytest.mark.parametrize(
    ("name", "hands", "siblings"),
    [
        ("w1", {}, Siblings(5, 3, (), 5, 2)),
        ("w4", {}, Siblings(5, 3, (), 5, 3)),
        ("w5", {}, Siblings(5, 4, (), 5, 3)),
        ("w1", {"Node//w2": "i"}, Siblings(5, 2, ("Node//w2",), 5, 2)),
        ("w1", {"Node//cp1": "i"}, Siblings(5, 3, ("Node//cp1",), 5, 2)),
        ("w1", {"Node//w9": "i"}, Siblings(6, 3, ("Node//w9",), 5, 2)),
        ("cp1", {}, Siblings(3, 2, (), 3, 3)),
    ],
)
async def test_a_nodes_siblings_are_the_control_plane_or_all_but_those(name, hands, siblings):
    """A cordoned one takes no pods: it counts as not healthy. One deleted in hand and not replaced counts too."""
    w = cluster_of_nodes()
    assert (await around(w, target(w, "Node", name), Need.SIBLINGS, hands=hands)).siblings == siblings


async def test_a_pods_siblings_are_those_of_its_controller_missing_ones_included():
    w = world(nodes=1)
    w.create(objects.deployment("api", "shop"))
    w.advance(60)
    about, gone, _ = pods_of(w, "api")
    assert (await around(w, about, Need.SIBLINGS)).siblings == Siblings(3, 2, (), 6)
    mark(w, Target("Node", "", "node-1"), {"spec": {"unschedulable": True}})
    w.server.delete(ref_of(gone))
    w.advance(60)
    found = (await around(w, about, Need.SIBLINGS)).siblings
    assert (found.total, found.healthy) == (3, 1), "its successor has not started"


async def test_what_has_no_siblings_by_definition_is_not_guessed():
    w = world()
    w.create(objects.job("once", "shop"))
    found = await around(w, target(w, "Job", "once"), Need.SIBLINGS)
    assert found.siblings is None
    assert found.missing(Need.SIBLINGS) == ("siblings cannot be read: what the siblings of a Job are is not defined")


# Disruption budgets and autoscalers


@pytest.mark.parametrize(
    ("selector", "covered"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchLabels": {"app": "web", "tier": "x"}}, False),
        ({}, True),
        (None, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_which_pods_a_budget_covers(selector, covered):
    assert covers(selector, {"app": "web"}) is covered


@pytest.mark.parametrize("kind", ["Deployment", "Pod"])
async def test_the_budgets_over_a_targets_pods_and_how_many_they_let_go(kind):
    w = world()
    w.create(objects.disruption_budget("tight", "shop", "web", minAvailable=3))
    w.create(objects.disruption_budget("loose", "shop", "web", minAvailable=1))
    w.create(objects.disruption_budget("others", "shop", "api", minAvailable=1))
    w.advance(10)
    about = target(w, "Deployment", "web") if kind == "Deployment" else a_pod(w)
    found = (await around(w, about, Need.DISRUPTION_BUDGETS)).disruption_budgets
    assert set(found) == {DisruptionBudget("tight", 0), DisruptionBudget("loose", 2)}


async def test_a_budget_that_has_not_seen_its_last_change_lets_nothing_go():
    w = world()
    w.create(objects.disruption_budget("loose", "shop", "web", minAvailable=1))
    w.advance(10)
    budget = Ref(KINDS["PodDisruptionBudget"], "shop", "loose")
    w.server.patch(budget, {"spec": {"minAvailable": 2}}, PatchType.MERGE)
    found = (await around(w, target(w, "Deployment", "web"), Need.DISRUPTION_BUDGETS)).disruption_budgets
    assert found == (DisruptionBudget("loose", 0),)


async def test_what_scales_the_target():
    w = world()
    w.create(objects.deployment("api", "shop"))
    w.create(objects.autoscaler("web-hpa", "shop", "web", 1, 5))
    assert (await around(w, target(w, "Deployment", "web"), Need.AUTOSCALERS)).autoscalers == (
        "HorizontalPodAutoscaler web-hpa",
    )
    assert (await around(w, target(w, "Deployment", "api"), Need.AUTOSCALERS)).autoscalers == ()


# The control plane


def etcd_on(w: World, node: str, **labels: str) -> None:
    pod = objects.pod(f"etcd-{node}", "kube-system")
    pod["metadata"]["labels"] = {"component": "etcd", **labels}
    pod["spec"]["nodeName"] = node
    w.create(pod)


@pytest.mark.parametrize(
    ("budgets", "etcd", "members"),
    [
        ((), False, Members(3, 2)),
        ((), True, Members(3, 2)),
        ((2,), True, Members(3, 2, (), (DisruptionBudget("etcd-2", 1),))),
    ],
)
async def test_a_member_is_read_with_the_budgets_over_its_etcd(budgets, etcd, members):
    w = cluster_of_nodes()
    for name in ("cp1", "cp2", "cp3") if etcd else ():
        etcd_on(w, name)
    for minimum in budgets:
        budget = objects.disruption_budget(f"etcd-{minimum}", "kube-system", "etcd", minAvailable=minimum)
        budget["spec"]["selector"] = {"matchLabels": {"component": "etcd"}}
        w.create(budget)
    w.advance(30)
    assert (await around(w, target(w, "Node", "cp1"), Need.MEMBERS)).members == members


# What cannot be read, and what is not read


def forbid(w: World, forbidden: Callable[[Request], bool]) -> None:
    w.authorise = lambda request: not forbidden(request)


@pytest.mark.parametrize(
    ("need", "kind"),
    [
        (Need.NAMESPACE, "Namespace"),
        (Need.SIBLINGS, "Deployment"),
        (Need.AUTOSCALERS, "HorizontalPodAutoscaler"),
        (Need.DISRUPTION_BUDGETS, "PodDisruptionBudget"),
    ],
)
async def test_what_may_not_be_read_is_said_and_the_rest_is_read(need, kind):
    w = world()
    forbid(w, lambda request: request.kind == kind and (kind != "Deployment" or request.verb == "list"))
    others = [each for each in (Need.NAMESPACE, Need.AUTOSCALERS, Need.DISRUPTION_BUDGETS) if each is not need]
    found = await around(w, target(w, "Deployment", "web"), need, *others)
    assert getattr(found, need) is None
    assert "cannot be read" in found.missing(need)
    assert [found.missing(each) for each in others] == [""] * len(others)


async def seen(w: World, about: Incident, **settings) -> tuple[Facts, list[str]]:
    """The facts of a look by a rule that fires, and the kinds that were read for it."""
    journal = replace(State(policy=policy(**settings)), rules=State().rules.set("r", about.definition))
    before = len(w.audit.entries)
    looked = await Looks(w.cluster("ours"), w.clock, Inquiries(None, w.clock)).look(journal, about)
    return looked.snapshot.facts, [f"{each.request.verb} {each.request.kind}" for each in w.audit.entries[before:]]


def about_web(w: World, of: Rule | None = None, **fields) -> Incident:
    """An incident that fires now, and whose target was diagnosed with its first write."""
    given = {"opened_at": w.clock.now(), "since": w.clock.now(), "serial": 1} | fields
    return incident(of or rule("r"), target(w, "Deployment", "web"), **given)


async def test_what_a_namespace_says_between_two_looks_the_second_one_sees():
    """Reads are shared by looks that began before them, and by no later one: also not in the same instant."""
    w = world()
    w.advance(3600)
    looks, about = Looks(w.cluster("ours"), w.clock, Inquiries(None, w.clock)), about_web(w)
    journal = replace(State(policy=policy()), rules=State().rules.set("r", about.definition))
    before = (await looks.look(journal, about)).snapshot.facts
    mark(w, target(w, "Namespace", "shop"), {"metadata": {"annotations": {"remediator.io/exclude": "true"}}})
    assert before.around.namespace == Namespace()
    assert (await looks.look(journal, about)).snapshot.facts.around.namespace == Namespace(False, "true")
    mark(w, target(w, "Namespace", "shop"), {"metadata": {"annotations": {"remediator.io/exclude": "false"}}})
    assert (await looks.look_again(journal, about)).around.namespace == Namespace(False, "false")


async def test_looks_that_began_before_a_read_of_their_namespace_share_it():
    w = world()
    looks, about = Namespaces(w.clock), about_web(w)
    began, entries = w.clock.now(), len(w.audit.entries)
    w.advance(1)
    found = [await looks.read(began, w.cluster("ours"), State(), about, {}) for _ in range(3)]
    assert found == [Namespace()] * 3
    assert len(w.audit.entries) - entries == 1


async def test_a_look_reads_what_guards_in_force_need_and_nothing_else():
    w = world()
    w.advance(3600)
    plain, read = await seen(w, about_web(w))
    assert read[:2] == ["get Deployment", "get Namespace"]
    assert not any("list" in each for each in read)
    assert plain.around.siblings is None

    limited = rule("r", guards=GuardSettings(min_healthy=Portion(share=60)))
    facts, read = await seen(w, about_web(w, limited))
    assert "list Deployment" in read
    assert facts.around.siblings == Siblings(1, 0, (), 1)


async def test_a_restart_that_takes_ready_pods_away_is_weighed_against_the_budgets():
    w = world()
    surging, read = await seen(w, about_web(w))
    assert (surging.takes_away, "list PodDisruptionBudget" in read) == (0, False)
    mark(w, target(w, "Deployment", "web"), {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}})
    w.advance(30)
    taking, read = await seen(w, about_web(w))
    assert (taking.takes_away, "list PodDisruptionBudget" in read) == (1, True)


async def test_nothing_is_read_for_who_may_not():
    w = world()
    _, read = await seen(w, about_web(w, rule("r", mode=Mode.OFF)))
    assert read == ["get Deployment"]


async def test_for_who_only_tells_the_target_is_diagnosed_and_no_guard_is_served():
    w = world()
    facts, read = await seen(w, about_web(w, rule("r", Step("escalate", {"receiver": "oncall"}))))
    assert "list Pod" in read
    assert facts.around.namespace is None


async def test_nothing_is_read_before_the_rule_fires():
    w = world()
    waiting = rule("r", when=replace(rule().when, alert=(matcher("alertname", "A"),), for_=60.0))
    _, read = await seen(w, about_web(w, waiting))
    assert read == ["get Deployment"]
