"""What one cell of the matrix stands on: a namespace, two replicas of the product, and a proxy before every server."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import httpx

from tests.faults.wire import Wire
from tests.lab import faults
from tests.lab.accounts import Account, create_account
from tests.lab.audit import Request
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.postgresql import PostgreSQL
from tests.lab.waiting import wait_for
from tests.lab.webhook import WebhookReceiver
from tests.lab.workloads import deployment, roll_out_is_stuck, rolled_out
from tests.real.held_api import HeldApi
from tests.real.pools import RIGHTS as NODE_RIGHTS
from tests.real.pools import Pool
from tests.real.service import RIGHTS, Service, alert

LEASES = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "watch", "create", "patch"]}]
RULES = """
groups:
  - name: faults
    guards: {startup_grace: 0s, cooldown: 0s, require: ['vector(1) == 1']}
    rules:
      - name: undo-bad-rollout
        when: {alert: Stuck, for: 3s}
        target: {kind: Deployment}
        do: [rollback, {escalate: {receiver: oncall}}]
        until: {ready: true, query: 'vector(1) == 1', for: 4s, within: 10m}
      - name: empty-bad-node
        when: {alert: NodeBad, for: 3s}
        target: {kind: Node}
        do: [{drain: {timeout: 10m}}, {escalate: {receiver: oncall}}]
        until: {ready: true, query: 'vector(1) == 1', for: 4s, within: 10m}
"""
ELECTION = {"duration": "8s", "renew": "5s", "retry": "1s"}
PATIENCE = 240.0
"""Seconds after a fault's end in which an incident must come to its own."""


