"""`remediator demo` as a newcomer runs it: three stories that end as told, and commands that work as shown."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def shown() -> str:
    done = subprocess.run([sys.executable, "-m", "remediator", "demo"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def row(shown: str, target: str) -> str:
    """The table's cells about a target, as one line of text."""
    lines = shown[shown.index("What came of it") :].splitlines()
    start = next(number for number, line in enumerate(lines) if target in line)
    cells: list[str] = []
    for line in lines[start:]:
        parts = [part.strip() for part in line.strip("│").split("│")]
        if len(parts) != 3 or (cells and parts[0]):
            break
        cells.append(parts[1] + " " + parts[2])
    return " ".join(" ".join(cells).split())


@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("shop/web", "rollback closed: recovered"),
        ("kube-system/dns", "nothing refused: protected: namespace kube-system is protected"),
        ("shop/cart", "rollback → undone escalated: oncall: delivered: not healthy within 8 s"),
    ],
)
def test_each_story_ends_as_told(shown: str, target: str, end: str) -> None:
    assert row(shown, target).startswith(end)


def test_every_step_is_on_the_screen(shown: str) -> None:
    for word in ("incident", "signal", "decision", "intent", "outcome", "verify", "undo", "closed", "✉ to oncall"):
        assert word in shown


def test_the_commands_it_ends_with_work(shown: str) -> None:
    commands = [line.split() for line in shown.splitlines() if " audit " in line and "--db" in line]
    assert len(commands) == 2
    for _, *words in commands:
        done = subprocess.run([sys.executable, "-m", "remediator", *words], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert done.stdout
