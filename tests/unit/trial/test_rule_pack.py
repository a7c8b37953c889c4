"""The tests beside the rule pack pass: each rule cures, refuses, and keeps away from what is ambiguous."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediator.config.trials import load_trials
from remediator.trial.play import play
from remediator.trial.report import lines_of
from tests.unit.repository.sources import ROOT

FILES = sorted((ROOT / "rules" / "tests").glob("*_test.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem.removesuffix("_test"))
def test_its_tests_pass(file: Path) -> None:
    results = [play(trial) for trial in load_trials([file])]
    told = "\n".join(text for text, _ in lines_of([each for each in results if not each.passed]))
    assert told == ""
