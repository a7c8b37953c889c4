"""A long command whose progress can be seen, on a terminal and in a log alike."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.tether import tethered

Say = Callable[[str], None]
"""Takes one line for whoever watches."""

_KEPT_LINES = 40


def print_line(line: str) -> None:
    """The usual ``Say``: a line to stdout, at once."""
    print(f"lab: {line}", flush=True)


def run_with_progress(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    subject: str,
    say: Say,
    every: float = 5,
) -> None:
    """Run a command, and say every few seconds (``every``) how long it has run and the last line that it printed.

    Raises ``LabError`` with the end of its output where it fails. An exception (Ctrl-C) ends it first, and so
    does the end of this process.
    """
    started = time.monotonic()
    process = _start(command, cwd, env)
    output = _Output(process)
    try:
        while not output.ended.wait(every):
            elapsed = time.monotonic() - started
            say(f"{subject}: {elapsed:4.0f} s, {output.lines} lines so far: {output.newest()}")
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if code != 0:
        raise LabError(f"{command[0]} failed with code {code} in {cwd}:\n  " + "\n  ".join(output.last))
    say(f"{subject}: done in {time.monotonic() - started:.0f} s")


def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        tethered([shutil.which(command[0]) or command[0], *command[1:]]),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


class _Output:
    """Reads what the command prints, in a thread, and remembers the end of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.last: deque[str] = deque(maxlen=_KEPT_LINES)
        self.lines = 0
        self.ended = threading.Event()
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def newest(self) -> str:
        """The last line, shortened."""
        return self.last[-1][:90] if self.last else "nothing printed yet"

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as printed:
            for line in printed:
                self.last.append(line.rstrip())
                self.lines += 1
        self.ended.set()
