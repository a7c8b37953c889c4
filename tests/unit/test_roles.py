"""The least roles for settings and rules: where each right is given, who needs it, and that they are enough."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map
from msgspec.structs import replace

from remediator.actions import ACTIONS
from remediator.config.confined import namespaces_of
from remediator.config.promql import pinned
from remediator.config.settings import KubernetesAccess, KubernetesAuth, LeaderElection, Settings, Web, WebAuth
from remediator.core.fold.tides import tide_keys
from remediator.core.kinds import KINDS, WITH_SIBLINGS
from remediator.core.memory import Tide
from remediator.core.model import Mode, Target
from remediator.core.rules import GuardSettings, Matcher, MatchOp, ObjectSpec, Rule, Step, TargetSpec, Until, When
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards import GUARDS
from remediator.guards.guard import Request, limits_of
from remediator.roles import Role, needed, roles
from remediator.simulation.audit import Request as Asked
from tests.unit.builders import ESCALATE, START, incident, matcher, policy, rule
from tests.unit.controller import draining
from tests.unit.controller.house import House
from tests.unit.playing import ACCOUNT, BROKEN, roll_out, shop

ENFORCE = Settings(mode=Mode.ENFORCE, kubernetes=KubernetesAccess(pause_configmap=""))
SHOP = When((matcher("alertname", "Stuck"), matcher("namespace", "shop")))

Right = tuple[str, str, str]
"""A namespace (empty: the cluster), a resource, a verb."""


def rights(found: tuple[Role, ...]) -> set[Right]:
    return {(role.namespace, line.resource, verb) for role in found for line in role.lines for verb in line.verbs}


def of(*rules: Rule, settings: Settings = ENFORCE) -> set[Right]:
    return rights(roles(settings, rules, "ops"))


def why(found: tuple[Role, ...], resource: str, verb: str) -> dict[str, tuple[str, ...]]:
    (reasons,) = [
        line.why[verb] for role in found for line in role.lines if line.resource == resource and verb in line.why
    ]
    return reasons


def test_what_matchers_confine_to_namespaces_is_granted_there_alone():
    found = of(rule("undo", "rollback", when=SHOP))
    assert ("shop", "deployments", "patch") in found
    assert {namespace for namespace, resource, _ in found if resource != "nodes"} == {"shop"}
    assert ("shop", "namespaces", "get") in found


@pytest.mark.parametrize(
    ("signal", "confined"),
    [
        (When((Matcher("namespace", MatchOp.REGEX, "shop|cart"),)), ("cart", "shop")),
        (When((Matcher("namespace", MatchOp.REGEX, "(shop|cart)"),)), ("cart", "shop")),
        (When((Matcher("namespace", MatchOp.REGEX, "shop-.*"),)), ()),
        (When((Matcher("namespace", MatchOp.NOT_EQUAL, "shop"),)), ()),
        (When((matcher("namespace", "monitoring"), matcher("exported_namespace", "shop"))), ("shop",)),
        (When(object=ObjectSpec("Deployment", "shop", where="true")), ("shop",)),
        (When(object=ObjectSpec("Deployment", where="true")), ()),
        (When(query='sum by (namespace) (rate(errors{namespace="shop"}[5m])) > 1'), ("shop",)),
        (When(query='a{namespace="shop"} > b{namespace=~"shop"}'), ()),
        (When(query='a{namespace="shop|cart"} > 1'), ()),
        (When(query='label_replace(a{namespace="shop"}, "namespace", "x", "y", "z")'), ()),
        (When(query='count_values("namespace", a{namespace="shop"})'), ()),
    ],
)
def test_a_rule_is_confined_where_every_one_of_its_signals_is(signal, confined):
    assert namespaces_of(rule(when=signal)) == confined


def test_a_query_that_cannot_be_parsed_confines_nothing():
    assert pinned('a{namespace="shop"} smoothed (', "namespace") == frozenset()


def test_what_the_cluster_grants_is_not_granted_again_in_a_namespace_and_keeps_all_its_reasons():
    found = roles(ENFORCE, [rule("undo", when=SHOP), rule("all", "rollback")], "ops")
    assert ("shop", "deployments", "patch") not in rights(found)
    assert why(found, "deployments", "patch") == {"action restart": ("undo",), "action rollback": ("all",)}


def test_each_right_says_who_needs_it():
    (role, _) = roles(ENFORCE, [rule("undo", "rollback", when=SHOP, guards=GuardSettings(cooldown=0.0))], "ops")[::-1]
    found = (role,)
    assert why(found, "deployments", "patch") == {"action rollback": ("undo",)}
    assert why(found, "pods", "create") == {"guard capacity": ("undo",)}
    assert why(found, "poddisruptionbudgets", "list") == {"guard disruption_budget": ("undo",)}
    assert why(found, "replicasets", "list") == {"diagnosis": ("undo",), "looking at the target": ("undo",)}
    assert why(found, "events", "create") == {"Events on targets": ("undo",)}


def test_a_rule_that_takes_nothing_away_needs_no_rights_for_guards_that_look_at_losses():
    found = of(rule("pause", "rollout_pause", when=SHOP))
    assert not {(resource, verb) for _, resource, verb in found} & {
        ("pods", "create"),
        ("poddisruptionbudgets", "list"),
    }


def test_who_only_tells_writes_nothing():
    assert {verb for _, _, verb in of(rule("ask", ESCALATE), settings=Settings())} == {"get", "list"}


def test_objects_are_watched_where_they_are_and_events_about_nodes_written_in_default():
    node = rule("open", "uncordon", when=When(object=ObjectSpec("Node", where="true")), target=TargetSpec("Node"))
    found = of(node)
    assert {("", "nodes", verb) for verb in ("get", "list", "watch", "patch")} <= found
    assert ("default", "events", "create") in found
    assert not [each for each in of(node, settings=Settings(mode=Mode.OBSERVE)) if each[1:] == ("events", "create")]


def test_a_label_of_its_own_spares_the_way_from_pods():
    assert ("shop", "horizontalpodautoscalers", "get") in of(rule(when=SHOP))
    assert ("shop", "horizontalpodautoscalers", "get") not in of(
        rule(when=SHOP, target=TargetSpec("Deployment", "deployment"))
    )


def test_the_lease_and_reviews_are_the_services_own():
    settings = Settings(
        leader_election=LeaderElection(enabled=True, lease="one"),
        web=Web(auth=WebAuth(kubernetes=KubernetesAuth(enabled=True))),
    )
    cluster, own = roles(settings, [], "ops")
    assert rights((cluster,)) == {("", "tokenreviews", "create"), ("", "subjectaccessreviews", "create")}
    assert {(line.names, line.verbs) for line in own.lines} == {
        (("one",), ("get", "patch", "watch")),
        ((), ("create",)),
        (("remediator-pause",), ("get",)),
    }
    assert own.namespace == "ops"


def test_the_remediators_own_role_comes_last():
    found = roles(Settings(), [rule("undo", "rollback", when=SHOP)], "ops")
    assert [role.namespace for role in found] == ["", "shop", "ops"]


def test_the_plural_of_a_custom_kind_is_said_to_be_guessed():
    patch = Step("patch", {"type": "merge", "patch": {"spec": {"a": 1}}})
    kind = "NetworkPolicy.v1.example.org"
    (line,) = [
        line
        for role in roles(ENFORCE, [rule("own", patch, target=TargetSpec(kind, "name"))], "ops")
        for line in role.lines
        if line.group == "example.org"
    ]
    assert (line.resource, line.guessed, line.verbs) == ("networkpolicies", True, ("get", "patch"))


def test_the_order_is_that_of_names_whatever_the_order_of_rules():
    rules = [rule("b", "rollback", when=SHOP), rule("a", "restart", target=TargetSpec("StatefulSet"))]
    once, again = (roles(ENFORCE, order, "ops") for order in (rules, rules[::-1]))
    assert [(role.namespace, [line.resource for line in role.lines]) for role in once] == [
        (role.namespace, [line.resource for line in role.lines]) for role in again
    ]


ARGS = {
    "scale": {"to": 4},
    "patch": {"type": "merge", "patch": {"spec": {"template": {}}}},
    "delete_pods": {"phase": ["Running"]},
    "webhook": {"receiver": "oncall"},
    "taint": {"key": "example.org/broken"},
}


def _possible() -> st.SearchStrategy[tuple[str, str]]:
    """A step's action, and a kind of target that it applies to."""
    pairs = [(name, kind) for name, action in ACTIONS.items() for kind in action.kinds or WITH_SIBLINGS]
    return st.sampled_from(pairs)


