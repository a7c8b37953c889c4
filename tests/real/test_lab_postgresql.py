"""The lab's PostgreSQL: there, on loopback, and gone with its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.postgresql import PostgreSQL
from tests.lab.standing import process_start
from tests.lab.waiting import wait_for

pytestmark = pytest.mark.lab

OWNER = """
import sys, time
from pathlib import Path
from tests.lab.postgresql import PostgreSQL
from tests.lab.processes import Servers
folder = Path(sys.argv[1])
print(PostgreSQL(folder / "postgresql", Servers(folder)).server.pid, flush=True)
time.sleep(1000)
"""


def test_database_answers(postgresql: PostgreSQL) -> None:
    asked = subprocess.run(
        ["psql", postgresql.url, "-Atc", "create table kept (id int); insert into kept values (7); table kept"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stdout.split()[-1] == "7", asked.stderr


def test_server_does_not_run_as_root(postgresql: PostgreSQL) -> None:
    assert os.stat(f"/proc/{postgresql.server.pid}").st_uid != 0


def test_server_ends_with_its_killed_owner(postgresql: PostgreSQL, tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    with owner.stdout as printed:
        server = int(printed.readline())
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_for(lambda: process_start(server), lambda start: start == "", "the server's end")
