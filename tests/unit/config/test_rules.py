"""Rule files become the core's rules: what is written, what a group adds, and what holds where nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediator.actions import ACTIONS
from remediator.config import ConfigErrors, Settings, load_rules, load_settings, rule_paths
from remediator.config.ladder import KUBECTL
from remediator.core.guarding import (
    ApprovalSettings,
    AttemptsSettings,
    BreakerSettings,
    Budget,
    FlappingSettings,
    GuardSettings,
    Portion,
    StormSettings,
    stricter,
)
from remediator.core.model import Mode
from remediator.core.rules import Matcher, MatchOp, Rule, Step, TargetSpec, Until, When

GOOD = Path(__file__).parents[2] / "data" / "good"
RULE = "groups:\n- name: g\n  rules:\n  - name: r\n    when: {alert: A}\n    do: [restart]\n"


def rules_of(tmp_path: Path, *texts: str) -> tuple[Rule, ...]:
    paths = [tmp_path / f"{index}.yaml" for index in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return load_rules(paths)


def test_every_key_comes_through():
    rule = load_rules([GOOD / "rules.yaml"])[0]
    assert rule == Rule(
        name="undo-bad-rollout",
        group="workloads",
        when=When(
            (
                Matcher("alertname", MatchOp.EQUAL, "KubeDeploymentRolloutStuck"),
                Matcher("namespace", MatchOp.NOT_REGEX, "kube-.*"),
            ),
            120.0,
            60.0,
        ),
        target=TargetSpec("Deployment", "deployment", "exported_namespace"),
        do=(
            Step("rollback", {"to_revision": 3}),
            Step("restart", {}, Until(True, 30.0, 180.0, "keep")),
            Step("escalate", {"receiver": "oncall"}),
        ),
        conditions=(
            'target.revision > 1 && target.rollout_age < duration("2h")',
            'pods.exists(p, p.reason == "CrashLoopBackOff")\n',
        ),
        until=Until(True, 60.0, 300.0, "undo"),
        guards=GuardSettings(
            cooldown=3600.0,
            budget=Budget(2, 86400.0),
            namespace_budget=Budget(3, 3600.0),
            zone_budget=Budget(4, 3600.0),
            max_in_flight=2,
            min_healthy=Portion(share=60),
            max_unhealthy=Portion(3, 40, 0),
            storm=StormSettings(30, 5, 600.0),
            breaker=BreakerSettings(2, 7200.0, 3600.0, True),
            attempts=AttemptsSettings(2, 86400.0),
            startup_grace=0.0,
            flapping=FlappingSettings(4, 3600.0),
            active_time_intervals=(("business-hours",),),
            mute_time_intervals=("freeze",),
            gitops="notify",
            last_replica="allow",
            approval=ApprovalSettings(300.0, 2, "refuse"),
        ),
        mode=Mode.APPROVE,
        labels={"team": "shop", "severity": "page"},
        annotations={"summary": "{{ target.name }} rolled back", "runbook_url": "https://example.org/runbook"},
    )


def test_what_is_not_written_is_the_core_default():
    rule = load_rules([GOOD / "rules.yaml"])[1]
    alert = (Matcher("alertname", MatchOp.EQUAL, "KubePodCrashLooping"),)
    assert rule == Rule("restart on any alert of a name", "the least", When(alert), TargetSpec(), (Step("restart"),))


@pytest.mark.parametrize(
    ("step", "read"),
    [
        ("restart", Step("restart")),
        ("restart:", Step("restart")),
        ("restart: {}", Step("restart")),
        ("rollback: {to_revision: 2}", Step("rollback", {"to_revision": 2})),
        ("restart: {until: {within: 2m}}", Step("restart", {}, Until(within=120.0))),
        ("restart: {mode: approve}", Step("restart", {}, None, Mode.APPROVE)),
    ],
)
def test_a_step_is_a_name_or_one_key_with_arguments(tmp_path, step, read):
    text = RULE.replace("do: [restart]", f"do:\n    - {step}")
    assert rules_of(tmp_path, text)[0].do == (read,)


@pytest.mark.parametrize(
    ("group", "rule", "lowest"),
    [
        ("", "", None),
        ("observe", "", Mode.OBSERVE),
        ("", "enforce", Mode.ENFORCE),
        ("observe", "enforce", Mode.OBSERVE),
        ("enforce", "off", Mode.OFF),
        ("approve", "observe", Mode.OBSERVE),
    ],
)
def test_the_lower_mode_of_group_and_rule_wins(tmp_path, group, rule, lowest):
    text = RULE
    text = text.replace("  rules:", f"  mode: {group}\n  rules:") if group else text
    text = text + f"    mode: {rule}\n" if rule else text
    assert rules_of(tmp_path, text)[0].mode is lowest


HOUR, DAY = 3600.0, 86400.0


@pytest.mark.parametrize(
    ("one", "other", "wins"),
    [
        (None, None, None),
        (60.0, None, 60.0),
        (60.0, 30.0, 60.0),
        (0.0, 30.0, 30.0),
        (Budget(3, HOUR), None, Budget(3, HOUR)),
        (Budget(3, HOUR), Budget(2, 60.0), Budget(2, 60.0)),
        (Budget(3, HOUR), Budget(3, DAY), Budget(3, DAY)),
    ],
)
def test_the_stricter_of_two_levels_wins(one, other, wins):
    """The longer cooldown; the budget of fewer actions, of equally many that over the longer window."""

    def settings(said):
        return GuardSettings(budget=said) if isinstance(said, Budget) else GuardSettings(cooldown=said)

    assert stricter(settings(one), settings(other)) == settings(wins)
    assert stricter(settings(other), settings(one)) == settings(wins)


def test_names_are_unique_over_all_files(tmp_path):
    with pytest.raises(ConfigErrors) as raised:
        rules_of(tmp_path, RULE, RULE)
    first, second = raised.value.problems
    assert first.path == "groups[0].name"
    assert second.path == "groups[0].rules[0].name"
    assert "0.yaml:4 has it" in second.remedy
    assert second.file.endswith("1.yaml")


def test_a_name_that_a_bad_rule_has_is_taken_too(tmp_path):
    bad = RULE.replace("name: g", "name: other").replace("do: [restart]", "do: [nothing]")
    with pytest.raises(ConfigErrors) as raised:
        rules_of(tmp_path, RULE, bad)
    assert [problem.path for problem in raised.value.problems] == [
        "groups[0].rules[0].name",
        "groups[0].rules[0].do[0]",
    ]


def test_the_same_file_twice_is_read_once(tmp_path):
    (tmp_path / "r.yaml").write_text(RULE)
    assert len(load_rules([tmp_path / "r.yaml", tmp_path / "r.yaml"])) == 1


def test_one_bad_rule_loads_no_rule(tmp_path):
    with pytest.raises(ConfigErrors):
        rules_of(tmp_path, RULE, RULE.replace("name: g", "name: h").replace("restart", "rstart"))


def test_receivers_are_looked_up_where_settings_are_given(tmp_path):
    text = RULE.replace("restart", "{escalate: {receiver: oncall}}")
    assert rules_of(tmp_path, text)
    with pytest.raises(ConfigErrors, match="no receiver `oncall`; add it to `receivers`"):
        load_rules([tmp_path / "0.yaml"], Settings())


def test_settings_name_their_rule_files_in_order(tmp_path):
    (tmp_path / "rules").mkdir()
    for name in ("b", "a", "c"):
        (tmp_path / "rules" / f"{name}.yaml").write_text(RULE.replace("name: ", f"name: {name}"))
    (tmp_path / "rules" / "folder.yaml").mkdir()
    (tmp_path / "remediator.yaml").write_text("rule_files: [rules/c.yaml, 'rules/*.yaml']")
    settings = load_settings(tmp_path / "remediator.yaml")
    assert [path.stem for path in rule_paths(settings)] == ["c", "a", "b"]
    assert [rule.name for rule in load_rules(settings)] == ["cr", "ar", "br"]


def test_a_pattern_that_names_no_file_is_a_mistake(tmp_path):
    """A folder that is gone must not read as "no rules": open incidents would be closed."""
    (tmp_path / "remediator.yaml").write_text("rule_files: ['a/*.yaml', 'b/*.yaml']")
    settings = load_settings(tmp_path / "remediator.yaml")
    with pytest.raises(ConfigErrors) as raised:
        load_rules(settings)
    assert [problem.path for problem in raised.value.problems] == ["rule_files[0]", "rule_files[1]"]


def test_what_kubectl_says_is_answered_with_the_name_here():
    assert not set(KUBECTL) & set(ACTIONS)


def test_what_group_and_rule_say_of_one_guard_is_merged_part_by_part(tmp_path):
    text = RULE.replace("  rules:", "  guards: {storm: {share: 30%}, active_time_intervals: [days]}\n  rules:")
    text += "    guards: {storm: {at_least: 5, share: 40%}, active_time_intervals: [nights, weekends]}\n"
    guards = rules_of(tmp_path, text)[0].guards
    assert guards.storm == StormSettings(share=30, at_least=5)
    assert guards.active_time_intervals == (("days",), ("nights", "weekends"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("60%", Portion(share=60)),
        ("0%", Portion(share=0)),
        ("3", Portion(count=3)),
        ("7", Portion(count=7)),
        ("{share: 60%, at_least: 2}", Portion(share=60, at_least=2)),
        ("{count: 1, share: 100%}", Portion(count=1, share=100)),
    ],
)
def test_a_part_of_the_siblings_is_a_number_a_share_or_both(tmp_path, written, read):
    text = f"{RULE}    guards: {{min_healthy: {written}, max_unhealthy: {written}}}\n"
    guards = rules_of(tmp_path, text)[0].guards
    assert (guards.min_healthy, guards.max_unhealthy) == (read, read)


@pytest.mark.parametrize(
    ("known", "problem"),
    [
        (None, ""),
        ({"freeze": ()}, ""),
        ({"freezes": ()}, "`freeze` is not one of the settings' time_intervals; did you mean `freezes`?"),
        ({}, "`freeze` is not one of the settings' time_intervals; write it there: the settings have none"),
    ],
)
def test_time_intervals_are_looked_up_where_the_settings_are_known(tmp_path, known, problem):
    path = tmp_path / "rules.yaml"
    path.write_text(RULE.replace("  rules:", "  guards: {mute_time_intervals: [freeze]}\n  rules:"))
    settings = None if known is None else Settings(time_intervals=known)
    if not problem:
        assert load_rules([path], settings)
        return
    with pytest.raises(ConfigErrors) as raised:
        load_rules([path], settings)
    assert str(raised.value).endswith(f":3:34 groups[0].guards.mute_time_intervals[0]: {problem}")
