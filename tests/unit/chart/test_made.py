"""What of the chart is made from elsewhere is as `make chart` would make it, and what it is made from says all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from helm.generate import CHART, HERE, files, schema

SAID = yaml.safe_load((HERE / "schema.yaml").read_text())
WORDS = {
    *("type", "additionalProperties", "properties", "description", "default", "$ref", "items", "enum", "required"),
    *("minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "x-part", "x-hidden"),
}


def said() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value by its path, objects of values too."""

    def inside(properties: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, one in properties.items():
            yield f"{path}{name}", one
            yield from inside(one.get("properties", {}), f"{path}{name}.")

    return ((path, one) for path, one in inside(SAID["properties"], "") if not one.get("x-hidden"))


@pytest.mark.parametrize("place", files())
def test_what_is_made_is_current(place: str) -> None:
    assert (CHART / place).read_text() == files()[place], "make it anew: make chart"


def test_every_value_says_what_it_is_for_and_what_it_may_be() -> None:
    wrong = {path for path, one in said() if not one.get("description") or set(one) - WORDS}
    wrong |= {path for path, one in said() if "default" not in one and "properties" not in one}
    assert wrong == set()


def test_the_values_file_comments_every_value_and_has_its_default() -> None:
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    for path, one in said():
        found = values
        for part in path.split("."):
            found = found[part]
        assert "default" not in one or found == one["default"], path
    keys = re.findall(r"^( *)# .*\n\1[A-Za-z]+:", text, re.MULTILINE)
    assert len(keys) >= len(list(said()))


def test_no_pattern_of_the_schema_looks_ahead() -> None:
    """Helm's validator has RE2, and refuses every value where one pattern is not of it."""
    assert "(?=" not in json.dumps(schema())


def test_the_chart_is_of_this_version() -> None:
    project = re.search(r'^version = "(.+)"$', (HERE.parent / "pyproject.toml").read_text(), re.MULTILINE)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert project
    assert chart["appVersion"] == project[1]
