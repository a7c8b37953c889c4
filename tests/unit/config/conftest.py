"""Fixtures of the readers' tests."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def python():
    """Runs a Python text in a process of its own and answers what it prints."""

    def run(text: str) -> str:
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run
