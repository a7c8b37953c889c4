"""Settings and rules read in a process of its own, `python -m remediator.config.apart`, which ends with its answer.

What reading needs (pydantic, YAML, the checker of conditions: a third of the service's memory) is gone with it, and
many rules read again hold up no webhook.
"""

from __future__ import annotations

import os
import subprocess
import sys

from msgspec import msgpack

from remediator.config.problems import ConfigErrors, Problem
from remediator.config.settings import Settings
from remediator.core.model import Value
from remediator.core.rules import Rule


class Wanted(Value, frozen=True):
    """What is to be read: a settings file and its rules, or the rules of settings that were read before."""

    file: str
    settings: Settings | None = None


class Found(Value, frozen=True):
    """What was read, or every mistake of it."""

    settings: Settings | None = None
    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()


class Reading:
    """A process that has begun to read a settings file, or the rules of settings."""

    def __init__(self, wanted: str | Settings) -> None:
        self._wanted = Wanted(wanted.file, wanted) if isinstance(wanted, Settings) else Wanted(wanted)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __spec__.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def result(self) -> tuple[Settings, tuple[Rule, ...]]:
        """Wait for what was read. Raises `ConfigErrors` with every mistake, or where the process did not answer."""
        answer, _ = self._process.communicate(msgpack.encode(self._wanted))
        try:
            found = msgpack.decode(answer, type=Found)
        except ValueError as error:
            ended = f"could not be read: the process that reads ended with {self._process.returncode}"
            remedy = "see what it said before this; was it out of memory?"
            raise ConfigErrors([Problem(self._wanted.file, 0, 0, "", ended, remedy)]) from error
        if found.problems or found.settings is None:
            raise ConfigErrors(found.problems)
        return found.settings, found.rules


def load_rules_apart(settings: Settings) -> tuple[Rule, ...]:
    """As `load_rules` of these settings, in a process of its own."""
    return Reading(settings).result()[1]


def _read(wanted: Wanted) -> Found:
    from remediator.config import load_rules, load_settings

    try:
        settings = wanted.settings or load_settings(wanted.file)
        return Found(settings, load_rules(settings))
    except ConfigErrors as errors:
        return Found(problems=errors.problems)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgpack.encode(_read(msgpack.decode(sys.stdin.buffer.read(), type=Wanted))))
