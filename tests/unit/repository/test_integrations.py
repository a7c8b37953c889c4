"""The GitHub Action and the pre-commit hooks: what their command lines say is run on a repository made for it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.repository.sources import ROOT, Document

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
PAGE = Document(ROOT / "docs" / "checking-rules.md")

RULES = """\
groups:
- name: web
  rules:
  - name: restart-web
    when: {alert: Leaking}
    target: {kind: Deployment}
    do: [restart, {escalate: {receiver: oncall}}]
"""

TESTS = """\
rule_files: [../web.yaml]
tests:
- name: a leaking workload is restarted
  mode: enforce
  cluster: [{kind: Deployment, namespace: shop, name: web, image: 'web:1', replicas: 3}]
  alerts:
  - {labels: {alertname: Leaking, namespace: shop, deployment: web}, at: 10m}
  expect:
  - at: 20m
    writes: [{verb: patch, object: Deployment/shop/web, action: restart}]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a rule and its test."""
    (tmp_path / "rules" / "tests").mkdir(parents=True)
    (tmp_path / "rules" / "web.yaml").write_text(RULES)
    (tmp_path / "rules" / "tests" / "web_test.yaml").write_text(TESTS)
    return tmp_path


def run(command: list[str], where: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a repository, with `remediator` on the PATH as an installation puts it there."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=where, env=os.environ | {"PATH": path} | environment, capture_output=True, text=True, timeout=600
    )


def filled(text: str, inputs: dict[str, str]) -> str:
    """What stands in `${{ inputs.NAME }}`."""
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)


def acted(where: Path, **given: str) -> list[subprocess.CompletedProcess[str]]:
    """The action's own steps after the installation, as GitHub runs them, until one fails."""
    inputs = {name: str(each["default"]) for name, each in ACTION["inputs"].items()} | given
    done: list[subprocess.CompletedProcess[str]] = []
    for step in ACTION["runs"]["steps"]:
        wanted = re.fullmatch(r"inputs\.(\w+) != ''", step.get("if", ""))
        if step.get("name") in (None, "Install") or (wanted and not inputs[wanted[1]]):
            continue
        assert "${{" not in step["run"], "what a pull request brings goes by the environment, never into a script"
        environment = {name: filled(text, inputs) for name, text in step["env"].items()}
        done.append(run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], where, **environment))
        if done[-1].returncode:
            break
    return done


def workflow() -> dict[str, str]:
    """The inputs of the workflow that the page shows."""
    (block,) = [each for each in PAGE.blocks if each.text.startswith("# .github/workflows")]
    steps = yaml.safe_load(block.text)["jobs"]["rules"]["steps"]
    (inputs,) = [step["with"] for step in steps if "remediator" in step.get("uses", "")]
    return inputs


def test_the_workflow_that_is_shown_checks_and_tests(repository: Path) -> None:
    check, test = acted(repository, **workflow())
    assert (check.returncode, check.stdout) == (0, "ok: 1 file, 1 rule\n"), check.stderr
    assert test.returncode == 0, test.stdout + test.stderr
    assert json.loads((repository / "rules.sarif").read_text())["runs"][0]["results"] == []


def test_a_mistake_fails_the_action_and_is_in_the_sarif_file(repository: Path) -> None:
    (repository / "rules" / "web.yaml").write_text(RULES.replace("[restart", "[restarted"))
    (check,) = acted(repository, **workflow())
    assert check.returncode == 1
    assert "rules/web.yaml:7:10" in check.stderr
    (result,) = json.loads((repository / "rules.sarif").read_text())["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "rules/web.yaml"


def test_settings_and_strictness_are_handed_on(repository: Path) -> None:
    (repository / "remediator.yaml").write_text("rule_files: ['rules/*.yaml']\nreceivers: []\n")
    (check,) = acted(repository, config="remediator.yaml")
    assert "the settings have no receiver `oncall`" in check.stderr
    (repository / "rules" / "web.yaml").write_text(RULES.replace(", {escalate: {receiver: oncall}}", ""))
    assert [each.returncode for each in acted(repository, strict="true")] == [1], "nobody is told: a warning"


def test_the_page_tells_every_input() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE.text, re.MULTILINE))
    assert set(ACTION["inputs"]) <= told


def hooked(where: Path, id_: str) -> subprocess.CompletedProcess[str]:
    """A hook over all files of a repository, as pre-commit calls it."""
    (hook,) = [each for each in HOOKS if each["id"] == id_]
    names = sorted(str(each.relative_to(where)) for each in where.rglob("*.yaml"))
    files = [name for name in names if re.search(hook["files"], name)]
    assert files, "a hook without a file would not be run"
    given = files if hook.get("pass_filenames", True) else []
    return run([*shlex.split(hook["entry"]), *hook.get("args", []), *given], where)


def test_the_hooks_that_are_shown_check_and_test(repository: Path) -> None:
    (block,) = [each for each in PAGE.blocks if each.text.startswith("# .pre-commit-config.yaml")]
    shown = [hook["id"] for repo in yaml.safe_load(block.text)["repos"] for hook in repo["hooks"]]
    assert shown == [hook["id"] for hook in HOOKS]
    check, test = (hooked(repository, id_) for id_ in shown)
    assert (check.returncode, check.stdout) == (0, "ok: 1 file, 1 rule\n"), check.stderr
    assert test.returncode == 0, test.stdout + test.stderr


def test_a_rule_that_changes_has_its_tests_played(repository: Path) -> None:
    """Though no test has changed."""
    (hook,) = [each for each in HOOKS if each["id"] == "remediator-test"]
    assert re.search(hook["files"], "rules/web.yaml")
    (repository / "rules" / "web.yaml").write_text(RULES.replace("restart,", "rollback,"))
    assert "1 failed" in hooked(repository, "remediator-test").stdout


def test_the_action_installs_this_package() -> None:
    """`pip install` of the action's own folder: what is there has to be a package with the command."""
    (install,) = [step for step in ACTION["runs"]["steps"] if step.get("name") == "Install"]
    assert install["run"].endswith('"$GITHUB_ACTION_PATH"')
    assert 'remediator = "remediator.cli:main"' in (ROOT / "pyproject.toml").read_text()
