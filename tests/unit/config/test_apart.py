"""Settings and rules read in a process of their own are those that are read in this one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from remediator.config import ConfigErrors, load_rules, load_settings
from remediator.config.apart import Reading, load_rules_apart

SETTINGS = """
mode: enforce
rule_files: ["rules.yaml"]
storage: {url: "sqlite:///./journal.db", retention: 30d}
guards: {cooldown: 10m, budget: {max: 2, per: 1h}}
time_intervals:
  - name: business-hours
    time_intervals: [{weekdays: ["monday:friday"], times: [{start_time: "09:00", end_time: "17:00"}], location: UTC}]
"""
RULES = """
groups:
  - name: workloads
    rules:
      - name: restart
        when: {alert: 'KubeDeploymentReplicasMismatch{namespace!~"kube-.*"}', for: 2m}
        target: {kind: Deployment}
        if: 'target.replicas > 0'
        do: [restart]
        guards: {active_time_intervals: [business-hours]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "remediator.yaml").write_text(SETTINGS)
    return tmp_path / "remediator.yaml"


def test_settings_and_rules_are_the_same(file: Path) -> None:
    settings = load_settings(file)
    assert Reading(str(file)).result() == (settings, load_rules(settings))


def test_rules_are_read_again_for_settings_that_are_there(file: Path) -> None:
    settings = load_settings(file)
    (file.parent / "rules.yaml").write_text(RULES.replace("for: 2m", "for: 3m"))
    (rule,) = load_rules_apart(settings)
    assert rule.when.for_ == 180


def test_every_mistake_is_told_with_its_place(file: Path) -> None:
    (file.parent / "rules.yaml").write_text(RULES.replace("restart]", "reboot]").replace("for: 2m", "for: 2 minutes"))
    with pytest.raises(ConfigErrors) as here:
        load_rules(load_settings(file))
    with pytest.raises(ConfigErrors) as apart:
        Reading(str(file)).result()
    assert apart.value.problems == here.value.problems
    assert len(apart.value.problems) == 2


def test_a_process_that_does_not_answer_is_a_mistake_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ConfigErrors, match="the process that reads ended with 1"):
        Reading(str(file)).result()
