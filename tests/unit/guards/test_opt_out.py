"""Guard `opt_out`: whoever wrote `remediator.io/exclude` is left alone."""

from __future__ import annotations

import pytest

from remediator.core.model import Target
from remediator.core.surroundings import Namespace, Owner, Surroundings
from remediator.guards import GUARDS
from remediator.guards.opt_out import GUARD, needs
from tests.unit.builders import ESCALATE, START, WEB, Story, at, incident, request, rule, snapshot, state

NODE = Target("Node", "", "n1", "uid-n1")


def ask(target: Target = WEB, exclude: str | None = None, **around):
    given = {"namespace": Namespace(), "owners": ()} | around
    seen = snapshot(exclude=exclude, around=Surroundings(**given)).facts
    return GUARD.ask(request(incident(target=target)), state(), seen, START)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (None, "allow"),
        ("true", "deny"),
        ("false", "allow"),
        ("True", "deny"),
        ("FALSE", "deny"),
        ("yes", "deny"),
        ("no", "deny"),
        ("0", "deny"),
        ("", "deny"),
        (" false", "deny"),
    ],
)
@pytest.mark.parametrize("place", ["object", "owner", "namespace"])
def test_only_the_exact_words_mean_what_they_say_and_all_others_mean_yes(place, value, verdict):
    """`exclude: "false"` that excluded is a bug of others; `exclude: yes` that did not would be worse."""
    found = {
        "object": {"exclude": value},
        "owner": {"owners": (Owner("Deployment web", value),)},
        "namespace": {"namespace": Namespace(exclude=value)},
    }[place]
    assert ask(**found).verdict == verdict


def test_false_at_the_object_does_not_take_back_what_the_namespace_says():
    assert ask(exclude="false", namespace=Namespace(exclude="true")).verdict == "deny"


def test_the_reason_names_who_opted_out_and_warns_of_what_nobody_understands():
    assert ask(exclude="true").reason == "Deployment/shop/web opted out"
    warned = ask(namespace=Namespace(exclude="yes"))
    assert warned.reason == (
        'namespace shop has remediator.io/exclude: "yes", which is neither "true" nor "false": taken for opted out'
    )


@pytest.mark.parametrize(
    ("around", "reason"),
    [
        ({"namespace": None}, "namespace not read yet"),
        ({"namespace": None, "unread": {"namespace": "forbidden"}}, "namespace cannot be read: forbidden"),
        ({"owners": None, "unread": {"owners": "timed out"}}, "owners cannot be read: timed out"),
    ],
)
def test_what_cannot_be_read_holds(around, reason):
    answer = ask(**around)
    assert (answer.verdict, answer.reason, answer.retry_at) == ("hold", reason, at(15))


def test_a_node_is_in_no_namespace():
    assert ask(NODE, namespace=None).verdict == "allow"
    assert needs(request(incident(target=NODE)), state(), snapshot().facts, START) == ("owners",)


def test_it_is_no_reason_to_tell_a_person():
    story = Story(rule("undo-bad-rollout", "restart", ESCALATE))
    story.fires(0)
    story.looks(1, snapshot(exclude="true"))
    assert (story.incident.phase, story.all("escalated")) == ("resting", [])


def test_it_is_asked_about_every_target():
    assert GUARD in GUARDS
