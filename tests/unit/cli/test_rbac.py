"""`remediator rbac` prints roles that kubectl can apply, each right with a comment that says who needs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from remediator.cli import main

RULES = """
groups:
- name: shop
  rules:
  - name: undo
    when: {alert: 'Stuck{namespace="shop"}'}
    target: {kind: Deployment, label: deployment}
    do: [rollback]
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    (tmp_path / "rules.yaml").write_text(RULES)
    return str(tmp_path / "rules.yaml")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["rbac", *args])


def test_the_yaml_and_the_json_are_the_same_roles_each_with_its_binding(rules):
    items = json.loads(run(rules, "-o", "json").stdout)["items"]
    assert list(yaml.safe_load_all(run(rules).stdout)) == items
    assert [(item["kind"], item["metadata"].get("namespace")) for item in items] == [
        ("ClusterRole", None), ("ClusterRoleBinding", None), ("Role", "shop"), ("RoleBinding", "shop"),
        ("Role", "remediator"), ("RoleBinding", "remediator"),
    ]  # fmt: skip


def test_the_values_for_the_chart_are_the_same_roles(rules):
    items = json.loads(run(rules, "-o", "json").stdout)["items"]
    roles = [{"namespace": each["metadata"].get("namespace", ""), "rules": each["rules"]} for each in items[::2]]
    assert yaml.safe_load(run(rules, "-o", "values").stdout) == {"rbac": {"roles": roles}}


def test_the_binding_is_for_the_account_that_is_named(rules):
    found = list(yaml.safe_load_all(run(rules, "--namespace", "ops", "--service-account", "fixer").stdout))
    assert found[-1]["subjects"] == [{"kind": "ServiceAccount", "name": "fixer", "namespace": "ops"}]
    assert found[-1]["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "fixer"}


def test_a_comment_says_for_each_verb_who_needs_it(rules):
    lines = run(rules).stdout.splitlines()
    at = lines.index('- {apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "patch"]}')
    assert lines[at - 3 : at] == [
        "# get: finding the target (undo); looking at the target (undo)",
        "# list: guard storm (undo)",
        "# patch: action rollback (undo)",
    ]


def test_a_name_of_a_rule_cannot_end_a_comment(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("name: undo", 'name: "a\\u2028kind: Pod"'))
    assert run(str(rules)).exit_code == 1
    rules.write_text(RULES.replace("name: undo", 'name: "a # b: \\u00e9"'))
    assert yaml.safe_load_all(run(str(rules)).stdout)


def test_what_is_wrong_is_told_as_check_tells_it(tmp_path):
    (tmp_path / "bad.yaml").write_text(RULES.replace("rollback", "undo_everything"))
    found = run(str(tmp_path / "bad.yaml"))
    assert found.exit_code == 1
    assert "bad.yaml:8:" in found.stderr
    assert run().exit_code == 2
