"""Simulated nodes: kwok keeps their leases and plays the pods' fates as ``stages/*.yaml`` say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.lab.client import Api, Json
from tests.lab.ports import free_ports
from tests.lab.processes import Servers

ZONES = ("zone-a", "zone-b", "zone-c")
"""One node is in each."""

_STAGES = Path(__file__).with_name("stages")
_USAGE = Path(__file__).with_name("usage.yaml")
_READ_BY_KWOK = {"kwok.x-k8s.io/node": "fake"}
_LEASE_SECONDS = 40


class Nodes:
    """kwok, and the three nodes ``node-a``, ``node-b``, ``node-c``, ready."""

    def __init__(self, binary: Path, admin: Api, kubeconfig: Path, folder: Path, servers: Servers) -> None:
        self._admin = admin
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "stages.yaml"
        config.write_text(all_stages())
        (port,) = free_ports(1)
        flags = [
            f"--kubeconfig={kubeconfig}",
            f"--config={config}",
            f"--config={_USAGE}",
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            f"--node-lease-duration-seconds={_LEASE_SECONDS}",
            "--node-ip=127.0.0.1",
            "--cidr=10.244.0.1/16",
            f"--server-address=127.0.0.1:{port}",
            f"--node-port={port}",
        ]
        # A home folder of its own: kwok would read settings from the user's.
        self.server = servers.start("kwok", [binary, *flags], env={"HOME": str(folder)})
        for zone in ZONES:
            admin.create(node_manifest(f"node-{zone[-1]}", zone))
        self.server.wait_until(lambda: all(is_ready(node) for node in admin.list("nodes")))

    def add(
        self, name: str, zone: str = ZONES[0], labels: dict[str, str] | None = None, taints: Sequence[Json] = ()
    ) -> Json:
        """Join one more node, and wait until it is ready; with taints, only for what tolerates them."""
        node = node_manifest(name, zone, labels)
        self._admin.create(node | {"spec": {"taints": list(taints)}} if taints else node)
        return self._admin.wait_for("nodes", name, "", is_ready)


def all_stages() -> str:
    """The text of all stages, as kwok's ``--config`` takes it."""
    return "---\n".join(path.read_text() for path in sorted(_STAGES.glob("*.yaml")))


def node_manifest(name: str, zone: str, labels: dict[str, str] | None = None) -> Json:
    """A node for kwok to play, in a zone, with the labels that a kubelet gives its own.

    kwok answers for all nodes at one address, so the node says under which path its resource metrics are.
    """
    metrics = {"metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{name}/metrics/resource"}
    own = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "lab",
        "topology.kubernetes.io/zone": zone,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": own | (labels or {}), "annotations": _READ_BY_KWOK | metrics},
    }


def is_ready(node: Json) -> bool:
    """Whether pods are placed on a node: Ready is True and no "not ready" taint is left on it."""
    conditions = node.get("status", {}).get("conditions", [])
    taints = node["spec"].get("taints", [])
    ready = any(row["type"] == "Ready" and row["status"] == "True" for row in conditions)
    return ready and not any(taint["key"] == "node.kubernetes.io/not-ready" for taint in taints)
