"""docs/testing-rules.md: every test that it shows passes, and what it says that fails does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remediator.config.trials import load_trials
from remediator.trial.play import play

PAGE = (Path(__file__).parents[3] / "docs/testing-rules.md").read_text()
FILES = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


GIVEN = [name for name, text in FILES.items() if name.endswith("_test.yaml") and "input_series:" not in text]
"""Those that need no Prometheus; tests/real/test_rule_tests.py plays the others."""


@pytest.mark.parametrize("name", GIVEN)
def test_the_tests_that_the_page_shows_pass(folder: Path, name: str) -> None:
    results = [play(trial) for trial in load_trials([folder / name])]
    assert results
    assert [each.name for each in results if not each.passed] == []


def test_the_page_shows_tests_of_alerts_and_of_queries() -> None:
    assert set(GIVEN) >= {"rules/tests/web_test.yaml", "rules/tests/errors_test.yaml"}
