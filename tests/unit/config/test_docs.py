"""docs/rules.md and docs/settings.md: their examples are read, and every key and name has its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remediator.conditions.names import MESSAGES, NAMES
from remediator.config import load_rules, load_settings
from remediator.config.guard_shapes import GuardsShape
from remediator.config.rule_shapes import RuleFileShape
from remediator.config.settings_shapes import SettingsShape
from remediator.config.shapes import Shape, keys_of, model_in

DOCS = Path(__file__).parents[3] / "docs"


def shapes(top: type[Shape]) -> set[type[Shape]]:
    """A model and all that are inside of it."""
    inner = (model_in(field.annotation) for field in top.model_fields.values())
    return {top}.union(*(shapes(each) for each in inner if each))


def named(file: str) -> set[str]:
    """Everything in backticks; what settings say of receivers has a page of its own."""
    files = (file, "receivers.md") if file == "settings.md" else (file,)
    text = "".join((DOCS / each).read_text() for each in files)
    return set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize(("file", "top"), [("rules.md", RuleFileShape), ("settings.md", SettingsShape)])
def test_every_key_has_its_row(file, top):
    keys = {key for shape in shapes(top) for key in (*keys_of(shape), *shape.later, *shape.refused)}
    inside = set(re.findall(r"\w+(?=:)", " ".join(named(file))))  # `{max: 3, per: 1h}`
    of_guards = {key for shape in shapes(GuardsShape) for key in keys_of(shape)}
    elsewhere = of_guards | set().union(*(shape.later for shape in shapes(RuleFileShape)))
    assert keys - named(file) - inside - (elsewhere if file == "settings.md" else set()) == set()


def test_every_name_of_conditions_has_its_row():
    fields = {name for message in MESSAGES.values() for name in message}
    assert {*NAMES, *fields} - named("rules.md") == set()


def blocks(file: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (DOCS / file).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("text", blocks("rules.md"))
def test_examples_of_rules_are_read(tmp_path, text):
    (tmp_path / "rules.yaml").write_text(text)
    assert load_rules([tmp_path / "rules.yaml"])


@pytest.mark.parametrize("text", [*blocks("settings.md"), *blocks("receivers.md")])
def test_examples_of_settings_are_read(tmp_path, text):
    (tmp_path / "remediator.yaml").write_text(text)
    assert load_settings(tmp_path / "remediator.yaml")
