"""Prometheus: scrapes the exporter every second, evaluates ``alerts/*.yaml`` every second, tells Alertmanager."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.lab.answering import HTTP, get_ok
from tests.lab.client import Json
from tests.lab.errors import LabError
from tests.lab.ports import free_ports
from tests.lab.processes import Servers

EXPORTER_LABELS = {
    "job": "kube-state-metrics",
    "namespace": "monitoring",
    "pod": "kube-state-metrics-0",
    "container": "kube-state-metrics",
    "service": "kube-state-metrics",
    "endpoint": "http",
}
"""What a scrape in a cluster adds to each series: the exporter's own place.

With ``honor_labels`` a series' own label wins and the others are added: an alert on a Deployment names the
*exporter's* pod. Without, the series' own ``namespace``, ``pod`` and ``container`` become ``exported_*``.
"""

_ALERTS = Path(__file__).with_name("alerts")
_INTERVAL = "1s"


class Prometheus:
    """A running Prometheus; ``url`` is its address, ``server`` its process."""

    def __init__(
        self, binary: Path, folder: Path, servers: Servers, exporter: str, alertmanager: str, name: str = "prometheus"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "prometheus.yaml"
        self._rules = folder / "rules"
        self._exporter, self._alertmanager = exporter, alertmanager
        shutil.copytree(_ALERTS, self._rules)
        self._write_config(honor_labels=True)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        flags = [
            f"--config.file={self._config}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            # An alert is told again every second, and so ends in Alertmanager four seconds after Prometheus ends.
            "--rules.alert.resend-delay=1s",
        ]
        self.server = servers.start(name, [binary, *flags])
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it answers queries."""
        self.server.wait_until(lambda: get_ok(f"{self.url}/-/ready"))

    def start_again(self) -> None:
        """Start it after it was stopped, with the data that it had, and wait until it answers."""
        self.server.start_again()
        self.wait_until_ready()

    def honor_labels(self, honored: bool) -> None:
        """Whether the series' own labels win over the exporter's (true at the start, as most clusters have it)."""
        self._write_config(honored)
        self.reload()

    def add_rules(self, name: str, rules: Json | str) -> None:
        """Add or replace a rule file, given as YAML text or as the object it would hold."""
        text = rules if isinstance(rules, str) else yaml.safe_dump(rules)
        (self._rules / f"{name}.yaml").write_text(text)
        self.reload()

    def remove_rules(self, name: str) -> None:
        """Take a rule file of ``add_rules`` away."""
        (self._rules / f"{name}.yaml").unlink()
        self.reload()

    def query(self, promql: str) -> list[Json]:
        """The result of an instant query, now: a list of ``{"metric": …, "value": [time, text]}``."""
        return self._result("query", query=promql)

    def query_range(self, promql: str, start: str, end: str, step: float) -> list[Json]:
        """The result of a query at each `step` seconds from `start` to `end`, both RFC 3339 and inclusive: a list of
        ``{"metric": …, "values": [[time, text], …]}``.
        """
        return self._result("query_range", query=promql, start=start, end=end, step=str(step))

    def alerts(self) -> list[Json]:
        """The alerts pending and firing in Prometheus."""
        return HTTP.get(f"{self.url}/api/v1/alerts").json()["data"]["alerts"]

    def reload(self) -> None:
        """Read configuration and rules again."""
        answer = HTTP.post(f"{self.url}/-/reload")
        if not answer.is_success:
            raise LabError(f"Prometheus does not take its configuration {self._config}: {answer.text}")

    def _result(self, way: str, **asked: str) -> list[Json]:
        answer = HTTP.post(f"{self.url}/api/v1/{way}", data=asked).json()
        if answer["status"] != "success":
            raise LabError(f"Prometheus refuses {asked['query']!r}: {answer.get('error')}")
        return answer["data"]["result"]

    def _write_config(self, honor_labels: bool) -> None:
        settings = config(self._exporter, self._alertmanager, self._rules, honor_labels)
        self._config.write_text(yaml.safe_dump(settings, sort_keys=False))


def config(exporter: str, alertmanager: str, rules: Path, honor_labels: bool) -> dict[str, Any]:
    """The configuration; ``exporter`` and ``alertmanager`` as ``host:port``, ``rules`` a folder of rule files."""
    return {
        "global": {"scrape_interval": _INTERVAL, "scrape_timeout": _INTERVAL, "evaluation_interval": _INTERVAL},
        "rule_files": [f"{rules}/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": "kube-state-metrics",
                "honor_labels": honor_labels,
                "static_configs": [{"targets": [exporter], "labels": EXPORTER_LABELS}],
            }
        ],
    }
