"""`cache`: 100,000 pods and 5,000 nodes followed by the product, and by shared informers of client-go for the same job.

Both list and watch from one server of the benchmark's own (`listing.py`) and keep which objects meet a condition. Time
counts from the start of the process; the server writes as fast for the one as for the other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.pods import FAILED_IN
from tests.bench.process import cpu_seconds, most_mebibytes, resident_mebibytes, running_seconds
from tests.bench.product import Product, start_product
from tests.bench.table import Row, at_most, said
from tests.lab.answering import get_ok
from tests.lab.build import INFORMER, built
from tests.lab.kubeconfig import write_kubeconfig
from tests.lab.ports import free_ports
from tests.lab.processes import Server, Servers
from tests.lab.progress import Say

PODS, NODES, FEW_PODS, FEW_NODES = 100_000, 5_000, 1_000, 50
HOLDING, FEW_HOLDING = PODS // FAILED_IN + NODES // FAILED_IN, 2
"""Of which a condition holds: of one in `FAILED_IN`, the first one always."""
SETTLING, IDLE = 10.0, 45.0
"""Seconds until memory is read, and for which CPU is measured."""
MEMORY_SHARE, TIME_SHARE, IDLE_SHARE = 1 / 3, 1.0, 1.2
"""The goals."""

RULES = """
groups:
  - name: bench
    rules:
      - name: failed
        when: {object: {kind: Pod, where: 'object.status.phase == "Failed"'}, for: 1d}
        target: {kind: Pod}
        do: [{escalate: {receiver: nobody}}]
      - name: cordoned
        when: {object: {kind: Node, where: 'object.spec.unschedulable == true'}, for: 1d}
        do: [{escalate: {receiver: nobody}}]
"""
SETTINGS = {"receivers": [{"name": "nobody", "webhook_configs": [{"url": "http://127.0.0.1:1"}]}]}


@dataclass(frozen=True)
class Seen:
    """One process that has all objects: `seconds` from its start until then, of a core `used`, MiB then and at most."""

    server: Server
    seconds: float
    used: float
    memory: float
    most: float


def measure(folder: Path, say: Say) -> list[Row]:
    """Run it; some two minutes."""
    servers, informer = Servers(folder / "logs"), built(INFORMER, say)
    try:
        many, few = _listed(servers, PODS, NODES), _listed(servers, FEW_PODS, FEW_NODES)
        ours = _product(servers, folder / "many", many, HOLDING)
        theirs = _informer(servers, informer, many)
        say(f"cache: {PODS} pods in {said(ours.seconds, 's')}, client-go in {said(theirs.seconds, 's')}")
        processes = ours.server, _product(servers, folder / "few", few, FEW_HOLDING).server, theirs.server
        before = [running_seconds(each.pid) for each in processes]
        time.sleep(IDLE)
        used = [running_seconds(each.pid) - begun for each, begun in zip(processes, before, strict=True)]
    finally:
        servers.stop()
    return [*_compared(ours, theirs), *_idling(*used)]


def _compared(ours: Seen, theirs: Seen) -> list[Row]:
    memory, seconds = ours.memory / theirs.memory, ours.seconds / theirs.seconds
    return [
        at_most(
            "cache", "our memory in client-go's", memory, MEMORY_SHARE, "", _pair(ours.memory, theirs.memory, "MiB")
        ),
        at_most(
            "cache",
            "our time to all objects in client-go's",
            seconds,
            TIME_SHARE,
            "",
            _pair(ours.seconds, theirs.seconds, "s"),
        ),
        Row("cache", "CPU of that", _pair(ours.used, theirs.used, "s")),
        Row("cache", "the most memory that was ever taken", _pair(ours.most, theirs.most, "MiB")),
    ]


def _idling(many: float, few: float, theirs: float) -> list[Row]:
    detail = f"{said(many, 's')} and {said(few, 's')} in {IDLE:g} s"
    share = at_most(
        "cache", f"our idle CPU at {PODS:,} pods in that at {FEW_PODS:,}", many / few, IDLE_SHARE, "", detail
    )
    return [share, Row("cache", "idle CPU of client-go's informers", said(theirs, "s"), f"in {IDLE:g} s")]


def _pair(ours: float, theirs: float, unit: str) -> str:
    return f"{said(ours, unit)} and {said(theirs, unit)}"


def _listed(servers: Servers, pods: int, nodes: int) -> str:
    """The URL of a server with so many objects."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.bench.listing", str(port), str(pods), str(nodes)]
    servers.start(f"listing-{pods}", command).wait_until(lambda: get_ok(f"{url}/version"))
    return url


def _product(servers: Servers, folder: Path, url: str, holding: int) -> Seen:
    """The product, when its caches are current and so many objects meet their rules."""
    kubeconfig = write_kubeconfig(folder.with_suffix(".kubeconfig"), url, None, "bench", "bench")
    begun = time.perf_counter()
    product = start_product(servers, folder, kubeconfig, RULES, **SETTINGS)
    return _seen(product.server, begun, lambda: _has_all(product, holding))


def _has_all(product: Product, holding: int) -> bool:
    checks = product.get("/readyz").json()["checks"]
    return all(check["ok"] for check in checks if check["name"] == "caches") and product.open_incidents() == holding


def _informer(servers: Servers, binary: Path, url: str) -> Seen:
    begun = time.perf_counter()
    server = servers.start("informer", [binary, url])
    return _seen(server, begun, lambda: f"synced {PODS} {NODES} {HOLDING}\n" in server.log.read_text())


def _seen(server: Server, begun: float, has_all: Callable[[], bool]) -> Seen:
    server.wait_until(has_all, timeout=600)
    seconds, used = time.perf_counter() - begun, cpu_seconds(server.pid)
    time.sleep(SETTLING)
    return Seen(server, seconds, used, resident_mebibytes(server.pid), most_mebibytes(server.pid))
