"""Guard `protected`: never itself, never what the settings protect."""

from __future__ import annotations

import pytest

from remediator.core.model import Target
from remediator.core.rules import Itself, Protected
from remediator.core.workload import facts_of
from remediator.guards.protected import GUARD
from tests.unit.builders import START, deployment, incident, policy, request, snapshot, state

OWN = {"app.kubernetes.io/name": "remediator"}


def ask(target: Target, labels: dict[str, str], **settings):
    journal = state(policy=policy(**settings))
    return GUARD.ask(request(incident(target=target)), journal, snapshot(labels=labels).facts, START)


@pytest.mark.parametrize(
    ("namespace", "protects", "verdict"),
    [
        ("shop", Protected(), "allow"),
        ("kube-system", Protected(), "deny"),
        ("kube-system", Protected(namespaces=()), "allow"),
        ("monitoring", Protected(namespaces=("kube-system", "monitoring")), "deny"),
        ("kube-system-tools", Protected(), "allow"),
        ("", Protected(), "allow"),
    ],
)
def test_namespaces_by_their_exact_name(namespace, protects, verdict):
    assert ask(Target("Deployment", namespace, "web"), {}, protected=protects).verdict == verdict


@pytest.mark.parametrize(("name", "verdict"), [("shop", "allow"), ("kube-system", "deny"), ("ops", "deny")])
def test_a_namespace_itself_is_protected_as_what_is_in_it(name, verdict):
    """Pods of a whole namespace may be cleared away: not of a protected one, and not of the remediator's own."""
    assert ask(Target("Namespace", "", name), {}, itself=Itself("ops", "remediator-7d4f-x2x")).verdict == verdict


@pytest.mark.parametrize(
    ("labels", "verdict"),
    [
        ({}, "allow"),
        ({"tier": "critical"}, "deny"),
        ({"tier": "web"}, "allow"),
        ({"tier": ""}, "allow"),
        ({"tier": "critical", "app": "web"}, "deny"),
    ],
)
def test_objects_by_label(labels, verdict):
    settings = Protected(selectors=("tier=critical",))
    assert ask(Target("Deployment", "shop", "web"), labels, protected=settings).verdict == verdict


@pytest.mark.parametrize(
    ("target", "labels", "verdict", "why"),
    [
        (Target("Deployment", "ops", "remediator"), {}, "deny", "the owner of the own pod, by its name"),
        (Target("Pod", "ops", "remediator-7d4f-x2x"), {}, "deny", "the own pod"),
        (Target("Deployment", "ops", "anything"), OWN, "deny", "by its label in the own namespace"),
        (Target("Deployment", "ops", "remedy"), {}, "allow", "a name that only begins alike"),
        (Target("Deployment", "shop", "remediator"), OWN, "allow", "somebody else's, in another namespace"),
    ],
)
def test_itself(target, labels, verdict, why):
    own = Itself("ops", "remediator-7d4f-x2x")
    assert ask(target, labels, itself=own).verdict == verdict, why


def test_outside_of_a_cluster_there_is_no_self():
    assert ask(Target("Deployment", "", "remediator"), OWN, itself=Itself()).verdict == "allow"


def test_the_reason_names_what_protects():
    verdict = ask(Target("Deployment", "kube-system", "coredns"), {})
    assert verdict.reason == "namespace kube-system is protected"


@pytest.mark.parametrize(
    ("selectors", "number", "verdict"),
    [(("zone=dmz",), 31, "deny"), (("zone=dmz",), 32, "deny"), (("zone=dmz",), 60, "deny"), ((), 60, "allow")],
)
def test_a_protected_label_cannot_hide_behind_many_others(selectors, number, verdict):
    labels = {f"label-{each:03}": "" for each in range(number)} | {"zone": "dmz"}
    facts = facts_of(deployment(metadata={"labels": labels}), START)
    journal = state(policy=policy(protected=Protected(selectors=selectors)))
    assert GUARD.ask(request(), journal, facts, START).verdict == verdict


NODE = Target("Node", "", "n1")


@pytest.mark.parametrize(
    ("facts", "itself", "verdict", "why"),
    [
        ({}, Itself(), "allow", "any node, from outside of the cluster"),
        ({}, Itself("ops", "remediator-0", "n2"), "allow", "another node than the own"),
        ({}, Itself("ops", "remediator-0", "n1"), "deny", "the node that it runs on"),
        ({}, Itself("ops", "remediator-0"), "deny", "it may be the own node: NODE_NAME is not set"),
        ({"control_plane": True}, Itself(), "deny", "the control plane"),
        ({"control_plane": True}, Itself("ops", "remediator-0", "n2"), "deny", "the control plane"),
    ],
)
def test_nodes(facts, itself, verdict, why):
    journal = state(policy=policy(itself=itself))
    assert GUARD.ask(request(incident(target=NODE)), journal, snapshot(**facts).facts, START).verdict == verdict, why


@pytest.mark.parametrize(
    ("target", "allowed", "verdict"),
    [
        (Target("Deployment", "kube-system", "coredns"), "Deployment/kube-system/coredns", "allow"),
        (Target("Deployment", "kube-system", "coredns"), "Deployment/kube-system/other", "deny"),
        (Target("Deployment", "kube-system", "coredns"), "DaemonSet/kube-system/coredns", "deny"),
        (Target("Deployment", "ops", "remediator"), "Deployment/ops/remediator", "allow"),
        (NODE, "Node/n1", "allow"),
        (NODE, "Node/n2", "deny"),
    ],
)
def test_one_object_may_be_allowed_by_its_name(target, allowed, verdict):
    settings = {"protected": Protected(allow=(allowed,)), "itself": Itself("ops", "remediator-7d4f-x2x", "n1")}
    assert ask(target, {}, **settings).verdict == verdict
