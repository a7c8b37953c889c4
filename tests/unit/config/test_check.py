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
    assert (done.exit_code, done.stdout, done.stderr) == (0, says, "")


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
    assert json.loads(check("-o", "json", GOOD / "rules.yaml").stdout) == {
        "ok": True,
        "files": 1,
        "rules": 3,
        "problems": [],
    }


def test_a_file_that_is_not_there_is_told_like_any_mistake():
    done = check("none.yaml", GOOD / "rules.yaml")
    assert done.exit_code == 1
    assert "none.yaml: cannot be read: No such file or directory" in done.stderr


def test_nothing_to_check_is_a_wrong_call():
    assert check().exit_code == 2
    assert check("--colour", GOOD / "rules.yaml").exit_code == 2
