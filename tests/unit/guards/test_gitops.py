"""Guard `gitops`: what Argo CD, Flux or Helm keeps is to be changed there, and not fought over."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.guards.gitops import GUARD
from tests.unit.builders import START, incident, request, rule, snapshot, state

ROLLBACK = request(incident(rule("r", "rollback"))).action
RESTART = request().action
SCALE = Action("scale", (), no_arguments, disrupts=Disruption.NONE, sets=frozenset({"replicas"}))
ARGO, FLUX, HELM = ("Argo CD",), ("Flux",), ("Helm",)


def ask(tools: tuple[str, ...], policy: str, action: Action):
    asked = replace(request(gitops=policy), action=action)
    return GUARD.ask(asked, state(), snapshot(reconcilers=tools).facts, START)


@pytest.mark.parametrize(
    ("tools", "policy", "action", "verdict", "why"),
    [
        ((), "", ROLLBACK, "allow", "nobody keeps it"),
        ((), "refuse", ROLLBACK, "allow", "nobody keeps it"),
        (ARGO, "", ROLLBACK, "deny", "it would be put back"),
        (FLUX, "", ROLLBACK, "deny", "it would be put back"),
        (HELM, "", ROLLBACK, "allow", "Helm alone reconciles nothing"),
        (HELM, "refuse", ROLLBACK, "deny", "unless that is what is written"),
        (("Argo CD", "Helm"), "", ROLLBACK, "deny", "a chart that Argo CD deploys"),
        (ARGO, "refuse", ROLLBACK, "deny", "as written"),
        (ARGO, "notify", ROLLBACK, "allow", "as written"),
        (ARGO, "allow", ROLLBACK, "allow", "as written"),
        (ARGO, "", SCALE, "deny", "replicas stand in manifests too"),
        (ARGO, "", RESTART, "allow", "the annotation of a restart stands in no manifest"),
        (FLUX, "refuse", RESTART, "allow", "the annotation of a restart stands in no manifest"),
    ],
)
def test_who_may_change_what_stands_in_a_manifest(tools, policy, action, verdict, why):
    assert ask(tools, policy, action).verdict == verdict, why


def test_the_refusal_says_whose_it_is_and_what_to_write():
    answer = ask(("Argo CD", "Helm"), "", ROLLBACK)
    assert answer.reason == ("Argo CD and Helm keep its template: change it there, or write gitops: notify or allow")


def test_notify_says_whose_it_is_with_the_decision():
    assert ask(HELM, "", ROLLBACK).reason == "Helm keeps its template and may put it back: change it there too"
