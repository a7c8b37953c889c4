"""Ten thousand alerts at once while no action gets through: all of them are taken, none is forgotten, memory stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.lab.accounts import Account
from tests.lab.answering import HTTP
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import deployment
from tests.real.conftest import Install
from tests.real.held_api import HeldApi
from tests.real.service import Service, alert

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    guards: {startup_grace: 0s, global_max_in_flight: 3, last_replica: allow}
    rules:
      - name: restart
        when: {alert: Burst}
        target: {kind: Deployment}
        do: [restart]
"""
DEPLOYMENTS, ALERTS, GROUPS = 160, 10_000, 50
MOST_MEMORY = 256
"""MiB that the process may ever have taken."""


def test_a_burst_while_every_action_hangs_is_kept_to_the_last_alert(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], tmp_path: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda n: lab.admin.create(deployment(f"web-{n}", replicas=0), namespace), range(DEPLOYMENTS))
        assert len(list(made)) == DEPLOYMENTS
    with HeldApi(lab, "before") as api:
        service = install(RULES, kubeconfig=api.kubeconfig(remediator, tmp_path), receivers=receivers).start()
        service.post(burst(namespace, 0))
        assert api.held.wait(PATIENCE), "an action hangs"
        size = ALERTS // GROUPS
        for group in range(GROUPS):
            alerts = [burst(namespace, number) for number in range(group * size, (group + 1) * size)]
            assert service.post(*alerts, timeout=PATIENCE).status_code == 200
        wait_for(lambda: taken(service), lambda count: count >= ALERTS, "every alert to be worked on", pause=1)
        assert len(fired(service)) == ALERTS
        assert memory(service) < MOST_MEMORY
        assert lab.writes(remediator) == ()
        api.hold = ""
    service.verify()


def burst(namespace: str, number: int) -> dict[str, Any]:
    """One of the alerts: as many about each Deployment, and those of one group about a few."""
    return alert("Burst", namespace, deployment=f"web-{number * DEPLOYMENTS // ALERTS}", pod=f"pod-{number}")


def taken(service: Service) -> float:
    """How many signals the service says to have journalled."""
    series = HTTP.get(f"{service.url}/metrics").text.splitlines()
    return sum(float(each.split()[-1]) for each in series if each.startswith("remediator_signals_total{"))


def fired(service: Service) -> set[str]:
    return {line["data"]["fingerprint"] for line in service.lines("signal") if line["data"]["status"] == "firing"}


def memory(service: Service) -> float:
    """The most that the process ever had in memory, in MiB."""
    assert service.process is not None
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
