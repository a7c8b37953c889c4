"""A PostgreSQL server of Debian's in a folder of its own: on loopback, and never as root."""

from __future__ import annotations

import contextlib
import operator
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.packages import POSTGRESQL, require
from tests.lab.ports import free_ports
from tests.lab.processes import Servers
from tests.lab.progress import Say, print_line
from tests.lab.waiting import wait_for

_UNPRIVILEGED = "postgres"
_PROGRAMS = Path("/usr/lib/postgresql")


class PostgreSQL:
    """A running server with an empty database ``postgres``.

    ``url`` is ``postgresql://user@127.0.0.1:port/postgres`` (no password: loopback is trusted). Durable as in
    production: what is tested on it is whether a commit is kept.
    """

    def __init__(
        self, folder: Path, servers: Servers, say: Say = print_line, copy_of: PostgreSQL | None = None
    ) -> None:
        """Start it, empty, or as a hot standby: a `copy_of` another one, which it follows until it is promoted."""
        programs = _installed(say)
        self._psql = programs / "psql"
        user = _UNPRIVILEGED if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._data = data = folder / "data"
        folder.mkdir(parents=True)
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            _open_to(user, folder)
        if copy_of is None:
            fresh = ["initdb", "-D", data, "-A", "trust", "-U", user, "-E", "UTF8", "--no-locale"]
        else:
            fresh = ["pg_basebackup", "-D", data, "-d", copy_of.url, "-R", "-X", "stream", "-c", "fast"]
        _run(_as(user, [programs / fresh[0], *fresh[1:]]))
        (port,) = free_ports(1)
        self.url = f"postgresql://{user}@127.0.0.1:{port}/postgres"
        listen = ["-h", "127.0.0.1", "-p", port, "-k", ""]
        self._ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        self.server = servers.start(folder.name, _as(user, [programs / "postgres", "-D", data, *listen]))
        self._await_readiness()

    def restart(self) -> None:
        """End the server as a crash does, and start it again: it recovers from its log."""
        self.stop()
        self.server.start_again()
        self._await_readiness()

    def _await_readiness(self) -> None:
        self.server.wait_until(lambda: subprocess.run(self._ready, check=False).returncode == 0)

    def wait_for_standby(self) -> None:
        """Wait until a standby follows, and from then on acknowledge no commit that it has not written."""
        wait_for(
            lambda: self.ask("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"), "1".__eq__, "it"
        )
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._reload()

    def promote(self) -> None:
        """Make a standby the primary: it takes writes."""
        self.ask("SELECT pg_promote()")

    def fresh_database(self) -> str:
        """The URL of an empty database."""
        base, _, _ = self.url.rpartition("/")
        name = f"test_{secrets.token_hex(6)}"
        self.ask(f"CREATE DATABASE {name}")
        return f"{base}/{name}"

    def demand_password(self, role: str) -> None:
        """Let a role in by its password alone; all others stay trusted."""
        file = self._data / "pg_hba.conf"
        line = f"host all {role} 127.0.0.1/32 scram-sha-256\n"
        if line not in file.read_text():
            file.write_text(line + file.read_text())
        self._reload()

    def let_in(self, addresses: str) -> None:
        """Trust whoever comes from these addresses (CIDR) as well: loopback alone is not where pods are."""
        file = self._data / "pg_hba.conf"
        file.write_text(f"host all all {addresses} trust\n" + file.read_text())
        self._reload()

    def ask(self, statement: str, url: str = "") -> str:
        """What psql prints for a statement, as the server's superuser."""
        command = [self._psql, "-XAtqc", statement, url or self.url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def _reload(self) -> None:
        """Read the configuration again, and wait until that is done: the server only promises to."""
        loaded = "SELECT pg_conf_load_time()"
        before = self.ask(loaded)
        self.ask("SELECT pg_reload_conf()")
        wait_for(lambda: self.ask(loaded), lambda at: at != before, "PostgreSQL to read its configuration again")

    def stop(self) -> None:
        """End it: the server is asked to end its own processes, which are in groups of their own."""
        if self.server.running():
            os.kill(self.server.pid, signal.SIGQUIT)
        with contextlib.suppress(LabError):
            wait_for(self.server.running, operator.not_, "PostgreSQL's end")
        self.server.stop()


def _installed(say: Say) -> Path:
    """The folder with the newest installed version's programs."""
    if not _PROGRAMS.is_dir():
        require(POSTGRESQL, say)
    versions = sorted(_PROGRAMS.glob("*/bin"), key=lambda path: float(path.parent.name))
    if not versions:
        raise LabError(f"There is no PostgreSQL server under {_PROGRAMS}: install the Debian package postgresql.")
    return versions[-1]


def _open_to(user: str, folder: Path) -> None:
    """Give the folder to the user, and let it be reached: the run's own folder is closed to others."""
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, user)
    for path in folder.parents:
        if path.stat().st_uid == os.geteuid() and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)


def _as(user: str, command: Sequence[object]) -> list[str]:
    """The command as that user: root steps down by setpriv, anybody else is the user already."""
    words = [str(word) for word in command]
    if os.geteuid() != 0:
        return words
    return ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--pdeathsig=KILL", *words]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
