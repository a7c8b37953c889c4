"""The eleven faults: each befalls replica `one`, or what it stands on, for the length of a `with` block."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.faults.stand import Stand
from tests.faults.wire import Wire

SECONDS = 10.0
"""How long a partition, a stop or a full disk lasts: longer than the lease."""
STOPPED = 30.0


@contextmanager
def killed(stand: Stand) -> Iterator[None]:
    """kill -9; the other one takes over."""
    stand.one.kill()
    stand.next_term()
    yield


@contextmanager
def stopped(stand: Stand) -> Iterator[None]:
    """SIGSTOP for half a minute: the other one takes over, and this one wakes up with what it was about to do. What it
    did until it knew that it is not in charge any more counts.
    """
    process = stand.one.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(STOPPED)
        yield
    finally:
        process.send_signal(signal.SIGCONT)
    stand.stands_by()


@contextmanager
def without_api_server(stand: Stand) -> Iterator[None]:
    """Cut off from the API server, and so from its lease."""
    stand.api.is_cut = True
    try:
        stand.next_term()
        yield
    finally:
        stand.api.is_cut = False


@contextmanager
def without_journal(stand: Stand) -> Iterator[None]:
    """Cut off from PostgreSQL, and so from deciding anything: it gives up office."""
    stand.database.is_cut = True
    try:
        stand.next_term()
        yield
    finally:
        stand.database.is_cut = False


def without_metrics(stand: Stand) -> AbstractContextManager[None]:
    """Cut off from Prometheus."""
    return _cut(stand.metrics)


@contextmanager
def _cut(wire: Wire) -> Iterator[None]:
    wire.is_cut = True
    try:
        time.sleep(SECONDS)
        yield
    finally:
        wire.is_cut = False


@contextmanager
def journal_restarts(stand: Stand) -> Iterator[None]:
    """PostgreSQL crashes and recovers."""
    assert stand.postgresql is not None
    stand.postgresql.restart()
    yield


@contextmanager
def journal_fails_over(stand: Stand) -> Iterator[None]:
    """PostgreSQL's primary is lost and its synchronous standby promoted."""
    assert stand.postgresql is not None
    assert stand.standby is not None
    stand.postgresql.stop()
    stand.standby.promote()
    yield


@contextmanager
def api_server_restarts(stand: Stand) -> Iterator[None]:
    """The API server is down for everybody."""
    with stand.lab.control_plane.api_server_down():
        time.sleep(SECONDS / 2)
        yield


@contextmanager
def etcd_stands_still(stand: Stand) -> Iterator[None]:
    """The API server answers nothing that it has to ask etcd for."""
    with stand.lab.control_plane.etcd.frozen():
        time.sleep(SECONDS)
        yield


@contextmanager
def disk_full(stand: Stand) -> Iterator[None]:
    """The journal's file cannot grow: SQLite, one replica."""
    process, log = stand.one.process, stand.one.folder / "journal.db-wal"
    assert process is not None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
    try:
        time.sleep(SECONDS)
        yield
    finally:
        if process.poll() is None:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)


@contextmanager
def disk_slow(stand: Stand) -> Iterator[None]:
    """Every answer of PostgreSQL takes half a second more."""
    stand.database.delay = 0.5
    try:
        time.sleep(SECONDS)
        yield
    finally:
        stand.database.delay = 0.0


Strike = Callable[[Stand], AbstractContextManager[None]]

STRIKES: dict[str, Strike] = {
    "kill -9": killed,
    "SIGSTOP 30 s": stopped,
    "cut from API server": without_api_server,
    "cut from PostgreSQL": without_journal,
    "cut from Prometheus": without_metrics,
    "PostgreSQL restart": journal_restarts,
    "PostgreSQL fail-over": journal_fails_over,
    "API server restart": api_server_restarts,
    "etcd stops": etcd_stands_still,
    "disk full": disk_full,
    "slow disk": disk_slow,
}
ALONE = frozenset({"disk full"})
"""Faults of a single replica with its journal in SQLite."""
IN_COPIES = frozenset({"PostgreSQL fail-over"})
"""Faults that need a standby of PostgreSQL, a fresh one each time."""
