"""A real node: containerd, the kubelet, and for all of them one kube-proxy."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.e2e.containers import Containers
from tests.e2e.images import PAUSE, WEB, write_image
from tests.e2e.names import DOMAIN
from tests.e2e.network import ADDRESS, NAME_SERVER, Network
from tests.e2e.requirements import WITHIN, hierarchies
from tests.lab.client import Api
from tests.lab.controlplane import ControlPlane
from tests.lab.nodes import is_ready
from tests.lab.processes import Server, Servers

_FIRST_PORT = 10250


class Node:
    """A node that has joined and is ready; `kubelet` and `containers` are its processes. `number` tells its ports."""

    def __init__(
        self,
        number: int,
        binary: Path,
        web: Path,
        control_plane: ControlPlane,
        network: Network,
        folder: Path,
        servers: Servers,
    ) -> None:
        self.name = f"node-{number}"
        self._folder, self._web = folder, web
        self.containers = Containers(self.name, folder / "containerd", network, servers)
        self.load_web(PAUSE, "pause")
        self.load_web(WEB)
        kubelet = folder / "kubelet"
        kubelet.mkdir()
        settings = kubelet / "config.yaml"
        settings.write_text(json.dumps(_kubelet(self.name, number, self.containers.endpoint, kubelet)))
        flags = [
            f"--config={settings}",
            f"--kubeconfig={control_plane.kubeconfig('lab:node')}",
            f"--hostname-override={self.name}",
            f"--node-ip={ADDRESS}",
            f"--root-dir={kubelet / 'root'}",
            f"--cert-dir={kubelet / 'pki'}",
        ]
        self.kubelet: Server = servers.start(f"kubelet-{self.name}", [binary, "kubelet", *flags])
        self.kubelet.wait_until(lambda: _has_joined(control_plane.admin, self.name), timeout=240)

    def load_web(self, name: str, *words: str) -> None:
        """Have the web server as an image of that name."""
        self.load(write_image(self._folder / "image.tar", name, self._web, ["/web", *words]), name)

    def load(self, archive: Path, name: str) -> None:
        """Import an image."""
        self.containers.load(archive, name)


def _has_joined(admin: Api, name: str) -> bool:
    return any(is_ready(node) for node in admin.list("nodes", fields=f"metadata.name={name}"))


def start_proxy(binary: Path, control_plane: ControlPlane, folder: Path, servers: Servers) -> Server:
    """Start kube-proxy, which makes Services of packet filters."""
    folder.mkdir(parents=True)
    settings = folder / "config.yaml"
    settings.write_text(
        json.dumps(
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "mode": "iptables",
                "hostnameOverride": "node-1",
                "clientConnection": {"kubeconfig": str(control_plane.kubeconfig("lab:node"))},
                "clusterCIDR": "10.88.0.0/16",
                # The kernel's tables for the whole machine are not ours to set.
                "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
                "iptables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
            }
        )
    )
    return servers.start("kube-proxy", [binary, "kube-proxy", f"--config={settings}"])


def _kubelet(name: str, number: int, endpoint: str, folder: Path) -> dict[str, object]:
    """Its settings: what it may not change on a machine that is not its own is off; `docs/end-to-end.md` says why."""
    group = f"/{os.environ[WITHIN]}/{name}"
    for place in hierarchies():
        (place / group[1:]).mkdir(exist_ok=True)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "port": _FIRST_PORT + number,
        "healthzPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": endpoint,
        "clusterDNS": [NAME_SERVER],
        "clusterDomain": DOMAIN,
        "cgroupRoot": group,
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "localStorageCapacityIsolation": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "100Mi"},
        "podLogsDir": str(folder / "logs"),
        "volumePluginDir": str(folder / "plugins"),
        "nodeStatusUpdateFrequency": "5s",
        "syncFrequency": "10s",
    }
