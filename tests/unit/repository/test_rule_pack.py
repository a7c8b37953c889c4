"""The rule pack is whole: each rule has its runbook page, its rows in the tables and its three tests, and no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from remediator.cli.check import command as check
from remediator.config import load_rules
from remediator.config.trials import load_trials
from remediator.core.masks import ALERT_NAME
from remediator.core.model import Mode
from remediator.core.rules import MatchOp, Rule
from tests.unit.repository.sources import ROOT, Document

FILES = sorted((ROOT / "rules").glob("*.yaml"))
RULES = load_rules(FILES)
RUNBOOKS = ROOT / "docs" / "runbooks"
ACTING = "How to stop it"
SECTIONS = ["What it means", "What the remediator does", "Never", "How to look", "By hand", ACTING]
ROW = re.compile(r"^\| \[([\w-]+)\]\(([^)]+)\) \| (.+?) \|", re.MULTILINE)

by_name = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def alerts_of(rule: Rule) -> set[str]:
    """The names of the alerts that a rule matches; none of a query or an object."""
    said = [each for each in rule.when.alert if each.name == ALERT_NAME]
    assert all(each.op in (MatchOp.EQUAL, MatchOp.REGEX) for each in said), (
        "a rule of the pack says which alerts it means"
    )
    return {name for each in said for name in each.value.split("|")}


@by_name
def test_it_observes_until_somebody_says_otherwise(rule: Rule):
    assert rule.mode is Mode.OBSERVE


@by_name
def test_its_ladder_ends_at_a_person(rule: Rule):
    assert rule.do[-1].action == "escalate"


@by_name
def test_it_says_what_it_is_for_and_how_grave_it_is(rule: Rule):
    assert rule.annotations["summary"]
    assert rule.labels["severity"] in ("critical", "warning", "info")


@by_name
def test_it_has_a_runbook_page_with_every_part(rule: Rule):
    page = ROOT / rule.annotations["runbook_url"]
    assert page == RUNBOOKS / f"{rule.name}.md"
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^# (.+)$", text, re.MULTILINE) == [rule.name]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert alerts_of(rule) <= set(re.findall(r"\w+", text))
    for step in rule.do:
        assert f"`{step.action}`" in text, f"what {step.action} does stands there"


@by_name
def test_it_is_tested_where_it_cures_where_it_refuses_and_where_nobody_can_tell(rule: Rule):
    trials = load_trials([ROOT / "rules" / "tests" / f"{rule.name}_test.yaml"])
    assert [each.name.split(":")[0] for each in trials] == ["cure", "refuse", "ambiguous"]
    assert rule.name in {each.name for trial in trials for each in trial.rules}
    cure = trials[0].says.expect
    acts = rule.do[0].action != "escalate"
    assert any(each.writes for each in cure) if acts else any(each.messages for each in cure)


def test_there_are_no_tests_without_a_rule():
    tests = {path.stem.removesuffix("_test") for path in (ROOT / "rules" / "tests").glob("*.yaml")}
    assert tests == {rule.name for rule in RULES}


@by_name
def test_it_is_as_careful_as_its_page_says(rule: Rule):
    """What acts looks at the live target first, unless the signal is the count of what it takes away."""
    acts = rule.do[0].action != "escalate"
    counted = rule.until.resolved
    looks = rule.conditions or rule.when.object
    assert looks or counted or not acts
    text = (RUNBOOKS / f"{rule.name}.md").read_text(encoding="utf-8")
    assert (f"remediator pause --rule {rule.name}" in text) is acts


@pytest.mark.parametrize("page", [ROOT / "rules" / "README.md", RUNBOOKS / "README.md"], ids=["rules", "runbooks"])
def test_the_table_has_every_rule_with_its_alerts_and_no_other(page: Path):
    rows = {name: set(re.findall(r"`(\w+)`", signal)) for name, _, signal in ROW.findall(page.read_text())}
    assert rows == {rule.name: alerts_of(rule) for rule in RULES}


def test_there_is_no_page_without_a_rule():
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {rule.name for rule in RULES} | {"README"}


def test_nothing_is_to_be_warned_of():
    done = CliRunner().invoke(check, [str(each) for each in FILES])
    assert (done.exit_code, done.stderr) == (0, "")


def test_the_table_leads_to_the_pages():
    links = {name: target for name, target, _ in ROW.findall((ROOT / "rules" / "README.md").read_text())}
    assert links == {rule.name: f"../docs/runbooks/{rule.name}.md" for rule in RULES}
    assert Document(ROOT / "rules" / "README.md").links
