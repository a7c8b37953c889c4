"""The demo's stage on the real control plane: `remediator demo --lab`, or `make lab-demo`."""

from __future__ import annotations

import asyncio

from remediator.clients import kubernetes
from remediator.clock import SystemClock
from remediator.demo.scenes import SCENES, Scene
from tests.lab.accounts import create_account
from tests.lab.lab import Lab
from tests.lab.workloads import rolled_out

NAMESPACE = "shop"

RIGHTS = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
]


class LabTheatre:
    """A `remediator.demo.theatre.Theatre` on etcd, kube-apiserver, Prometheus and Alertmanager, all real."""

    name = "the lab: a real control plane, Prometheus and Alertmanager on this machine"

    def __init__(self) -> None:
        self.clock = SystemClock()
        self._lab = Lab()
        admin = self._lab.admin
        admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        create_account(admin, "remediator", NAMESPACE, (), RIGHTS)
        account = self._lab.account_of("remediator", NAMESPACE)
        self.cluster = kubernetes.connect(str(account.kubeconfig))

    async def set_up(self, webhook: str) -> None:
        """See `Theatre.set_up`."""
        await asyncio.to_thread(self._bring_about, webhook)

    async def break_(self, scene: Scene) -> None:
        """See `Theatre.break_`."""
        await asyncio.to_thread(self._lab.admin.patch, "deployments", scene.name, scene.fault, scene.namespace)

    async def close(self) -> None:
        """See `Theatre.close`."""
        await self.cluster.close()
        await asyncio.to_thread(self._lab.stop)

    def _bring_about(self, webhook: str) -> None:
        self._lab.monitoring.route_to(webhook)
        for scene in SCENES:
            self._lab.admin.create(scene.deployment)
        for scene in SCENES:
            until = rolled_out if "crash" not in scene.image else _is_observed
            self._lab.admin.wait_for("deployments", scene.name, scene.namespace, until)


def _is_observed(deployment: dict[str, dict[str, object]]) -> bool:
    return deployment["status"].get("replicas") == deployment["spec"]["replicas"]