@given(
    _possible(),
    st.builds(
        Facts,
        taken_at=st.just(START),
        exists=st.just(True),
        desired=st.integers(0, 9),
        ready=st.integers(0, 3),
        takes_away=st.integers(0, 3),
        control_plane=st.booleans(),
        paused=st.booleans(),
        rolling_out=st.booleans(),
    ),
    st.integers(0, 9),
)
def test_no_guard_ever_needs_what_was_not_foreseen(step, facts, matched):
    name, kind = step
    written = rule("any", Step(name, args := ARGS.get(name, {})), target=TargetSpec(kind))
    target = Target(kind, "shop" if KINDS[kind].namespaced else "", "web", "uid")
    facts = replace(facts, control_plane=facts.control_plane and kind == "Node")
    action = ACTIONS[name].asked(args, target, facts)
    asked = Request(
        incident(written, target), written, written.do[0], action, Mode.ENFORCE, limits_of(policy(), written)
    )
    world = State(
        policy=policy(), tides=Map({key: Tide(matched) for key in tide_keys("any", kind, target.namespace, "")})
    )
    foreseen = {(guard.name, need) for guard, need in needed(ENFORCE, written, 0, kind)}
    for guard in GUARDS if not asked.writes_nothing and kind in WITH_SIBLINGS else ():
        assert {(guard.name, need) for need in guard.needs(asked, world, facts, START)} <= foreseen


