"""Servers as child processes: each in a process group of its own, with a log file, ended by its id.

They end with this Python process whatever becomes of it: by ``stop``, at exit, or by the kernel (``tether``).
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.tether import tethered
from tests.lab.waiting import PATIENCE

_LOG_TAIL_LINES = 15

# The kernel's "parent ended" means the *thread* that started the child: so one thread starts all of them and
# lives as long as this process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-starter")


class Server:
    """A running server of the lab.

    ``name`` is for messages and for the log file's name; ``log`` is where stdout and stderr go.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._start = functools.partial(_start, command, log, env, cwd)
        self.start_again()

    @property
    def pid(self) -> int:
        """The process id, which is also the process group's."""
        return self._process.pid

    def start_again(self) -> None:
        """Start it with the same command, after ``stop``; the log goes on."""
        self._process = _starter.submit(self._start).result()
        atexit.register(self.stop)

    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the whole process group at once: a lab's data is thrown away, so nobody is asked to tidy up."""
        atexit.unregister(self.stop)
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process from answering, without ending it, for the length of a ``with`` block."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def wait_until(self, ready: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Wait until ``ready()``; a ``LabError`` with the end of the log where it dies or ``timeout`` s pass."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running():
                raise LabError(f"{self.name} ended with code {self._process.returncode}.\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} is not ready after {timeout:g} s.\n{self._last_words()}")
            time.sleep(0.1)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return f"The end of {self.log}:\n  " + "\n  ".join(lines)


class Servers:
    """The servers of one lab, with a log file of each in the folder ``logs``."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._started: list[Server] = []

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Server:
        """Start one more; ``env`` replaces the whole environment, ``cwd`` is the folder to run in."""
        server = Server(name, command, self.logs / f"{name}.log", env, cwd)
        self._started.append(server)
        return server

    def __iter__(self) -> Iterator[Server]:
        return iter(self._started)

    def stop(self) -> None:
        """End them all, the last first."""
        while self._started:
            self._started.pop().stop()


def _start(
    command: Sequence[str | Path],
    log: Path,
    env: Mapping[str, str] | None,
    cwd: Path | None,
) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            tethered(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if env is None else dict(env),
            cwd=cwd,
        )
