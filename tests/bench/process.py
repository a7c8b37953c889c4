"""What the kernel says of a process and its threads: CPU time, resident memory, and the cores it may run on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time used so far, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def running_seconds(pid: int) -> float:
    """CPU time of the threads that live now, to the microsecond: of a process that hardly does anything."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_mebibytes(pid: int) -> float:
    """Resident memory, shared pages counted: what a Pod's limit is compared with."""
    return _mebibytes(pid, "VmRSS")


def most_mebibytes(pid: int) -> float:
    """The most of it that the process ever had."""
    return _mebibytes(pid, "VmHWM")


def _mebibytes(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {pid} has no memory any more")


def pin(pid: int, cores: Iterable[int]) -> None:
    """Let a process run on these cores alone, with the threads it has and those it will start."""
    wanted = set(cores)
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), wanted)
