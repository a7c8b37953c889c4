"""Run a command that cannot outlive its parent: ``python tether.py PARENT_PID COMMAND ARGUMENT...``.

The kernel is asked to kill this process when its parent ends, for whatever reason, kill -9 included; then
the command takes this process's place (same process id). Only the standard library: it starts in 10 ms.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[object]) -> list[str]:
    """The command (with the program's full path) as one that ends with this process, or rather this thread."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *(str(part) for part in command)]


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed: the lab needs Linux")
    if os.getppid() != parent:
        sys.exit("the process that wanted this command has already ended")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
