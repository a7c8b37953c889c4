"""The product as a process: `remediator run` under a service account, as tests start, look at and kill it."""

from __future__ import annotations

import hashlib
import os
import signal
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import yaml

from remediator.journal import reading
from tests.lab.answering import HTTP
from tests.lab.ports import free_ports
from tests.lab.waiting import PATIENCE, wait_for

Line = dict[str, Any]
_PAGE = 1000

RIGHTS = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
]
"""What rules that roll back and restart Deployments need, and nothing more."""


class Service:
    """One installation: a folder with settings, rules and journal, and the process while it runs."""

    def __init__(self, folder: Path, kubeconfig: Path, rules: str, **settings: Any) -> None:
        self.folder, self.process, self.verify_tls = folder, None, True
        self._environment: dict[str, str] = {}
        self._read: list[Line] = []
        self._reading = threading.Lock()
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.journal_url = f"sqlite:///{folder}/journal.db"
        (folder / "rules.yaml").write_text(rules)
        self.settings = {
            "mode": "enforce",
            "rule_files": ["rules.yaml"],
            "storage": {"url": self.journal_url},
            "web": {"listen": f"127.0.0.1:{port}"},
            "kubernetes": {"kubeconfig": str(kubeconfig), "events": False},
        } | settings

    process: subprocess.Popen[bytes] | None
    verify_tls: ssl.SSLContext | bool

    @property
    def webhook(self) -> str:
        """Where Alertmanager posts to."""
        return f"{self.url}/webhook/alertmanager"

    def start(self, **environment: str) -> Service:
        """Start the process and wait until it is ready."""
        config = self.folder / "remediator.yaml"
        config.write_text(yaml.safe_dump(self.settings))
        self._environment = environment or self._environment
        command = [sys.executable, "-m", "remediator", "run", "--config", str(config)]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | self._environment)
        wait_for(self._readiness, lambda seen: seen == 200, "readiness")
        return self

    def _ready(self) -> httpx.Response:
        url = f"{self.url}/readyz"
        return HTTP.get(url) if self.verify_tls is True else httpx.get(url, verify=self.verify_tls, timeout=PATIENCE)

    def _readiness(self) -> int | str:
        """The code of /readyz, or why there is none; the log where the process has ended."""
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"the service ended at its start:\n{self.log}")
        try:
            return self._ready().status_code
        except httpx.TransportError as error:
            return repr(error)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(how)
        return process.wait(timeout=PATIENCE)

    @property
    def log(self) -> str:
        """All that the process wrote to its standard streams."""
        return (self.folder / "log.txt").read_text()

    def post(self, *alerts: dict[str, Any], status: str = "firing", timeout: float = PATIENCE) -> httpx.Response:
        """Post alerts as Alertmanager does."""
        body = {"version": "4", "status": status, "alerts": list(alerts)}
        return HTTP.post(self.webhook, json=body, timeout=timeout)

    def ask_again(self) -> None:
        """Have all that is held looked at now, and not only after a while: so it is when the rules change."""
        assert self.process is not None
        file = self.folder / "rules.yaml"
        rules = yaml.safe_load(file.read_text())
        more = {"name": f"more-{len(rules['groups'])}", "when": {"alert": "Never"}, "do": ["none"]}
        rules["groups"].append({"name": more["name"], "rules": [more | {"target": {"kind": "Node"}}]})
        file.with_suffix(".next").write_text(yaml.safe_dump(rules, sort_keys=False))
        file.with_suffix(".next").replace(file)
        self.process.send_signal(signal.SIGHUP)

    def lines(self, kind: str = "") -> list[Line]:
        """The journal as it stands on disk: all lines, or those of one kind. It is append-only, and so read on."""
        with self._reading, reading(self.journal_url) as journal:
            while page := journal.page(self._read[-1]["seq"] if self._read else 0, _PAGE):
                self._read += page
        return [line for line in self._read if kind in ("", line["kind"])]

    def wait_for_line(self, kind: str, timeout: float = PATIENCE, **data: Any) -> Line:
        """Wait for a line of a kind whose data holds these values."""

        def found(lines: list[Line]) -> list[Line]:
            return [line for line in lines if data.items() <= line["data"].items()]

        what = f"a journal line {kind} {data} in {self.folder}"
        return found(wait_for(lambda: self.lines(kind), found, what, timeout))[0]

    def verify(self) -> None:
        """The journal's chain holds; raises `Broken` where it does not."""
        with reading(self.journal_url) as journal:
            journal.verify()


def alert(name: str, namespace: str, fingerprint: str = "", **labels: str) -> dict[str, Any]:
    """One firing alert as Alertmanager sends it."""
    return {
        "status": "firing",
        "labels": {"alertname": name, "namespace": namespace, "severity": "warning", **labels},
        "annotations": {},
        "startsAt": "2026-11-23T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": fingerprint or hashlib.sha256(repr((name, namespace, labels)).encode()).hexdigest()[:16],
    }
