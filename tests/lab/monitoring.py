"""The way of an alert: exporter → Prometheus → Alertmanager → the webhook that a test names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lab.alertmanager import Alertmanager
from tests.lab.answering import get_ok
from tests.lab.client import Json
from tests.lab.ports import free_ports
from tests.lab.processes import Server, Servers
from tests.lab.programs import find, find_or_install
from tests.lab.progress import Say
from tests.lab.prometheus import Prometheus
from tests.lab.waiting import PATIENCE, wait_for

_CHECKOUT = Path(__file__).parents[2]

_PROGRAMS = {
    "prometheus": ["prometheus"],
    "prometheus-alertmanager": ["prometheus-alertmanager", "alertmanager"],
}


class Monitoring:
    """The exporter, Prometheus and Alertmanager, running.

    ``prometheus`` and ``alertmanager`` have all that can be asked of them, ``exporter`` is the exporter's process.
    Prometheus is Debian's unless the program is given. The methods here are what most tests need.
    """

    def __init__(
        self, kubeconfig: Path, folder: Path, servers: Servers, say: Say, prometheus: Path | None = None
    ) -> None:
        debians, alertmanager = find_or_install(_PROGRAMS, say)
        folder.mkdir(parents=True, exist_ok=True)
        exporter_port, telemetry_port = free_ports(2)
        self.exporter_url = f"http://127.0.0.1:{exporter_port}/metrics"
        self.exporter = _start_exporter(servers, kubeconfig, exporter_port, telemetry_port)
        self.alertmanager = Alertmanager(alertmanager, folder / "alertmanager", servers)
        self._alertmanager = alertmanager
        self._servers, self._folder, self._exporter_address = servers, folder, f"127.0.0.1:{exporter_port}"
        self.prometheus = self._started(prometheus or debians, "prometheus", self.alertmanager.address)

    def second(self, prometheus: Path) -> Prometheus:
        """One more Prometheus, of another version, that scrapes the same and tells the same Alertmanager of alerts."""
        return self._started(prometheus, "prometheus-second", self.alertmanager.address)

    def second_alertmanager(self) -> Alertmanager:
        """One more Alertmanager that does not know of the first: only who starts it tells it of alerts."""
        name = "alertmanager-second"
        return Alertmanager(self._alertmanager, self._folder / name, self._servers, name)

    def start_exporter_again(self) -> None:
        """Start the exporter after it was stopped, and wait until it has all series."""
        self.exporter.start_again()
        self.exporter.wait_until(lambda: get_ok(self.exporter_url))

    def _started(self, binary: Path, name: str, alertmanager: str) -> Prometheus:
        return Prometheus(binary, self._folder / name, self._servers, self._exporter_address, alertmanager, name)

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address."""
        return self.prometheus.url

    @property
    def alertmanager_url(self) -> str:
        """Alertmanager's address."""
        return self.alertmanager.url

    def route_to(
        self, webhook_url: str, namespace: str | None = None, token: str | None = None, max_alerts: int = 0
    ) -> None:
        """Send alerts to a webhook, of one namespace or of all; ``token`` is sent as a bearer token, and of each group
        at most ``max_alerts`` (0: all).
        """
        matchers: Sequence[str] = (f'namespace="{namespace}"',) if namespace else ()
        self.alertmanager.route_to(webhook_url, matchers, token, max_alerts=max_alerts)

    def route_nowhere(self) -> None:
        """Send nothing to anybody."""
        self.alertmanager.route_nowhere()

    def wait_for_alert(self, name: str, timeout: float = PATIENCE, **labels: str) -> Json:
        """Wait until Prometheus has this alert firing with these labels, and return it."""
        wanted = {"alertname": name, **labels}

        def firing(alerts: list[Json]) -> list[Json]:
            return [one for one in alerts if one["state"] == "firing" and wanted.items() <= one["labels"].items()]

        return firing(wait_for(self.prometheus.alerts, firing, f"the alert {wanted}", timeout))[0]


def _start_exporter(servers: Servers, kubeconfig: Path, port: int, telemetry_port: int) -> Server:
    """The real kube-state-metrics where there is one, otherwise the stand-in."""
    real = find(["kube-state-metrics"])
    command: list[str | Path] = [sys.executable, "-m", "tests.lab.exporter", kubeconfig, str(port)]
    if real:
        own = ["--host=127.0.0.1", f"--port={port}"]
        telemetry = ["--telemetry-host=127.0.0.1", f"--telemetry-port={telemetry_port}"]
        command = [real, f"--kubeconfig={kubeconfig}", *own, *telemetry]
    exporter = servers.start("kube-state-metrics", command, cwd=_CHECKOUT)
    exporter.wait_until(lambda: get_ok(f"http://127.0.0.1:{port}/metrics"))
    return exporter