NODE_RULE = draining.draining()
UNDO = rule("undo", "rollback", ESCALATE, when=SHOP, conditions=("pods.size() >= 0 && target.pdb == null || true",))
RESTART = rule("again", "restart", ESCALATE, when=SHOP, until=Until(for_=10.0, within=300.0))


def undoing() -> House:
    world = shop()
    roll_out(world, BROKEN)
    world.advance(900)
    return House(world, policy(), UNDO)


def restarting() -> House:
    return House(shop(), policy(), RESTART)


def drained() -> House:
    return House(draining.world(), policy(), NODE_RULE)


STORIES: dict[str, tuple[Callable[[], House], Rule]] = {
    "rollback": (undoing, UNDO),
    "restart": (restarting, RESTART),
    "drain": (drained, NODE_RULE),
}


def play(story: str, without: Right | None = None) -> House:
    """The story under the least roles, or with one right less; to its end."""
    build, written = STORIES[story]
    house, granted = build(), of(written) - {without}
    house.world.authorise = lambda asked: asked.account != ACCOUNT or _may(granted, asked)
    house.start()
    draining.alert(house) if story == "drain" else house.alert(namespace="shop")
    house.wait(1200)
    return house


def _may(granted: set[Right], asked: Asked) -> bool:
    verb, part = ("create", "eviction") if asked.verb == "evict" else (asked.verb, asked.part)
    plural = KINDS[asked.kind].plural
    named = asked.name if asked.kind == "Namespace" else asked.namespace
    return not {("", full := f"{plural}/{part}" if part else plural, verb), (named, full, verb)}.isdisjoint(granted)


def refused(house: House) -> list[Asked]:
    return [each.request for each in house.world.audit.entries if each.code == 403]


@pytest.mark.parametrize("story", STORIES)
def test_the_product_works_with_exactly_these_roles(story):
    house = play(story)
    assert refused(house) == []
    assert [closed.reason for closed in house.all("incident_closed")] == ["recovered"]
    house.close()


ONE_LESS = [(story, right) for story, (_, written) in STORIES.items() for right in sorted(of(written))]


@pytest.mark.parametrize(
    ("story", "right"), ONE_LESS, ids=lambda each: each if isinstance(each, str) else "-".join(each)
)
def test_without_one_right_what_needs_it_is_not_done_and_the_journal_names_the_right(story, right):
    """What only tells people more holds nothing back; what was not needed this time (after a crash) neither."""
    house = play(story, right)
    _, resource, verb = right
    by_whom = why(roles(ENFORCE, [STORIES[story][1]], "ops"), resource, verb)
    courtesy = set(by_whom) <= {"diagnosis", "Events on targets"}
    done = [str(closed.reason) for closed in house.all("incident_closed")] == ["recovered"]
    assert done is (courtesy or not refused(house))
    if refused(house) and "Events on targets" not in by_whom:
        journal = " ".join(str(event) for event in house.events())
        assert f'resources: ["{resource}"], verbs: ["{verb}"]' in journal
    house.close()
