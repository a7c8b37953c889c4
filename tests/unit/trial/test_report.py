"""What people read of rule tests, and what programs get: of a failure the timeline, with what differs in its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from remediator.cli import main
from remediator.trial.report import lines_of, summary_of
from tests.unit.trial.playing import LOOPS, RULES, WEB, played

FILE = f"""rule_files: [rules.yaml]
tests:
- name: a restart cures
  cluster: [{WEB}]
  alerts: [{LOOPS}]
  expect: [{{at: 10m, writes: [{{action: restart}}]}}]
- name: a wrong expectation
  cluster: [{WEB}]
  alerts: [{LOOPS}]
  expect: [{{at: 10m, decisions: [{{result: deny, verdicts: {{cooldown: deny}}}}]}}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "some_test.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_failure_shows_expected_and_got_where_they_belong_on_the_timeline(tmp_path: Path) -> None:
    expect = "{at: 2m, decisions: [{result: deny}], writes: [{verb: patch}]}"
    test = f"cluster: [{WEB}]\nalerts: [{LOOPS}]\nexpect: [{expect}]"
    lines = [line for line, _ in lines_of([played(tmp_path, test)])]
    shown = [line.split()[:3] for line in lines if line.startswith("     ")]
    place = next(at for at, line in enumerate(lines) if "decision " in line)
    assert lines[1].split() == ["not", "answered,", "so", "its", "rule", "cannot", "fire:", "`leak", ">", "5`"]
    assert ["at", "2m:", "-"] in shown
    assert [line.split()[:2] for line in lines[place + 1 : place + 3]] == [["-", "decisions"], ["+", "1m"]]
    assert "result=deny" in lines[place + 1]
    assert "result=act" in lines[place + 2]


def test_a_missing_write_stands_at_the_end_and_objects_say_what_they_are(tmp_path: Path) -> None:
    test = f"""
cluster: [{WEB}]
expect:
- at: 5m
  writes: [{{verb: evict}}]
  objects:
  - {{object: Deployment/shop/web, has: {{spec: {{replicas: 3}}}}}}
  - {{object: Pod/shop/x, exists: true}}
  - {{object: Node/node-1, exists: false}}
"""
    lines = [line.strip() for line, _ in lines_of([played(tmp_path, test)])]
    assert "-           objects    Deployment/shop/web spec.replicas: 3" in lines
    assert "+ 5m        objects    Deployment/shop/web spec.replicas: 2" in lines
    assert "-           objects    Pod/shop/x exists" in lines
    assert "+ 5m        objects    Node/node-1 exists" in lines
    assert lines[-1] == "-           writes     verb=evict"


def test_the_command_says_all_exits_with_1_and_names_who_answered(folder: Path) -> None:
    ran = CliRunner().invoke(main, ["test", "some_test.yaml"])
    assert ran.exit_code == 1
    assert "ok   some_test.yaml:3 a restart cures  (the answers that the test gives)" in ran.stdout
    assert "FAIL some_test.yaml:7 a wrong expectation" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("1 passed, 1 failed; queries: the answers that the test gives")


def test_tests_are_chosen_by_their_names(folder: Path) -> None:
    ran = CliRunner().invoke(main, ["test", "some_test.yaml", "--run", "cures$", "--run", "nothing"])
    assert ran.exit_code == 0
    assert "wrong" not in ran.stdout
    for pattern in ("of no name", "("):
        assert CliRunner().invoke(main, ["test", "some_test.yaml", "--run", pattern]).exit_code == 2


def test_programs_get_all_of_it(folder: Path) -> None:
    ran = CliRunner().invoke(main, ["test", "some_test.yaml", "-o", "json"])
    told = json.loads(ran.stdout)
    assert (told["ok"], [each["passed"] for each in told["tests"]]) == (False, [True, False])
    failed = told["tests"][1]["disagreements"][0]
    assert [(each["sign"], each["kind"]) for each in failed["differences"]] == [("-", "decisions"), ("+", "decisions")]
    assert told["tests"][0]["timeline"][0]["kind"] == "leader"


def test_a_mistake_in_a_file_is_told_with_its_place_and_nothing_is_played(folder: Path) -> None:
    (folder / "some_test.yaml").write_text(FILE.replace("result: deny", "result: no"))
    ran = CliRunner().invoke(main, ["test", "some_test.yaml"])
    assert ran.exit_code == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("some_test.yaml:10:")
    assert CliRunner().invoke(main, ["test"]).exit_code == 2


def test_the_summary_counts(tmp_path: Path) -> None:
    good = played(tmp_path, f"cluster: [{WEB}]\nexpect: [{{at: 1m, incidents: []}}]")
    assert summary_of([good]) == (
        "1 passed, 0 failed; queries: the answers that the test gives; 1 queries of rules answered by nobody"
    )
