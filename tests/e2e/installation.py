"""The product in the cluster: the image, installed by the chart, seen over its Service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import yaml

from remediator.executor import FENCE
from tests.e2e.cluster import PATIENCE, RealCluster, Shop
from tests.e2e.network import ADDRESS
from tests.e2e.requirements import ARCHIVE
from tests.lab.audit import Request
from tests.lab.client import Json
from tests.lab.helm import CHART, Helm
from tests.lab.waiting import wait_for

IMAGE = "ghcr.io/remediator/remediator:0.1.0"
"""The image's name as the chart and the pages have it: it is on the node, and is pulled from nowhere."""

_TOKEN = "a-token-of-the-end-to-end-tests"
_HEADERS = {"Authorization": f"Bearer {_TOKEN}"}

RULES = """
groups:
- name: workloads
  guards:
    startup_grace: 0s
    cooldown: 0s
    budget: {max: 20, per: 1h}
    attempts: {max: 20, within: 6h}
    flapping: {transitions: 50, within: 30m}
  rules:
  - name: undo-crashing-release
    when: {alert: 'KubePodCrashLooping{namespace="shop"}'}
    target: {kind: Deployment}
    do: [rollback]
    until: {ready: true, for: 2s, within: 3m}
  - name: watch-crashing-release
    when: {alert: 'KubePodCrashLooping{namespace="watched"}'}
    target: {kind: Deployment}
    do: [rollback]
    mode: observe
  - name: tell-of-crashes
    when: {alert: 'KubePodCrashLooping{namespace="cellar"}'}
    target: {kind: Deployment}
    do: [{escalate: {receiver: oncall}}]
- name: nodes
  guards: {startup_grace: 0s}
  rules:
  - name: empty-lost-node
    when: {alert: KubeNodeNotReady}
    target: {kind: Node}
    do: [{drain: {timeout: 30s}}, {escalate: {receiver: oncall}}]
    until: {ready: true, for: 2s, within: 40s}
"""


