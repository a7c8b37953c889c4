"""Every bad file under tests/data/bad is named by its mistake and refused with the message beside it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediator import __version__
from remediator.config import ConfigErrors, Settings, load_rules, load_settings
from remediator.config.advice import advise, unjudged
from remediator.config.problems import Problems
from remediator.config.rules import read_files
from remediator.config.settings import Operator, PrometheusSource, Receiver, Web, WebAuth
from remediator.config.trials import load_trials
from remediator.core.model import Mode
from remediator.core.windows import TimeInterval

BAD = Path(__file__).parents[2] / "data" / "bad"
RULES = sorted((BAD / "rules").glob("*.yaml"))
SETTINGS = sorted((BAD / "settings").glob("*.yaml"))
WARNED = sorted((BAD / "warnings").glob("*.yaml"))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TESTS = sorted((BAD / "tests").glob("*.yaml"))


def expected(path: Path) -> str:
    return path.with_suffix(".txt").read_text().replace("{version}", __version__)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_bad_rule_file_is_refused_with_its_message(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    settings = Settings(receivers=(Receiver("oncall", ()),), time_intervals={"business-hours": (), "freeze": ()})
    with pytest.raises(ConfigErrors) as raised:
        load_rules([path.name], settings)
    assert f"{raised.value}\n" == expected(path)


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_a_bad_settings_file_is_refused_with_its_message(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(ConfigErrors) as raised:
        load_settings(path.name)
    assert f"{raised.value}\n" == expected(path)
    assert "s3cr3t" not in str(raised.value)


INTERVALS = {
    "past": (TimeInterval(years=((2020, 2021),)),),
    "five-minutes": (TimeInterval(times=((600, 605),)),),
}
SETTLED = Settings(
    mode=Mode.ENFORCE,
    receivers=(Receiver("oncall", ()),),
    time_intervals=INTERVALS,
    prometheus=PrometheusSource("http://prometheus:9090"),
    web=Web(auth=WebAuth(operators=(Operator("alice", "a", ("approve",)), Operator("bob", "b", ("approve",))))),
)


@pytest.mark.parametrize("path", WARNED, ids=lambda path: path.stem)
def test_a_doubtful_rule_file_is_warned_of_with_its_message(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    problems = Problems()
    files = read_files([Path(path.name)], SETTLED, problems)
    told = sorted({*advise(files, SETTLED, NOW), *unjudged(files)})
    assert list(problems) == []
    assert "".join(f"{each}\n" for each in told) == expected(path)


def test_every_kind_of_mistake_that_the_page_tells_has_its_file():
    page = (BAD.parents[2] / "docs" / "checking-rules.md").read_text()
    named = re.findall(r"`((?:rules|warnings)/\w+\.yaml)`", page)
    assert len(named) > 15
    assert [name for name in named if not (BAD / name).exists()] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_a_bad_rule_test_file_is_refused_with_its_message(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(ConfigErrors) as raised:
        load_trials([Path(path.name)])
    assert f"{raised.value}\n" == expected(path)


def test_there_are_many_and_none_without_its_message():
    assert len(RULES) + len(SETTINGS) >= 300
    assert {path.stem for path in BAD.rglob("*.yaml")} == {path.stem for path in BAD.rglob("*.txt")}


def test_all_mistakes_of_all_files_come_at_once(monkeypatch):
    monkeypatch.chdir(BAD / "rules")
    with pytest.raises(ConfigErrors) as raised:
        load_rules([path.name for path in RULES])
    assert {problem.file for problem in raised.value.problems} >= {path.name for path in RULES} - {
        "do_unknown_receiver.yaml"  # right where the settings are not given
    }
