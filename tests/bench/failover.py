"""`failover`: how long nobody is in charge when a leader is killed, and when it ends in order.

Two replicas over one journal in PostgreSQL, one Lease, and the product's own timings. From the signal to the journal's
line that the other has begun its term, which is when it decides and writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import httpx

from tests.bench.figures import quantile
from tests.bench.table import Row, at_most, between
from tests.faults.stand import Stand
from tests.lab.lab import Lab
from tests.lab.postgresql import PostgreSQL
from tests.lab.progress import Say
from tests.lab.waiting import wait_for
from tests.real.service import Line, Service

KILLS, STOPS = 20, 10
AFTER_KILL, AFTER_STOP = 20.0, 2.0
"""The goals, seconds."""


def measure(lab: Lab, say: Say) -> list[Row]:
    """Run it; ten minutes, for a lease lasts fifteen seconds."""
    postgresql = PostgreSQL(lab.folder.data / "failover", lab.servers, say)
    try:
        with Stand(lab, postgresql) as stand:
            for replica, account in zip(stand.replicas, stand.accounts, strict=True):
                replica.settings["leader_election"] = {"namespace": stand.namespace}
                # Without the stand's proxy, which passes nothing on before an answer is whole: no watch comes through.
                replica.settings["kubernetes"]["kubeconfig"] = str(account.kubeconfig)
            stand.start()
            killed = [_one(stand, Service.kill, say, f"kill {number + 1} of {KILLS}") for number in range(KILLS)]
            stopped = [_one(stand, Service.stop, say, f"stop {number + 1} of {STOPS}") for number in range(STOPS)]
    finally:
        postgresql.stop()
    return [
        _row("kill -9 → the other decides", killed, AFTER_KILL),
        _row("SIGTERM → the other decides", stopped, AFTER_STOP),
    ]


def _one(stand: Stand, end: Callable[[Service], object], say: Say, what: str) -> float:
    """End the one in charge, wait for the other, and start the ended one again to stand by."""
    lines = _terms(stand)
    leader, other = sorted(stand.replicas, key=_stands_by)
    began = time.time()
    end(leader)
    news = wait_for(lambda: _terms(stand), lambda seen: len(seen) > len(lines), f"{other.folder.name} in charge", 120)
    seconds = datetime.fromisoformat(news[len(lines)]["time"]).timestamp() - began
    say(f"failover: {what}: {seconds:.1f} s")
    leader.start()
    wait_for(lambda: _stands_by(leader), bool, "it stands by")
    return seconds


def _terms(stand: Stand) -> list[Line]:
    return stand.one.lines("leader")


def _stands_by(replica: Service) -> bool:
    checks = httpx.get(f"{replica.url}/readyz", timeout=10).json()["checks"]
    return next(check["detail"] for check in checks if check["name"] == "leader") != "in charge"


def _row(figure: str, seconds: list[float], goal: float) -> Row:
    spread = f"{between(min(seconds), max(seconds), 's')}, p50 {quantile(seconds, 0.5):.1f} s, {len(seconds)} times"
    return at_most("failover", f"{figure}, slowest", max(seconds), goal, "s", spread)
