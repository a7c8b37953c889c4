"""Warnings: what is allowed and probably not meant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from remediator.config import Settings
from remediator.config.advice import advise, unjudged
from remediator.config.problems import Problems
from remediator.config.rules import read_files
from remediator.config.settings import KubernetesAuth, Operator, Web, WebAuth
from remediator.core.model import Mode
from remediator.core.rules import Protected
from remediator.core.windows import TimeInterval

NOW = datetime(2026, 3, 1, tzinfo=UTC)

CORDON = 'when: {alert: \'A{x="1", y="2"}\'}, target: {kind: Node}, do: [cordon, {escalate: {receiver: a}}]'
ASKS = "target: {kind: Node}, do: [{escalate: {receiver: a}}]"

INTERVALS = {
    "past": (TimeInterval(years=((2020, 2021),)),),
    "never": (TimeInterval(days_of_month=((30, 31),), months=((2, 2),)),),
    "leap": (TimeInterval(days_of_month=((29, 29),), months=((2, 2),)),),
    "nights": (TimeInterval(times=((1260, 300),)),),
    "short": (TimeInterval(times=((600, 605),)),),
    "always": (TimeInterval(),),
}


def warnings(tmp_path: Path, *rules: str, **given: Any) -> list[str]:
    text = "".join(f"\n  - {{name: r{number}, {rule}}}" for number, rule in enumerate(rules))
    (tmp_path / "rules.yaml").write_text(f"groups:\n- name: g\n  rules:{text}\n")
    problems, settings = Problems(), Settings(time_intervals=INTERVALS, **given)
    files = read_files([tmp_path / "rules.yaml"], None, problems)
    assert list(problems) == []
    return [
        f"{each.line} {each.path.rpartition('].')[2]}: {each.message}"
        for each in (*advise(files, settings, NOW), *unjudged(files))
    ]


@pytest.mark.parametrize(
    ("do", "told"),
    [
        ("[restart]", "4 do: nobody is told where `restart` does not help"),
        ("[restart, {escalate: {receiver: a}}]", ""),
        ("[{escalate: {receiver: a}}, restart]", "4 do: nobody is told where `restart` does not help"),
        ("[none]", ""),
    ],
)
def test_a_ladder_that_ends_without_a_person(tmp_path, do, told):
    found = warnings(tmp_path, f"when: {{alert: A}}, target: {{kind: Deployment}}, do: {do}")
    assert found == ([told] if told else [])


@pytest.mark.parametrize("query", ["rate(x[5m * 2])", "x anchored", "1_000 < x"])
def test_syntax_that_only_a_server_can_judge(tmp_path, query):
    (told,) = warnings(tmp_path, f"when: {{query: '{query}'}}, {ASKS}")
    assert told.startswith("4 when.query: is in syntax that this check does not know")


def test_queries_of_conditions_and_guards_are_looked_at_too(tmp_path):
    more = "if: {query: 'x[5m * 2]'}, guards: {require: ['y smoothed'], veto: {queries: ['z anchored']}}"
    found = warnings(tmp_path, f"when: {{alert: A}}, {ASKS}, {more}")
    assert [each.partition(":")[0] for each in found] == [
        "4 if.query",
        "4 guards.require[0]",
        "4 guards.veto.queries[0]",
    ]


@pytest.mark.parametrize(
    ("other", "fights"),
    [
        (CORDON.replace("cordon", "uncordon"), True),
        (CORDON.replace("cordon", "uncordon").replace('x="1", y="2"', 'y="2", x="1"'), True),
        (CORDON.replace("cordon", "uncordon").replace('x="1"', 'x="2"'), False),
        (CORDON.replace("cordon", "uncordon").replace('x="1", y="2"', ""), True),
        (CORDON.replace("cordon", "uncordon").replace('x="1"', 'x=~"1|2", z!="3"'), True),
        (CORDON.replace("cordon", "uncordon").replace('x="1"', 'x=~"2|3"'), False),
        (CORDON.replace("cordon", "uncordon").replace('x="1"', 'x!="1"'), False),
        (CORDON.replace("cordon", "uncordon").replace("A{", "B{"), False),
        (CORDON.replace("cordon", "drain"), False),
    ],
)
def test_rules_that_fight_each_other(tmp_path, other, fights):
    found = warnings(tmp_path, CORDON, other)
    assert found == (["5 do: fights the rule `r0`: `cordon` and `uncordon` for the same signal"] if fights else [])


@pytest.mark.parametrize(
    ("rule", "guards", "told"),
    [
        ("do: [{scale: {to: 0, min: 0}}]", "", "do[0]: would take the last replica away"),
        ("do: [restart, {scale: {to: 0, min: 0}}]", "", "do[1]: would take the last replica away"),
        ("do: [{scale: {to: 0, min: 0}}]", "guards: {last_replica: allow}", ""),
        ("do: [{scale: {to: 1}}]", "", ""),
    ],
)
def test_what_takes_the_last_replica_is_never_allowed(tmp_path, rule, guards, told):
    rule = rule.replace("]", ", {escalate: {receiver: a}}]")
    found = warnings(tmp_path, f"when: {{alert: A}}, target: {{kind: Deployment}}, {rule}, {guards}")
    assert [each.partition(", ")[0].partition(" ")[2] for each in found] == ([told] if told else [])


@pytest.mark.parametrize(
    ("signal", "target", "do", "never"),
    [
        ("alert: 'A{namespace=\"kube-system\"}'", "kind: Deployment", "restart", True),
        ("alert: 'A{namespace=~\"kube-system|shop\"}'", "kind: Deployment", "restart", False),
        ("query: 'sum by (namespace, deployment) (a{namespace=\"kube-system\"})'", "kind: Deployment", "restart", True),
        ("alert: 'A{namespace=\"kube-system\"}'", "kind: Node", "cordon", False),
        ("alert: 'A{namespace=\"kube-system\"}'", "kind: Deployment", "none", False),
        ("alert: 'A{namespace=\"spared\"}'", "kind: Deployment", "restart", False),
    ],
)
def test_what_is_protected_is_never_acted_on(tmp_path, signal, target, do, never):
    protected = Protected(("kube-system", "spared"), allow=("Deployment/spared/dns",))
    rule = f"when: {{{signal}}}, target: {{{target}}}, do: [{do}, {{escalate: {{receiver: a}}}}]"
    found = warnings(tmp_path, rule, protected=protected)
    what = "4 when: is never acted on: kube-system is protected, and the rule means nothing else"
    assert found == ([what] if never else [])


def test_scaling_up_and_down_for_one_signal(tmp_path):
    up = "when: {alert: A}, target: {kind: Deployment}, do: [{scale: {by: '+1', max: 9}}, {escalate: {receiver: a}}]"
    (told,) = warnings(tmp_path, up, up.replace("+1", "-1"))
    assert told == "5 do: fights the rule `r0`: `scale up` and `scale down` for the same signal"


@pytest.mark.parametrize(
    ("guards", "opens"),
    [
        ("active_time_intervals: [past]", False),
        ("active_time_intervals: [never]", False),
        ("active_time_intervals: [leap]", True),
        ("active_time_intervals: [nights]", True),
        ("active_time_intervals: [past, nights]", True),
        ("active_time_intervals: [short]", False),
        ("active_time_intervals: [nights], mute_time_intervals: [nights]", False),
        ("mute_time_intervals: [always]", False),
        ("mute_time_intervals: [past]", True),
    ],
)
def test_a_window_that_never_opens_for_as_long_as_a_step_may_take(tmp_path, guards, opens):
    found = warnings(tmp_path, f"when: {{alert: A}}, {ASKS}, until: {{within: 10m}}, guards: {{{guards}}}")
    assert found == ([] if opens else ["4 name: its windows never open for the 600 s that a step may take"])


ALICE, BOB = Operator("alice", "a", ("approve",)), Operator("bob", "b", ("view",))


@pytest.mark.parametrize(
    ("mode", "auth", "quorum", "told"),
    [
        (Mode.APPROVE, WebAuth(operators=(ALICE, BOB)), 1, ""),
        (Mode.APPROVE, WebAuth(operators=(ALICE, BOB)), 2, "waits for 2 to approve, and the settings name 1 who may"),
        (Mode.APPROVE, WebAuth(), 1, "waits for 1 to approve, and the settings name 0 who may"),
        (Mode.APPROVE, WebAuth(kubernetes=KubernetesAuth(enabled=True)), 2, ""),
        (Mode.ENFORCE, WebAuth(), 1, ""),
        (Mode.OBSERVE, WebAuth(), 1, ""),
    ],
)
def test_more_people_are_asked_than_there_are(tmp_path, mode, auth, quorum, told):
    guards = f"guards: {{approval: {{quorum: {quorum}}}}}"
    found = warnings(tmp_path, f"when: {{alert: A}}, {ASKS}, {guards}", mode=mode, web=Web(auth=auth))
    assert found == ([f"4 name: {told}"] if told else [])