class Installation:
    """A release in a namespace of its own, ready; `url` is its Service's address, `webhook` Alertmanager's."""

    def __init__(
        self, cluster: RealCluster, namespace: str, receivers: list[Json], chart: Path = CHART, **values: Any
    ) -> None:
        self.cluster, self.namespace = cluster, namespace
        cluster.node.load(ARCHIVE, IMAGE)
        cluster.admin.create(_restricted(namespace))
        cluster.admin.create(_secret(), namespace)
        if "database" not in values:
            cluster.volume(namespace, "journal-remediator-0", owner=65532)
        folder = cluster.folder.data / f"helm-{namespace}"
        folder.mkdir()
        self._helm = Helm(folder, cluster.control_plane.kubeconfig("admin"))
        self.values = _values(cluster, receivers) | values
        self.install(chart)

    def install(self, chart: Path = CHART) -> None:
        """`helm install`, until it is ready."""
        cluster, namespace = self.cluster, self.namespace
        self._helm.run("install", "remediator", chart, "--namespace", namespace, values=self.values)
        service = cluster.admin.get("services", "remediator", namespace)
        self.url = f"http://{service['spec']['clusterIP']}:{service['spec']['ports'][0]['port']}"
        self.webhook = f"{self.url}/webhook/alertmanager"
        self.wait_until_ready()

    @property
    def user(self) -> str:
        """Its account, as the audit log calls it."""
        return f"system:serviceaccount:{self.namespace}:remediator"

    def listen(self) -> None:
        """Let Alertmanager send it all alerts."""
        self.cluster.monitoring.route_to(self.webhook, token=_TOKEN)

    def post(self, name: str, **labels: str) -> None:
        """An alert of that name, as Alertmanager would post it."""
        alert = {"status": "firing", "startsAt": "2026-01-01T00:00:00Z", "labels": {"alertname": name, **labels}}
        payload = {"version": "4", "groupKey": name, "status": "firing", "receiver": "webhook", "alerts": [alert]}
        httpx.post(self.webhook, json=payload, headers=_HEADERS, timeout=60, trust_env=False).raise_for_status()

    def wait_until_ready(self) -> None:
        """Wait until its Service answers that it is ready."""
        wait_for(lambda: self._get("/readyz"), bool, f"readiness of the release in {self.namespace}", PATIENCE)

    def pods(self) -> list[Json]:
        """Its pods."""
        return self.cluster.admin.list("pods", self.namespace, labels="app.kubernetes.io/name=remediator")

    def lines(self, kind: str = "") -> list[Json]:
        """The journal over HTTP: all lines, or those of one kind."""
        found: list[Json] = []
        after = 0
        while page := self._get(f"/api/v1/journal?limit=1000&after={after}")["items"]:
            found, after = found + page, page[-1]["seq"]
        return [line for line in found if kind in ("", line["kind"])]

    def wait_for_line(self, kind: str, after: int = 0, namespace: str = "", **data: object) -> Json:
        """Wait for a line of a kind behind a sequence number, about a target in a namespace, whose data has these."""

        def fits(line: Json) -> bool:
            about = (line["target"] or {}).get("namespace", "")
            return line["seq"] > after and namespace in ("", about) and data.items() <= line["data"].items()

        def found(lines: list[Json]) -> list[Json]:
            return [line for line in lines if fits(line)]

        return found(wait_for(lambda: self.lines(kind), found, f"a journal line {kind} {data}", PATIENCE, pause=0.3))[0]

    def end_of(self, intent: Json) -> Json:
        """The line that closes the incident of an intent."""

        def found() -> list[Json]:
            return [line for line in self.lines("incident_closed") if line["incident"] == intent["incident"]]

        return wait_for(found, bool, f"the end of {intent['incident']}", PATIENCE, pause=0.3)[0]

    def held_by(self, incident: str) -> dict[str, str]:
        """What held an incident back, by the guards' names: the reason that each gave last."""
        asked = [line["data"]["verdicts"] for line in self.lines("decision") if line["incident"] == incident]
        return {each["guard"]: each["reason"] for one in asked for each in one if each["verdict"] == "hold"}

    def last(self) -> int:
        """The newest line's sequence number."""
        return max((line["seq"] for line in self.lines()), default=0)

    def type(self, *words: str) -> str:
        """What a command of the product prints, run in the pod that is in charge."""
        return self.cluster.type("-n", self.namespace, "exec", self.in_charge(), "--", "remediator", *words)

    def writes(self) -> list[Request]:
        """What it really wrote, by the audit log: no dry runs, no Events, no lease."""
        return [one for one in self.cluster.writes(self.user) if one.resource not in ("events", "leases")]

    def changes(self, shop: Shop) -> list[str]:
        """The verbs of its writes to a shop's Deployment, without those that only fence it off."""
        own = [one for one in self.writes() if (one.namespace, one.resource) == (shop.namespace, "deployments")]
        return [one.verb for one in own if FENCE not in (one.body["metadata"].get("annotations") or {})]

    def in_charge(self) -> str:
        """The pod that is in charge; one of several is elected some time after they are ready."""
        terms = wait_for(lambda: self.lines("leader"), bool, "a leader", PATIENCE)
        return terms[-1]["data"]["identity"].rpartition("_")[0]

    def kill(self, pod: str) -> None:
        """Delete a pod at once, and wait until it is gone."""
        uid = self.cluster.admin.get("pods", pod, self.namespace)["metadata"]["uid"]
        self.cluster.admin.delete("pods", pod, self.namespace, {"gracePeriodSeconds": 0})
        wait_for(lambda: uid in str(self.pods()), lambda there: not there, f"the end of {pod}", PATIENCE)

    def resident_bytes(self) -> int:
        """Resident memory as it tells of itself."""
        text = self._ask("/metrics").text
        line = next(one for one in text.splitlines() if one.startswith("process_resident_memory_bytes "))
        return int(float(line.split()[1]))

    def uninstall(self) -> None:
        """`helm uninstall`, and no alerts any more."""
        self.cluster.monitoring.route_nowhere()
        self._helm.run("uninstall", "remediator", "--namespace", self.namespace, "--wait")

    def _get(self, path: str) -> Any:
        return self._ask(path).json()

    def _ask(self, path: str) -> httpx.Response:
        try:
            answer = httpx.get(f"{self.url}{path}", headers=_HEADERS, timeout=10, trust_env=False)
            return answer.raise_for_status()
        except httpx.HTTPError as error:
            raise OSError(str(error)) from error


def _values(cluster: RealCluster, receivers: list[Json]) -> dict[str, Any]:
    config = {
        "mode": "enforce",
        "prometheus": {"url": f"http://{_exposed(cluster, cluster.monitoring.prometheus_url)}"},
        "alertmanager": {
            "url": f"http://{_exposed(cluster, cluster.monitoring.alertmanager_url)}",
            "interval": "5s",
            "receiver": "webhook",
        },
        "receivers": receivers,
    }
    return {
        "config": config,
        "rules": {"rules.yaml": yaml.safe_load(RULES)},
        "webhook": {"tokenSecret": {"name": "tokens"}},
        "operators": [{"name": "alice", "roles": ["view", "approve"], "tokenSecret": {"name": "tokens"}}],
        "probes": {
            "startupProbe": {"periodSeconds": 1, "failureThreshold": 300},
            "readinessProbe": {"periodSeconds": 1},
        },
        # The product stays while the other node is lost.
        "nodeSelector": {"kubernetes.io/hostname": "node-1"},
        "networkPolicy": {"from": [{"ipBlock": {"cidr": f"{ADDRESS}/32"}}]},
    }


def _exposed(cluster: RealCluster, url: str) -> str:
    return cluster.network.expose(int(url.rpartition(":")[2]))


def _restricted(namespace: str) -> Json:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}


def _secret() -> Json:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tokens"}, "stringData": {"token": _TOKEN}}
