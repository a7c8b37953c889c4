"""The pytest fixtures of the lab: a plugin, loaded with ``pytest_plugins = ["tests.lab.fixtures"]``.

One lab serves the whole test session and starts with the first test that asks for it; a namespace and its
accounts belong to one test.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.accounts import Account, Rules, create_account
from tests.lab.folders import RunFolder
from tests.lab.lab import Lab
from tests.lab.metrics_server import MetricsServer
from tests.lab.monitoring import Monitoring
from tests.lab.namespaces import empty
from tests.lab.postgresql import PostgreSQL
from tests.lab.processes import Servers
from tests.lab.prometheus import Prometheus
from tests.lab.webhook import WebhookReceiver

MakeAccount = Callable[..., Account]
"""``account(rules=(), cluster_rules=(), name="remediator")`` → a service account in the test's namespace."""


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The one lab of the session. Where a test failed, its logs are kept and the summary says where."""
    running = Lab(say=_say_through(request.config))
    try:
        yield running
    finally:
        failed = request.session.testsfailed > 0
        running.stop(keep_logs=failed)
        if failed:
            _say_through(request.config)(f"logs of the servers and the audit log are kept in {running.logs}")


@pytest.fixture
def namespace(lab: Lab, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace, in which pods can be created at once; what runs in it is ended afterwards."""
    name = fresh_name(request.node.name)
    lab.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    lab.admin.wait_for("serviceaccounts", "default", name, lambda account: True)
    yield name
    empty(lab.admin, name)


@pytest.fixture
def account(lab: Lab, namespace: str) -> Iterator[MakeAccount]:
    """A factory of service accounts in the test's namespace, with the RBAC rules given and no others."""
    cluster_wide: list[tuple[str, str]] = []
    made: list[Account] = []

    def make(rules: Rules = (), cluster_rules: Rules = (), name: str = "remediator") -> Account:
        cluster_wide.extend(create_account(lab.admin, name, namespace, rules, cluster_rules))
        made.append(lab.account_of(name, namespace))
        return made[-1]

    yield make
    for one in made:
        one.api.close()
    for kind, name in cluster_wide:
        lab.admin.delete(kind, name)


@pytest.fixture
def monitoring(lab: Lab) -> Iterator[Monitoring]:
    """Prometheus, Alertmanager and the exporter, started once a session; the route is the test's own."""
    running = lab.monitoring
    yield running
    running.route_nowhere()


@pytest.fixture
def metrics_server(lab: Lab) -> MetricsServer:
    """metrics-server, started once a session: autoscalers act on what pods use."""
    return lab.metrics_server


@pytest.fixture(params=["2", "3"])
def prometheus(request: pytest.FixtureRequest, monitoring: Monitoring, lab: Lab) -> Prometheus:
    """A Prometheus of each major version, scraping the same exporter: a test runs with one, then with the other."""
    return monitoring.prometheus if request.param == "2" else lab.other_prometheus


@pytest.fixture(scope="session")
def postgresql(request: pytest.FixtureRequest) -> Iterator[PostgreSQL]:
    """A PostgreSQL server for the session; it needs no control plane."""
    folder = RunFolder()
    servers = Servers(folder.logs)
    try:
        server = PostgreSQL(folder.data / "postgresql", servers, _say_through(request.config))
        yield server
        server.stop()
    finally:
        servers.stop()
        folder.remove(keep_logs=False)


@pytest.fixture
def webhook() -> Iterator[WebhookReceiver]:
    """A receiver of webhooks on loopback, for what Alertmanager or the product sends."""
    with WebhookReceiver() as receiver:
        yield receiver


def fresh_name(test: str) -> str:
    """A namespace name that says whose it is: ``test_undo[sqlite]`` → ``undo-sqlite-3f9a1c``."""
    readable = re.sub(r"[^a-z0-9]+", "-", test.lower().removeprefix("test_"))[:40].strip("-")
    return f"{readable or 'test'}-{secrets.token_hex(3)}"


def _say_through(config: pytest.Config) -> Callable[[str], None]:
    """Progress lines that are seen while the first test waits, output capture or not."""

    def say(line: str) -> None:
        capture: Any = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            print(f"\nlab: {line}", end="", file=sys.stderr, flush=True)

    return say
