"""Conditions: what they answer, that a missing value is unknown and never false, and that asking never raises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediator.conditions import ConditionError, Unknown, compile_condition

HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
POD = {"name": "shop-1", "ready": False, "restarts": 7, "reason": "CrashLoopBackOff", "age": HOUR, "images": ["shop:2"]}
VIEW = {
    "labels": {"severity": "page", "app.kubernetes.io/name": "shop"},
    "annotations": {},
    "value": 0.07,
    "object": {"spec": {"replicas": 3, "cpu": "500m", "paused": None}, "metadata": {"generation": 4}},
    "now": NOW,
    "pods": (POD, {**POD, "name": "shop-2", "exit_code": 137}),
    "target": {
        "name": "shop",
        "labels": {"team": "shop"},
        "replicas": 3,
        "ready": 2,
        "revision": 4,
        "rollout_age": HOUR,
        "paused": False,
        "images": ["shop:2"],
    },
}


def answer(source, view=VIEW, kind="Deployment"):
    return compile_condition(source, kind).evaluate(view)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ('target.revision > 1 && target.rollout_age < duration("2h")', True),
        ('target.rollout_age < duration("30m")', False),
        ('labels.severity == "page"', True),
        ('labels["app.kubernetes.io/name"] != "shop"', False),
        ('target.labels.team == "shop"', True),
        ("target.ready < target.replicas", True),
        ("value > 0.05", True),
        ("value > 1", False),
        ("value == 1 || value < 1", True),
        ("1 > value", True),
        ('pods.exists(p, p.reason == "CrashLoopBackOff" && p.age > duration("10m"))', True),
        ("pods.all(p, p.restarts > 3)", True),
        ("pods.filter(p, p.ready).size() == 0", True),
        ("pods.exists(p, has(p.exit_code) && p.exit_code == 137)", True),
        ('target.images.exists(i, i.startsWith("shop:"))', True),
        ('target.name.matches("^sh.p$")', True),
        ('quantity(object.spec.cpu) >= quantity("0.5")', True),
        ('quantity("1Gi") > 1', True),
        ("object.spec.replicas == 3", True),
        ("object.spec.paused == null", True),
        ('now > timestamp("2026-01-31T08:59:59Z")', True),
        ('now - duration("1h") < timestamp("2026-01-31T08:00:01Z")', True),
        ("target.?available.orValue(0) == 0", True),
        ("!target.paused", True),
        ("has(target.available)", False),
        ("true // a comment", True),
    ],
)
def test_answers(source, holds):
    assert answer(source) is holds


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("target.available > 1", "target.available is missing"),
        ('labels.team == "shop"', "labels.team is missing"),
        ('labels["team"] != "shop"', 'labels["team"] is missing'),
        ('!(labels.team == "shop")', "labels.team is missing"),
        ("object.status.readyReplicas == 0", "object.status is missing"),
        ("pods.exists(p, p.exit_code == 1)", "p.exit_code is missing"),
        ("has(object.status.replicas)", "object.status is missing"),
        ("object.spec.paused > 1", "`>` does not go with null, int"),
        ("object.spec.replicas", "the answer is of type int, not true or false"),
        ("object.spec", "the answer is of type map<dyn, dyn>, not true or false"),
        ("ready(object)", "a thing does not say whether it is ready"),
        ("object.spec.replicas / 0 == 1", "divide by zero"),
        ("pods[5].ready", "Index error: index=5 size=2"),
        ('quantity(object.spec.cpu + "x") > 1', "'500mx' is not a quantity, as 500m or 1.5Gi are"),
        ('duration(object.spec.cpu + "x") > duration("1s")', None),
    ],
)
def test_what_is_missing_or_cannot_be_worked_out_is_unknown(source, reason):
    said = answer(source)
    assert isinstance(said, Unknown)
    assert said.reason == reason or (reason is None and said.reason)


@pytest.mark.parametrize("name", list(VIEW))
def test_a_name_without_a_value_is_unknown(name):
    for view in ({}, {name: None}):
        said = answer(f"{name} == {name}", view)
        assert said == Unknown(f"{name} is not known here")


@pytest.mark.parametrize("comparison", ["value > 1", "value <= 1", "value == 1.0", "value != 1.0", "!(value > 1)"])
def test_not_a_number_is_unknown(comparison):
    assert isinstance(answer(comparison, {"value": float("nan")}), Unknown)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("target.available == 1 || true", True),
        ("true || target.available == 1", True),
        ("target.available == 1 && false", False),
    ],
)
def test_a_missing_value_that_changes_nothing_is_no_matter(source, holds):
    assert answer(source) is holds


def test_an_unknown_answer_cannot_be_taken_for_true_or_false():
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(answer("target.available > 1"))


def test_work_is_bounded():
    nested = compile_condition("pods.all(a, pods.all(b, pods.all(c, pods.all(d, true))))")
    assert nested.evaluate({"pods": [POD] * 100}) == Unknown("Iteration budget exceeded")


@pytest.mark.parametrize(
    ("source", "kind", "message", "remedy", "at"),
    [
        ("targt.revision > 1", "", "`targt` is not known", "did you mean `target`?", "targt"),
        ("true && lables.team == 'a'", "", "`lables` is not known", "did you mean `labels`?", "lables"),
        ("target.revison > 1", "", "`revison` is not known", "did you mean `revision`?", "revison"),
        ("pods.exists(p, p.restrts > 1)", "", "`restrts` is not known", "did you mean `restarts`?", "restrts"),
        ("target.pods > 3", "Deployment", "`pods` is not known", None, "pods"),
        ("target.unschedulable", "Deployment", "`unschedulable` is not known", None, "unschedulable"),
        ("target.revision > 1", "Node", "`revision` is not known", None, "revision"),
        ("target.ready > 1", "Node", "`>` does not go with bool, int", None, "> 1"),
        ("quantty('1') > 1", "", "`quantty` is not known", "did you mean `quantity`?", "quantty"),
        ("target.name.startWith('a')", "", "`startWith` is not known", "did you mean `startsWith`?", "startWith"),
        ("target.revision", "", "gives int, not true or false", "compare it, as in … > 1", "target"),
        ("target.revision >", "", "ends too early", None, ""),
        ("", "", "ends too early", None, ""),
        ("target.name = 'a'", "", "`=` is not expected here", "write `==` to compare", "= 'a'"),
        ("true and true", "", "`and` is not expected here", "write `&&`", "and"),
        ("not true", "", "`not` is not expected here", "write `!`", "not"),
        ("target.paused == True", "", "`True` is not known", "write `true`", "True"),
        ("target.age > 3600", "", "`>` does not go with duration, int", None, "> 3600"),
        ("target.age > duration('2d')", "", "'2d' is not read by duration()", None, "'2d'"),
        ("target.name.matches('(')", "", "'(' is not read by matches()", None, "'('"),
        ("now > timestamp('soon')", "", "'soon' is not read by timestamp()", None, "'soon'"),
        ("quantity('1 Gi') > 1", "", "'1 Gi' is not read by quantity()", None, "'1 Gi'"),
        ("(" * 40 + "true" + ")" * 40, "", "Expression recursion limit exceeded. limit: 32", None, "("),
        ("true" + " " * 5000, "", "is longer than 4096 characters", "split it into several", "true"),
    ],
)
def test_mistakes_are_told_when_rules_load_at_their_character(source, kind, message, remedy, at):
    with pytest.raises(ConditionError) as raised:
        compile_condition(source, kind)
    error = raised.value
    assert error.message == message
    assert error.mistakes[0].remedy == remedy or (remedy is None and error.mistakes[0].remedy)
    assert source[error.column - 1 :].startswith(at)


def test_all_mistakes_of_a_condition_are_told():
    with pytest.raises(ConditionError) as raised:
        compile_condition("target.revison > 1 ||\n  lables.team == 'a'")
    assert [(each.message, each.offset) for each in raised.value.mistakes] == [
        ("`revison` is not known", 7),
        ("`lables` is not known", 24),
    ]


def test_text_that_looks_like_a_call_is_text():
    assert answer("""target.name != "duration('2d')" """) is True


def test_a_source_is_compiled_once():
    assert compile_condition("target.revision > 1") is compile_condition("target.revision > 1")


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.timedeltas() | st.binary()
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@settings(max_examples=200, deadline=None)
@given(
    source=st.sampled_from(
        ["target.revision > 1", "pods.exists(p, p.restarts > 3)", "object.a.b == 'x'", "ready(object)", "value > 1"]
    ),
    view=st.dictionaries(st.sampled_from(list(VIEW)), anything)
    | st.fixed_dictionaries({"target": st.dictionaries(st.just("revision"), anything), "object": anything}),
)
def test_asking_never_raises(source, view):
    assert isinstance(answer(source, view), bool | Unknown)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | st.text(st.sampled_from("target.revision>1&|!()'\" pods[]?:"), max_size=40))
def test_any_text_is_a_condition_or_clear_mistakes(source):
    try:
        compile_condition(source)
    except ConditionError as error:
        mistakes = error.mistakes
    else:
        return
    assert all(each.message and each.remedy and 0 <= each.offset <= len(source) for each in mistakes)
