"""`intake`: webhooks made durable a second by a server process on one core, its client on the others, with an API
server that costs next to nothing.

Payloads of 17 KB over 64 connections. Every 200 must be a row of the inbox; what is there is worked on meanwhile.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.bench import bare_inbox, payloads
from tests.bench.figures import quantile, spread
from tests.bench.posts import Answers, pressed, request
from tests.bench.process import cpu_seconds, pin
from tests.bench.product import Product, start_answering, start_bare_inbox, start_product
from tests.bench.table import Row, at_least, between, said
from tests.lab.processes import Servers
from tests.lab.progress import Say
from tests.lab.waiting import wait_for

CONNECTIONS = 64
SECONDS = 5.0
"""Of one load."""
ROUNDS = 3
A_SECOND = 2000
"""The goal: webhooks made durable a second."""
SHARE = 0.25
"""The same of what a bare program keeps: there were 8,063 a second where the 2,000 were set, with the same payloads."""

RULES = f"""
groups:
  - name: bench
    rules:
      - name: restart
        when: {{alert: {payloads.ALERT}, for: 1d}}
        target: {{kind: Deployment}}
        do: [restart]
"""
NAMESPACE = "bench-intake"
DEPLOYMENTS, PAYLOADS = 200, 320


@dataclass
class Load:
    """One kind of payloads for one program, and what each round of it gave. `stays` in the inbox, and may."""

    name: str
    program: Product
    bodies: list[bytes]
    rates: list[float]
    drains: list[float]
    answers: list[Answers]
    cores: list[float]
    stays: int = 0


def measure(folder: Path, say: Say) -> list[Row]:
    """Run it; some minute."""
    servers, mine = Servers(folder / "logs"), os.sched_getaffinity(0)
    server, client = _cores()
    try:
        pin(os.getpid(), client)  # and thereby the API server that it starts
        product = start_product(servers, folder / "intake", start_answering(servers, folder), RULES)
        bare = start_bare_inbox(servers, folder)
        for program in (product, bare):
            pin(program.server.pid, {server})
        return _measured(product, bare, say)
    finally:
        pin(os.getpid(), mine)
        servers.stop()


def _measured(product: Product, bare: Product, say: Say) -> list[Row]:
    floor = _load("a bare program", bare, _bodies("Watchdog"))
    floor.stays = bare_inbox.HELD
    loads = [
        _load("no rule matches", product, _bodies("Watchdog")),
        _load("a rule matches", product, _bodies(payloads.ALERT)),
    ]
    for number in range(ROUNDS):
        for load in (floor, *loads):
            _turn(load)
            say(f"intake: round {number + 1} of {ROUNDS}: {load.name}: {said(load.rates[-1], '/s')}")
    return [row for load in loads for row in _rows(load, floor)]


def _bodies(alert: str) -> list[bytes]:
    """Payloads of which no two are the same: what is remembered of one is no help with the next."""
    firsts = range(0, DEPLOYMENTS - 40, 20)
    return [payloads.large_webhook(alert, NAMESPACE, firsts[number % len(firsts)]) for number in range(PAYLOADS)]


def _load(name: str, program: Product, bodies: list[bytes]) -> Load:
    return Load(name, program, bodies, [], [], [], [])


def _turn(load: Load) -> None:
    """Press for some seconds, then wait until all of it has been worked on, as far as anybody does."""
    product = load.program
    wholes = [request(product.port, body) for body in load.bodies]
    before, used = product.taken_in(), cpu_seconds(product.server.pid)
    answers = uvloop.run(pressed(product.port, wholes, SECONDS, CONNECTIONS))
    ended = time.perf_counter()
    kept = product.taken_in() - before
    if kept != answers.kept or answers.statuses.keys() != {200}:
        raise RuntimeError(f"intake, {load.name}: answered {answers.statuses}, kept {kept}; see {product.server.log}")
    wait_for(product.waiting, lambda left: left <= load.stays, "the inbox to be worked on", timeout=120)
    load.cores.append(kept / (cpu_seconds(product.server.pid) - used))
    load.rates.append(kept / answers.lasted)
    load.drains.append(time.perf_counter() - ended)
    load.answers.append(answers)


def _rows(load: Load, floor: Load) -> list[Row]:
    of_bare, bare = f"of what a bare program keeps, {load.name}", spread(floor.rates).median
    rates, drains = spread(load.rates), spread(load.drains)
    seconds = [1000 * one for answers in load.answers for one in answers.seconds]
    kept = sum(answers.kept for answers in load.answers)
    return [
        at_least("intake", f"durable, {load.name}", rates.median, A_SECOND, "/s", _range(load.rates, "/s")),
        at_least("intake", of_bare, rates.median / bare, SHARE, "", said(bare, "/s")),
        Row("intake", f"for a second of CPU, worked off too, {load.name}", *_middle(load.cores, "/s")),
        Row("intake", f"POST → 200, {load.name}, p50", said(quantile(seconds, 0.5), "ms")),
        Row("intake", f"POST → 200, {load.name}, p99", said(quantile(seconds, 0.99), "ms")),
        Row("intake", f"worked off after the load, {load.name}", said(drains.median, "s"), _range(load.drains, "s")),
        Row("intake", f"answered 200 and kept, {load.name}", f"{kept:,} of {len(seconds):,}"),
    ]


def _middle(values: list[float], unit: str) -> tuple[str, str]:
    return said(spread(values).median, unit), _range(values, unit)


def _range(values: list[float], unit: str) -> str:
    seen = spread(values)
    return between(seen.least, seen.greatest, unit)


def _cores() -> tuple[int, set[int]]:
    """One core for the server and the others for the client; the same one where there is but one."""
    first, *others = sorted(os.sched_getaffinity(0))
    return first, set(others) or {first}
