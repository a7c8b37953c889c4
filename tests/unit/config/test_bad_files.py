"""Every bad file under tests/data/bad is named by its mistake and refused with the message beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediator import __version__
from remediator.config import ConfigErrors, Settings, load_rules, load_settings
from remediator.config.settings import Receiver

BAD = Path(__file__).parents[2] / "data" / "bad"
RULES = sorted((BAD / "rules").glob("*.yaml"))
SETTINGS = sorted((BAD / "settings").glob("*.yaml"))


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