class Stand:
    """Replica `one` is in charge, `two` stands by; with a journal in SQLite `one` is alone.

    `api` is what `one` speaks to in place of the API server, `database` and `metrics` are its wires to PostgreSQL and
    to Prometheus. Ends all that it started with its `with` block.
    """

    def __init__(self, lab: Lab, postgresql: PostgreSQL | None, standby: PostgreSQL | None = None) -> None:
        self.lab, self.postgresql, self.standby = lab, postgresql, standby
        self.namespace = f"fault-{secrets.token_hex(3)}"
        self.wanted: list[str] = []
        self._exits = ExitStack()

    def __enter__(self) -> Stand:
        with ExitStack() as exits:
            self._folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
            self.lab.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
            exits.callback(self.lab.admin.delete, "namespaces", self.namespace)
            self.lab.admin.wait_for("serviceaccounts", "default", self.namespace, bool)
            self.pool = Pool(self.lab, self.namespace)
            exits.callback(self.pool.remove)
            oncall = exits.enter_context(WebhookReceiver())
            self._receivers = [{"name": "oncall", "webhook_configs": [{"url": oncall.url}]}]
            self.metrics = exits.enter_context(Wire(urlsplit(self.lab.prometheus_url).port or 0))
            self.api = exits.enter_context(HeldApi(self.lab))
            self._databases(exits)
            self.accounts = [self._account(exits, name) for name in ("one", "two")]
            self.one = self._service(exits, "one", self.api.kubeconfig(self.accounts[0], self._folder))
            self.replicas = [self.one]
            if self.postgresql is not None:
                self.two = self._service(exits, "two", self.accounts[1].kubeconfig)
                self.replicas.append(self.two)
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def start(self, hold: str = "", write: int = 1) -> None:
        """Start the replicas; the `write`th write of `one` will be held before or after it reaches the API server."""
        self.api.hold_write(hold, write)
        for replica in self.replicas:
            replica.start()
            if replica is self.one:
                replica.wait_for_line("leader", 120)

    def rollout(self) -> None:
        """A roll-out is stuck, and the alert about it arrives."""
        self.lab.admin.create(deployment("web"), self.namespace)
        self.lab.admin.wait_for("deployments", "web", self.namespace, rolled_out)
        faults.stuck_rollout(self.lab.admin, "web", self.namespace)
        self.lab.admin.wait_for("deployments", "web", self.namespace, roll_out_is_stuck)
        self.wanted = ["patch deployments web"]
        self._tell(alert("Stuck", self.namespace, deployment="web"))

    def node(self) -> None:
        """A node is bad, with two pods on it, and the alert about it arrives."""
        pods = self.pool.run(self.namespace)
        evictions = [f"create pods/eviction {pod['metadata']['name']}" for pod in pods]
        self.wanted = [f"patch nodes {self.pool.first}", *evictions]
        self._tell(alert("NodeBad", "", node=self.pool.first))

    def let_go(self) -> None:
        """What was held goes on and arrives, however late, and nothing is held any more."""
        holds = self.api.hold
        self.api.let_go()
        if holds == "before" and not self.api.arrived.wait(120):
            raise RuntimeError("the write that was held did not arrive")

    def closed(self) -> str:
        """The reason with which the incident was closed, within `PATIENCE`; empty where it was not."""
        try:
            return self.one.wait_for_line("incident_closed", PATIENCE)["data"]["reason"]
        except LabError:
            return ""

    def writes(self) -> list[Request]:
        """What both replicas really wrote."""
        return [write for account in self.accounts for write in self.lab.writes(account)]

    def next_term(self) -> None:
        """Wait until the other replica has begun a term of office."""
        lines = len(self.one.lines("leader"))
        wait_for(lambda: self.one.lines("leader"), lambda seen: len(seen) > lines, "the other in charge", 120)

    def stands_by(self) -> None:
        """Wait until `one` says that the other is in charge."""

        def says() -> str:
            checks = httpx.get(f"{self.one.url}/readyz", timeout=10).json()["checks"]
            return next(check["detail"] for check in checks if check["name"] == "leader")

        wait_for(says, lambda said: said.startswith("standing by"), "one to stand by", 120)

    def _tell(self, told: dict[str, object]) -> None:
        answer = self.one.post(told, timeout=60)
        if answer.status_code != 200:
            raise RuntimeError(f"the webhook said {answer.status_code}: {answer.text}")

    def _databases(self, exits: ExitStack) -> None:
        if self.postgresql is None:
            return
        self.journal_url = self.postgresql.fresh_database()
        hosts = [one for one in (self.postgresql, self.standby) if one is not None]
        self.database, *self._others = [exits.enter_context(Wire(urlsplit(one.url).port or 0)) for one in hosts]

    def _url(self, ports: list[int]) -> str:
        """The journal's URL over these ports, the primary's wherever it is."""
        parts = urlsplit(self.journal_url)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://{parts.username}@{hosts}{parts.path}?target_session_attrs=read-write"

    def _account(self, exits: ExitStack, name: str) -> Account:
        for kind, made in create_account(self.lab.admin, name, self.namespace, [*RIGHTS, *LEASES], NODE_RIGHTS):
            exits.callback(self.lab.admin.delete, kind, made)
        return self.lab.account_of(name, self.namespace)

    def _service(self, exits: ExitStack, name: str, kubeconfig: Path) -> Service:
        folder = self._folder / name
        folder.mkdir()
        metrics = self.metrics.port if name == "one" else urlsplit(self.lab.prometheus_url).port
        prometheus = {"url": f"http://127.0.0.1:{metrics}", "timeout": "3s"}
        service = Service(folder, kubeconfig, RULES, receivers=self._receivers, prometheus=prometheus)
        if self.postgresql is not None:
            direct = [urlsplit(one.url).port or 0 for one in (self.postgresql, self.standby) if one is not None]
            through = [self.database.port, *(wire.port for wire in self._others)]
            service.settings["storage"] = {"url": self._url(through if name == "one" else direct)}
            service.settings["leader_election"] = {"namespace": self.namespace, **ELECTION}
            service.journal_url = self._url(direct)
        exits.callback(service.kill)
        return service
