"""Alertmanager, with one webhook receiver whose address a test sets."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.lab.answering import HTTP, get_ok
from tests.lab.client import Json
from tests.lab.errors import LabError
from tests.lab.ports import free_ports
from tests.lab.processes import Servers

RECEIVER = "web.hook"
"""The receiver that a test sets; webhooks name it quoted as a regular expression."""

INHIBITED = {
    "source_matchers": ['severity="critical"'],
    "target_matchers": ['severity=~"warning|info"'],
    "equal": ["namespace", "alertname"],
}
"""The first rule of kube-prometheus' configuration: what is critical inhibits the rest of its name."""


class Alertmanager:
    """A running Alertmanager; ``url`` is its address, ``address`` the same without the scheme."""

    def __init__(self, binary: Path, folder: Path, servers: Servers, name: str = "alertmanager") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "alertmanager.yaml"
        self._write(config(None))
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        flags = [
            f"--config.file={self._config}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]
        self._data = folder / "alertmanager"
        self.server = servers.start(name, [binary, *flags])
        self._wait_until_ready()

    def start_again(self, keep_data: bool) -> None:
        """Start it after it was stopped, with its silences and what it knows to have told, or without."""
        if not keep_data:
            shutil.rmtree(self._data)
        self.server.start_again()
        self._wait_until_ready()

    def route_to(
        self,
        webhook_url: str,
        matchers: Sequence[str] = (),
        token: str | None = None,
        group_by: Sequence[str] = ("namespace", "alertname"),
        repeat_interval: str = "1h",
        max_alerts: int = 0,
    ) -> None:
        """Send alerts to a webhook, firing and resolved ones; what fires already is sent too.

        ``matchers`` (``namespace="web-3f9a1c"``) leave out the alerts of other tests; ``token`` goes into an
        ``Authorization: Bearer`` header.
        """
        self._write(config(webhook_url, matchers, token, group_by, repeat_interval, max_alerts))
        self._reload()

    def route_nowhere(self) -> None:
        """Send nothing to anybody."""
        self._write(config(None))
        self._reload()

    def alerts(self) -> list[Json]:
        """The alerts it holds, by its API v2."""
        return HTTP.get(f"{self.url}/api/v2/alerts").json()

    def tell(self, *alerts: Json) -> None:
        """Tell it of alerts as Prometheus does: each an object with ``labels`` and, where it is over, ``endsAt``."""
        answer = HTTP.post(f"{self.url}/api/v2/alerts", json=list(alerts))
        if not answer.is_success:
            raise LabError(f"Alertmanager refuses alerts: {answer.text}")

    @property
    def posted(self) -> float:
        """How many webhooks it has sent."""
        lines = HTTP.get(f"{self.url}/metrics").text.splitlines()
        sent = (line for line in lines if line.startswith('alertmanager_notifications_total{integration="webhook"'))
        return sum(float(line.rpartition(" ")[2]) for line in sent)

    def silence(self, labels: dict[str, str], seconds: float = 600) -> str:
        """Silence the alerts with these labels from now on, and return the silence's id."""
        now = datetime.datetime.now(datetime.UTC)
        body = {
            "matchers": [{"name": key, "value": value, "isRegex": False} for key, value in labels.items()],
            "startsAt": now.isoformat(),
            "endsAt": (now + datetime.timedelta(seconds=seconds)).isoformat(),
            "createdBy": "lab",
            "comment": "a test",
        }
        answer = HTTP.post(f"{self.url}/api/v2/silences", json=body)
        if not answer.is_success:
            raise LabError(f"Alertmanager refuses a silence: {answer.text}")
        return answer.json()["silenceID"]

    def unsilence(self, silence: str) -> None:
        """End a silence by its id."""
        HTTP.delete(f"{self.url}/api/v2/silence/{silence}").raise_for_status()

    def _wait_until_ready(self) -> None:
        self.server.wait_until(lambda: get_ok(f"{self.url}/-/ready"))

    def _write(self, settings: dict[str, Any]) -> None:
        self._config.write_text(yaml.safe_dump(settings, sort_keys=False))

    def _reload(self) -> None:
        answer = HTTP.post(f"{self.url}/-/reload")
        if not answer.is_success:
            raise LabError(f"Alertmanager does not take its configuration {self._config}: {answer.text}")


def config(
    webhook_url: str | None,
    matchers: Sequence[str] = (),
    token: str | None = None,
    group_by: Sequence[str] = ("namespace", "alertname"),
    repeat_interval: str = "1h",
    max_alerts: int = 0,
) -> dict[str, Any]:
    """The configuration: all to the webhook (what ``matchers`` let through), the rest to nobody."""
    route = {"receiver": "nobody", "group_wait": "1s", "group_interval": "1s", "repeat_interval": repeat_interval}
    receivers: list[dict[str, Any]] = [{"name": "nobody"}]
    if webhook_url:
        webhook: dict[str, Any] = {"url": webhook_url, "send_resolved": True, "max_alerts": max_alerts}
        if token:
            webhook["http_config"] = {"authorization": {"credentials": token}}
        receivers.append({"name": RECEIVER, "webhook_configs": [webhook]})
        child = {"receiver": RECEIVER, "group_by": list(group_by), "matchers": list(matchers)}
        route |= {"routes": [child]}
    return {"route": route, "receivers": receivers, "inhibit_rules": [INHIBITED]}
