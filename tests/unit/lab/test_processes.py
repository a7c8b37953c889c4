"""Servers end with what started them, whatever ends that."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.errors import LabError
from tests.lab.processes import Servers
from tests.lab.standing import process_start
from tests.lab.waiting import wait_for

CHECKOUT = Path(__file__).parents[3]
OWNER = """
import sys, threading, time
from pathlib import Path
from tests.lab.processes import Servers
started = []
def start():
    started.append(Servers(Path(sys.argv[1])).start("sleeper", ["/bin/sleep", "1000"]))
thread = threading.Thread(target=start)
thread.start()
thread.join()
print(started[0].pid, flush=True)
{ending}
"""


def owner(tmp_path: Path, ending: str) -> tuple[subprocess.Popen[str], int]:
    """A Python process that has started a server (from a thread that is gone), and the server's process id."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(ending=ending), str(tmp_path)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a shell's background job does not
    )
    assert process.stdout is not None
    with process.stdout as printed:
        return process, int(printed.readline())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_server_ends_when_its_owner_is_ended(tmp_path: Path, how: signal.Signals) -> None:
    process, server = owner(tmp_path, "time.sleep(1000)")
    assert process_start(server)
    process.send_signal(how)
    process.wait()
    wait_for(lambda: process_start(server), lambda start: start == "", "the server's end")


@pytest.mark.parametrize("ending", ["pass", "raise RuntimeError", "sys.exit(3)"])
def test_server_ends_when_its_owner_ends(tmp_path: Path, ending: str) -> None:
    process, server = owner(tmp_path, ending)
    process.wait()
    wait_for(lambda: process_start(server), lambda start: start == "", "the server's end")


def test_server_that_dies_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    server = Servers(tmp_path).start("broken", ["/bin/sh", "-c", "echo no such flag >&2; exit 3"])
    with pytest.raises(LabError, match=r"(?s)broken ended with code 3.*no such flag"):
        server.wait_until(lambda: False)
    server.stop()


def test_server_that_is_never_ready_is_told(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    with pytest.raises(LabError, match=r"slow is not ready after 0.1 s"):
        servers.start("slow", ["/bin/sleep", "1000"]).wait_until(lambda: False, timeout=0.1)
    servers.stop()


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    server = servers.start("parent", ["/bin/sh", "-c", "sleep 1000 & echo $!; wait"])
    child = int(wait_for(server.log.read_text, lambda text: text.strip(), "the child's id"))
    servers.stop()
    wait_for(lambda: process_start(child), lambda start: start == "", "the child's end")
    assert not server.running()


def test_frozen_server_goes_on_afterwards(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    server = servers.start("sleeper", ["/bin/sleep", "1000"])
    with contextlib.suppress(KeyError), server.frozen():
        wait_for(lambda: _state(server.pid), lambda state: state == "T", "the server's standstill")
        raise KeyError
    wait_for(lambda: _state(server.pid), lambda state: state in "SR", "the server's going on")
    servers.stop()


def test_server_has_a_group_of_its_own(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    server = servers.start("sleeper", ["/bin/sleep", "1000"])
    assert os.getpgid(server.pid) == server.pid != os.getpgid(0)
    servers.stop()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
