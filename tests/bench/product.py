"""The programs that are measured, each a process of its own: the product as `remediator run`, and the floor."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.lab.answering import get_ok
from tests.lab.kubeconfig import write_kubeconfig
from tests.lab.ports import free_ports
from tests.lab.processes import Server, Servers
from tests.lab.waiting import wait_for


class Program:
    """A server on loopback that takes webhooks. `server` is the process."""

    def __init__(self, server: Server, port: int) -> None:
        self.server, self.port = server, port

    def get(self, path: str) -> httpx.Response:
        """Ask it for something over HTTP."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)


class Product(Program):
    """`remediator run` over a journal on disk."""

    def __init__(self, server: Server, port: int, journal: Path) -> None:
        super().__init__(server, port)
        self.journal = journal

    def taken_in(self) -> int:
        """How many payloads were ever made durable in the inbox."""
        return self._count("select coalesce(max(seq), 0) from sqlite_sequence where name = 'inbox'")

    def waiting(self) -> int:
        """How many payloads of the inbox nobody has worked on yet."""
        return self._count("select count(*) from inbox")

    def open_incidents(self) -> int:
        """How many incidents are not closed."""
        return sum(self.get("/api/v1/status").json()["incidents"].values())

    def settle(self, seconds: float = 300) -> None:
        """Wait until nothing waits and no incident is open."""
        wait_for(lambda: self.waiting() + self.open_incidents(), lambda left: left == 0, "the last incident", seconds)

    def _count(self, query: str) -> int:
        """One number, read beside the service that writes."""
        connection = sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True, timeout=10)
        try:
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()


def start_product(servers: Servers, folder: Path, kubeconfig: Path, rules: str, **settings: Any) -> Product:
    """Start `remediator run` with these rules and wait until it is ready."""
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    journal = folder / "journal.db"
    (folder / "rules.yaml").write_text(rules)
    written = {
        "mode": "enforce",
        "rule_files": ["rules.yaml"],
        "storage": {"url": f"sqlite:///{journal}"},
        "web": {"listen": f"127.0.0.1:{port}"},
        "kubernetes": {"kubeconfig": str(kubeconfig), "events": False},
    } | settings
    (folder / "remediator.yaml").write_text(yaml.safe_dump(written))
    command = [sys.executable, "-m", "remediator", "run", "--config", folder / "remediator.yaml"]
    product = Product(servers.start(f"remediator-{folder.name}", command), port, journal)
    product.server.wait_until(lambda: _answers(product, "/readyz"), timeout=300)
    return product


def start_answering(servers: Servers, folder: Path) -> Path:
    """Start an API server that costs next to nothing (`answering`); the kubeconfig that leads to it."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    servers.start("answering", [sys.executable, "-m", "tests.bench.answering", str(port)]).wait_until(
        lambda: get_ok(f"{url}/version")
    )
    return write_kubeconfig(folder / "kubeconfig", url, None, "bench", "bench")


def start_floor(servers: Servers, kubeconfig: Path) -> Program:
    """Start the bare program and wait until it listens."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.bench.floor", str(port), kubeconfig]
    floor = Program(servers.start("floor", command), port)
    floor.server.wait_until(lambda: _answers(floor, "/", 404))
    return floor


def start_bare_inbox(servers: Servers, folder: Path) -> Product:
    """Start the bare program that only keeps webhooks; its inbox is counted as the product's."""
    (port,) = free_ports(1)
    file = folder / "bare.db"
    inbox = Product(
        servers.start("bare", [sys.executable, "-m", "tests.bench.bare_inbox", str(port), file]), port, file
    )
    inbox.server.wait_until(lambda: _answers(inbox, "/"))
    return inbox


def _answers(program: Program, path: str, status: int = 200) -> bool:
    try:
        return program.get(path).status_code == status
    except httpx.TransportError:
        return False
