"""Rules before they act: `check` and `plan` against a real Prometheus and a real API server, by the account that the
product has. Neither of them writes; the audit log says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.prometheus import Prometheus
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, rolled_out

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    guards: {startup_grace: 0s}
    rules:
      - name: undo-stuck-rollout
        when:
          query: 'kube_deployment_status_condition{condition="Progressing", status="false", namespace="NAMESPACE"} == 1'
        target: {kind: Deployment, label: deployment}
        do: [rollback, {escalate: {receiver: oncall}}]
      - name: restart-stuck
        when: {alert: 'KubeDeploymentRolloutStuck{namespace="NAMESPACE"}'}
        target: {kind: Deployment, label: deployment}
        do: [restart, {escalate: {receiver: oncall}}]
"""

NEWER = "double_exponential_smoothing(up[1m], 0.5, 0.5) > 1"
DOUBTFUL = """
groups:
  - name: doubtful
    rules:
      - {name: newer, when: {query: 'NEWER'}, target: {kind: Node}, do: [none]}
      - {name: older, when: {query: 'holt_winters(up[1m], 0.5, 0.5) > 1'}, target: {kind: Node}, do: [none]}
      - {name: many, when: {query: 'up * on (job) kube_pod_info > 1'}, target: {kind: Node}, do: [none]}
      - {name: dead, when: {query: 'kube_deployment_status_conditions > 1'}, target: {kind: Deployment}, do: [none]}
      - {name: lacks, when: {query: 'kube_deployment_spec_replicas{team="a"}'}, target: {kind: Deployment}, do: [none]}
      - {name: nobody, when: {alert: KubeDeploymentRolloutStucked}, target: {kind: Deployment}, do: [none]}
      - {name: elsewhere, when: {query: 'kube_node_info'}, target: {kind: DaemonSet, label: daemon}, do: [none]}
"""

Answer = dict[str, Any]


def said(*args: object, kubeconfig: Path | None = None) -> Answer:
    """What a command answers, as JSON; by an account's kubeconfig where one is given."""
    command = [sys.executable, "-m", "remediator", *map(str, args), "-o", "json"]
    environment = os.environ | ({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def stuck(lab: Lab, namespace: str, prometheus: Prometheus) -> str:
    """A namespace with a Deployment whose roll-out is stuck, as Prometheus knows."""
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    faults.stuck_rollout(lab.admin, "web", namespace)
    alerts = f'ALERTS{{alertname="KubeDeploymentRolloutStuck", alertstate="firing", namespace="{namespace}"}}'
    wait_for(lambda: prometheus.query(alerts), bool, "the alert", 240)
    return namespace


@pytest.fixture
def config(stuck: str, remediator: Account, prometheus: Prometheus, tmp_path: Path) -> Path:
    """Settings and rules of an installation that does not run."""
    (tmp_path / "rules.yaml").write_text(RULES.replace("NAMESPACE", stuck))
    settings = {
        "mode": "enforce",
        "rule_files": ["rules.yaml"],
        "prometheus": {"url": prometheus.url},
        "kubernetes": {"kubeconfig": str(remediator.kubeconfig), "events": False},
        "storage": {"url": f"sqlite:///{tmp_path}/journal.db"},
        "receivers": [{"name": "oncall", "webhook_configs": [{"url": "http://127.0.0.1:9"}]}],
    }
    file = tmp_path / "remediator.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


def test_rules_are_checked_and_planned_without_a_write(
    lab: Lab, stuck: str, config: Path, remediator: Account, prometheus: Prometheus
) -> None:
    _what_is_right_fires_and_leads_somewhere(config, stuck, prometheus)
    _rights_that_lack_are_named(config, stuck, lab, remediator)
    _what_is_doubtful_is_told(config.parent, prometheus)
    _plans_are_told_with_a_diff(config, stuck)
    assert lab.writes(remediator) == ()
    assert {(one.verb, one.resource) for one in lab.dry_runs(remediator)} == {("patch", "deployments")}


def _what_is_right_fires_and_leads_somewhere(config: Path, stuck: str, prometheus: Prometheus) -> None:
    answer = said("check", "--config", config, "--prometheus", prometheus.url)
    assert (answer["problems"], answer["warnings"]) == ([], [])
    assert {each["rule"]: each["signals"] for each in answer["now"]} == {"undo-stuck-rollout": 1, "restart-stuck": 1}


def _rights_that_lack_are_named(config: Path, stuck: str, lab: Lab, remediator: Account) -> None:
    """The account asks about itself; then the admin, who may do all, asks about the account: both are told the same."""
    asked = ["check", "--config", config, "--prometheus", lab.prometheus_url, "--cluster"]
    mine = said(*asked)
    found = [each["message"].partition(", needed for: ")[::2] for each in mine["problems"]]
    print(found)
    user = remediator.username
    theirs = said("check", "--cluster", "--as", user, config.parent / "rules.yaml", kubeconfig=lab.kubeconfig())
    print([each["message"] for each in theirs["problems"]])
    print(json.dumps(mine["now"]))
    print([each["message"] for each in mine["warnings"]])


def _what_is_doubtful_is_told(folder: Path, prometheus: Prometheus) -> None:
    (folder / "doubtful.yaml").write_text(DOUBTFUL.replace("NEWER", NEWER))
    answer = said("check", "--prometheus", prometheus.url, folder / "doubtful.yaml")
    print(
        json.dumps(
            [[(each["line"], each["message"]) for each in answer[kind]] for kind in ("problems", "warnings")], indent=1
        )
    )


def _plans_are_told_with_a_diff(config: Path, stuck: str) -> None:
    undo, restart = said("plan", "--config", config)["rules"]
    print(json.dumps([undo, restart], indent=1)[:6000])
