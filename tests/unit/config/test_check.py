"""`remediator check`: all mistakes at once on standard error, and an exit code that scripts can use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from remediator.cli.check import command

DATA = Path(__file__).parents[2] / "data"
GOOD, BAD = DATA / "good", DATA / "bad"


def check(*args: object):
    return CliRunner().invoke(command, [str(each) for each in args])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([GOOD / "rules.yaml"], "ok: 1 file, 3 rules\n"),
        (["--config", GOOD / "remediator.yaml"], "ok: 2 files, 3 rules\n"),
        (["--config", GOOD / "remediator.yaml", GOOD / "rules.yaml"], "ok: 2 files, 3 rules\n"),
    ],
)
def test_good_files_are_one_line_and_0(args, says):
    done = check(*args)
    assert (done.exit_code, done.stdout) == (0, says)
    assert all(line.startswith("warning: ") for line in done.stderr.splitlines())


def test_bad_files_are_a_line_a_mistake_on_standard_error_and_1():
    done = check(BAD / "rules" / "many_mistakes.yaml", BAD / "rules" / "yaml_tab.yaml")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 9


def test_bad_settings_hide_no_mistake_of_the_rules():
    done = check("--config", BAD / "settings" / "dry_run.yaml", BAD / "rules" / "do_empty.yaml")
    assert done.exit_code == 1
    assert "dry_run" in done.stderr
    assert "do_empty" in done.stderr


def test_json_is_for_programs():
    done = check("-o", "json", BAD / "rules" / "do_empty.yaml")
    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert answer["ok"] is False
    assert answer["problems"] == [
        {
            "file": str(BAD / "rules" / "do_empty.yaml"),
            "line": 7,
            "column": 9,
            "path": "groups[0].rules[0].do",
            "message": "is empty",
            "remedy": "write at least one",
        }
    ]
    good = json.loads(check("-o", "json", GOOD / "rules.yaml").stdout)
    assert {"ok": True, "files": 1, "rules": 3, "problems": []}.items() <= good.items()
    assert {each["line"] for each in good["warnings"]} == {51, 57}


LONELY = """
groups:
- name: g
  rules:
  - {name: lonely, when: {alert: A}, target: {kind: Deployment}, do: [restart]}
"""


def test_a_warning_is_told_and_refuses_nothing(tmp_path):
    (tmp_path / "rules.yaml").write_text(LONELY)
    done = check(tmp_path / "rules.yaml")
    assert (done.exit_code, done.stdout) == (0, "ok: 1 file, 1 rule\n")
    told = "groups[0].rules[0].do: nobody is told where `restart` does not help; end with `- escalate: {receiver: …}`"
    assert done.stderr == f"warning: {tmp_path}/rules.yaml:5:70 {told}\n"
    (warning,) = json.loads(check("-o", "json", tmp_path / "rules.yaml").stdout)["warnings"]
    assert (warning["line"], warning["path"]) == (5, "groups[0].rules[0].do")


def test_sarif_is_for_pull_requests(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a rule.yaml").write_text(LONELY)
    (tmp_path / "bad.yaml").write_text(
        LONELY.replace("restart", "restarted").replace("lonely", "other").replace("name: g", "name: h")
    )
    done = check("-o", "sarif", "a rule.yaml", "bad.yaml", "none.yaml")
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert said["version"] == "2.1.0"
    (run,) = said["runs"]
    assert {each["id"] for each in run["tool"]["driver"]["rules"]} >= {each["ruleId"] for each in run["results"]}
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert [place["artifactLocation"]["uri"] for place in places][:3] == ["bad.yaml", "none.yaml", "a%20rule.yaml"]
    assert [each["level"] for each in run["results"]][:3] == ["error", "error", "warning"]
    assert places[0]["region"] == {"startLine": 5, "startColumn": 70}
    assert "region" not in places[1]
    assert run["results"][0]["message"]["text"].startswith("groups[0].rules[0].do[0]: unknown action `restarted`;")


def test_a_file_that_is_not_there_is_told_like_any_mistake():
    done = check("none.yaml", GOOD / "rules.yaml")
    assert done.exit_code == 1
    assert "none.yaml: cannot be read: No such file or directory" in done.stderr


def test_a_server_that_does_not_answer_is_one_mistake():
    done = check("--prometheus", "http://127.0.0.1:1", GOOD / "rules.yaml")
    assert done.exit_code == 1
    (told,) = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert "rules.yaml: the Prometheus at http://127.0.0.1:1 does not tell what was asked: " in told


def test_strict_makes_warnings_mistakes(tmp_path):
    (tmp_path / "rules.yaml").write_text(LONELY)
    assert check("--strict", tmp_path / "rules.yaml").exit_code == 1


def test_whose_rights_is_only_asked_with_a_cluster():
    assert check("--as", "alice", GOOD / "rules.yaml").exit_code == 2


def test_nothing_to_check_is_a_wrong_call():
    assert check().exit_code == 2
    assert check("--colour", GOOD / "rules.yaml").exit_code == 2
