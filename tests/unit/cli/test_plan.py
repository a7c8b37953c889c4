"""`remediator plan` as it is called: what people read, what programs get, and what is a wrong call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remediator.cli.plan import command

RULES = """
groups:
- name: g
  rules:
  - {name: on-alert, when: {alert: A}, target: {kind: Deployment}, do: [restart]}
  - {name: on-query, when: {query: 'sum by (namespace, deployment) (x) > 1'}, target: {kind: Deployment}, do: [restart]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings whose servers all are nowhere."""
    (tmp_path / "rules.yaml").write_text(RULES)
    file = tmp_path / "remediator.yaml"
    file.write_text(
        "rule_files: [rules.yaml]\n"
        "prometheus: {url: 'http://127.0.0.1:1', timeout: 1s}\n"
        f"storage: {{url: 'sqlite:///{tmp_path}/none.db'}}\n"
    )
    return file


def plan(config: Path, *args: str) -> Result:
    return CliRunner().invoke(command, ["--config", str(config), *args])


def test_what_is_not_known_is_said_and_why(config):
    done = plan(config)
    assert done.exit_code == 0
    assert "nothing is known of earlier actions" in done.stdout
    assert "none.db: there is no journal" in done.stdout
    assert "on-alert  (mode observe, signals now: not known)" in done.stdout
    assert done.stdout.count("cannot be asked") == 2


def test_one_rule_alone_for_programs(config):
    done = plan(config, "on-query", "-o", "json")
    answer = json.loads(done.stdout)
    assert [each["rule"] for each in answer["rules"]] == ["on-query"]
    assert answer["rules"][0]["signals"] is None


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["no-such-rule"], "the rule files have no rule 'no-such-rule'; they have on-alert, on-query"),
        (["--target", "web"], "'web' names no object; write Kind/namespace/name"),
        (["--target", "Deployment/web"], "'Deployment/web' names no object"),
    ],
)
def test_wrong_calls_are_2(config, args, told):
    done = plan(config, *args)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", "").split())


def test_rules_with_mistakes_are_2(config):
    (config.parent / "rules.yaml").write_text(RULES.replace("[restart]", "[restarted]"))
    done = plan(config)
    assert done.exit_code == 2
    assert "unknown action `restarted`" in done.stderr
