"""The folder of one run: fresh, with data and logs, gone at the end; the logs stay where something failed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "remediator-lab-"
_OWNER_FILE = "owner"


class RunFolder:
    """``data`` and ``logs`` of one run, in the system's folder for temporary files."""

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.data = self.path / "data"
        self.logs = self.path / "logs"
        for folder in (self.data, self.logs):
            folder.mkdir()
        (self.path / _OWNER_FILE).write_text(_name())

    def remove(self, keep_logs: bool) -> None:
        """Remove it all, or all but the logs."""
        shutil.rmtree(self.data if keep_logs else self.path, ignore_errors=True)


def sweep() -> None:
    """Remove the data (not the logs) of runs whose process was killed before it could do so itself.

    Runs of another PID namespace are let be: which processes live there cannot be seen from here.
    """
    here = _name().partition(" ")[0]
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            namespace, pid = (path / _OWNER_FILE).read_text().split()
            if namespace == here and not Path(f"/proc/{pid}").exists():
                shutil.rmtree(path / "data", ignore_errors=True)


def _name() -> str:
    """The PID namespace of this process and its number there."""
    return f"{os.readlink('/proc/self/ns/pid')} {os.getpid()}"
