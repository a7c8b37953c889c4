"""The rules that are shipped: they load, they observe, and each ends at a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediator.config import load_rules
from remediator.core.model import Mode
from remediator.core.rules import Rule

FILES = sorted((Path(__file__).parents[3] / "rules").glob("*.yaml"))


@pytest.fixture(scope="module")
def rules() -> tuple[Rule, ...]:
    return load_rules(FILES)


def test_every_shipped_rule_observes_until_somebody_says_otherwise(rules: tuple[Rule, ...]) -> None:
    assert rules
    assert {rule.mode for rule in rules} == {Mode.OBSERVE}


def test_every_ladder_ends_at_a_person(rules: tuple[Rule, ...]) -> None:
    assert {rule.do[-1].action for rule in rules} == {"escalate"}


def test_every_rule_says_what_it_is_for(rules: tuple[Rule, ...]) -> None:
    assert all(rule.annotations.get("summary") for rule in rules)
