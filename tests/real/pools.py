"""Nodes of a test's own in the lab, with workloads that run on them alone."""

from __future__ import annotations

from tests.lab.client import Api, Json
from tests.lab.errors import ApiError
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import daemon_set, deployment, rolled_out

RIGHTS = [
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get", "patch", "create"]},
    {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
    {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["list"]},
    {"apiGroups": ["apps"], "resources": ["replicasets", "statefulsets"], "verbs": ["get"]},
]
"""What rules that cordon and drain nodes need over the whole cluster, and nothing more."""


class Pool:
    """Two nodes that only this pool's workloads are placed on: `first` is the one that trouble befalls."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.first, self.second = f"{name}-1", f"{name}-2"
        for node in (self.first, self.second):
            lab.nodes.add(node, labels={"pool": name}, taints=[{"key": "pool", "value": name, "effect": "NoSchedule"}])

    @property
    def admin(self) -> Api:
        """Who may do all."""
        return self.lab.admin

    def run(self, namespace: str, name: str = "web", replicas: int = 2) -> list[Json]:
        """A Deployment whose pods all start on the first node, and may go to either later."""
        self.place(deployment(name, replicas=replicas), namespace)
        return self.pods(self.first, name)

    def place(self, workload: Json, namespace: str) -> None:
        """A Deployment or StatefulSet, started so."""
        kind, name = f"{workload['kind'].lower()}s", workload["metadata"]["name"]
        self.open(self.second, unschedulable=True)
        self.admin.create(self.placed(workload), namespace)
        self.admin.wait_for(kind, name, namespace, rolled_out)
        self.open(self.second, unschedulable=None)

    def run_everywhere(self, namespace: str, name: str = "agent") -> None:
        """A DaemonSet with one pod on each of the two."""
        self.admin.create(self.placed(daemon_set(name)), namespace)
        self.admin.wait_for("daemonsets", name, namespace, lambda live: live["status"].get("numberReady") == 2)

    def placed(self, workload: Json) -> Json:
        """A workload that may run nowhere else, and with its like alone."""
        workload["spec"]["template"]["spec"] |= {
            "nodeSelector": {"pool": self.name},
            "tolerations": [{"key": "pool", "value": self.name, "effect": "NoSchedule"}],
        }
        return workload

    def pods(self, node: str, app: str) -> list[Json]:
        """An app's pods on a node."""
        return self.admin.list("pods", labels=f"app={app}", fields=f"spec.nodeName={node}")

    def open(self, node: str, *, unschedulable: bool | None) -> None:
        """Cordon or uncordon a node by hand."""
        self.admin.patch("nodes", node, {"spec": {"unschedulable": unschedulable}})

    def is_cordoned(self, node: str = "") -> bool:
        """Whether a node (the first) is cordoned now."""
        return bool(self.admin.get("nodes", node or self.first)["spec"].get("unschedulable"))

    def remove(self) -> None:
        """The pool's nodes go, and with them what runs there."""
        for node in (self.first, self.second):
            for pod in self.admin.list("pods", fields=f"spec.nodeName={node}"):
                self._gone("pods", pod["metadata"]["name"], pod["metadata"]["namespace"])
            self._gone("nodes", node)

    def _gone(self, kind: str, name: str, namespace: str = "") -> None:
        try:
            self.admin.delete(kind, name, namespace, {"gracePeriodSeconds": 0})
        except ApiError as error:
            if error.status != 404:
                raise


def until_moved(pool: Pool, app: str, replicas: int) -> None:
    """Wait until as many pods of an app run on the second node."""
    wait_for(lambda: len(pool.pods(pool.second, app)), lambda number: number == replicas, f"{app} elsewhere")
