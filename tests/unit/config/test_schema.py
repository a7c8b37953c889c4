"""The JSON Schema of rule and settings files: it takes every good file, and refuses every bad one that a schema can."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner

from remediator.actions import ACTIONS
from remediator.cli import main
from remediator.config.document import parse_document, read_document
from remediator.config.problems import Problems
from remediator.config.schema import FILES, schema_of

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests/data"
BEYOND: dict[str, list[str]] = yaml.safe_load((DATA / "beyond_a_schema.yaml").read_text())
"""Bad files that a schema cannot tell from good ones, by the reason."""


def is_valid(kind: str, value: Any) -> bool:
    return jsonschema_rs.validator_for(schema_of(kind)).is_valid(value)


@pytest.mark.parametrize("kind", FILES)
def test_it_is_a_schema_of_2020_12_and_the_same_every_time(kind):
    schema = schema_of(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(schema)
    assert json.dumps(schema) == json.dumps(schema_of(kind))


MARKS = {"groups:": "rules", "rule_files: [../": "tests"}
"""By what a document's file shows its kind."""


def good() -> list[Any]:
    """What is shipped, and what documents show."""
    files = [("rules", path) for path in [*ROOT.glob("rules/*.yaml"), DATA / "good/rules.yaml"]]
    files += [("settings", DATA / "good/remediator.yaml"), ("tests", DATA / "good/tests.yaml")]
    files += [("tests", path) for path in ROOT.glob("rules/tests/*.yaml")]
    found = [pytest.param(kind, path.read_bytes(), id=path.name) for kind, path in files]
    pages = {
        "README.md": None,
        "docs/rules.md": "rules",
        "docs/settings.md": "settings",
        "docs/receivers.md": "settings",
        "docs/testing-rules.md": None,
    }
    for page, kind in pages.items():
        for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)):
            of = kind or next((name for mark, name in MARKS.items() if mark in text), "settings")
            found.append(pytest.param(of, text.encode(), id=f"{page}-{number}"))
    return found


@pytest.mark.parametrize(("kind", "raw"), good())
def test_it_takes_what_is_shipped_and_what_documents_show(kind, raw):
    document = parse_document(raw, Problems(), "file")
    assert document is not None
    errors = [f"{each.instance_path}: {each.message}" for each in _errors(kind, document.value)]
    assert errors == []


def _errors(kind: str, value: Any) -> list[Any]:
    return list(jsonschema_rs.validator_for(schema_of(kind)).iter_errors(value))


@pytest.mark.parametrize("kind", FILES)
def test_it_refuses_every_bad_file_but_those_that_are_listed_with_the_reason(kind):
    """Files that are no YAML as we read it (doubled keys, tags, octal numbers) never get as far as a schema."""
    validator = jsonschema_rs.validator_for(schema_of(kind))
    taken = set()
    for path in (DATA / "bad" / kind).glob("*.yaml"):
        problems = Problems()
        document = read_document(path, problems)
        if document is not None and not problems and validator.is_valid(document.value):
            taken.add(f"{kind}/{path.stem}")
    listed = [name for names in BEYOND.values() for name in names if name.startswith(f"{kind}/")]
    assert taken == set(listed)
    assert len(listed) == len(set(listed))


RULE: dict[str, Any] = {"name": "r", "when": {"alert": "A"}, "do": ["restart"]}


def rule(**fields: Any) -> Any:
    return {"groups": [{"name": "g", "rules": [RULE | fields]}]}


@pytest.mark.parametrize("name", ACTIONS)
def test_it_knows_every_action_with_and_without_arguments(name):
    assert is_valid("rules", rule(do=[name, {name: None}, {name: {"until": {"ready": True, "within": "3m"}}}]))
    assert not is_valid("rules", rule(do=[{name: {"until": {"within": "soon"}}}]))


@pytest.mark.parametrize(
    ("fields", "valid"),
    [
        ({"guards": {"min_healthy": "60%"}}, True),
        ({"guards": {"min_healthy": 2}}, True),
        ({"guards": {"min_healthy": {"share": "60%", "at_least": 0}}}, True),
        ({"guards": {"min_healthy": "60"}}, False),
        ({"guards": {"cooldown": "1h30m"}}, True),
        ({"guards": {"cooldown": 0}}, True),
        ({"guards": {"cooldown": "0"}}, True),
        ({"guards": {"cooldown": "30m1h"}}, False),
        ({"guards": {"cooldown": ""}}, False),
        ({"guards": {"cooldown": None}}, False),
        ({"if": "true"}, True),
        ({"if": ["true", {"query": "up", "match": ["job"]}]}, True),
        ({"if": {"query": "up", "on": ["job"]}}, False),
        ({"mode": "dry-run"}, False),
        ({"when": {"alert": "A", "query": "up"}}, False),
        ({"unless": {}}, False),
    ],
)
def test_it_has_every_form_in_which_a_value_may_be_written(fields, valid):
    assert is_valid("rules", rule(**fields)) is valid


def test_the_command_prints_it():
    found = CliRunner().invoke(main, ["schema", "config"])
    assert json.loads(found.stdout) == schema_of("settings")
    assert CliRunner().invoke(main, ["schema", "values"]).exit_code == 2
