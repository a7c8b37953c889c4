"""metrics-server: scrapes what the pods of the simulated nodes use, and serves it behind the API server."""

from __future__ import annotations

from pathlib import Path

from tests.lab.client import Api, Json
from tests.lab.errors import ApiError
from tests.lab.ports import free_ports
from tests.lab.processes import Servers

USAGE_CPU = "kwok.x-k8s.io/usage-cpu"
"""The annotation of a pod with what it uses, as `320m`; the autoscaler knows within half a minute."""

_GROUP, _VERSION = "metrics.k8s.io", "v1beta1"
_REGISTERED = "/apis/apiregistration.k8s.io/v1/apiservices"
_NAME, _NAMESPACE = "metrics-server", "kube-system"
_RESOLUTION = "10s"
"""The least that it takes. It knows a pod from its third scrape on: kwok's first says that nothing was used yet."""


class MetricsServer:
    """A running metrics-server, and the API service that points at it. It stays for as long as the lab does."""

    def __init__(self, binary: Path, kubeconfig: Path, admin: Api, servers: Servers) -> None:
        (port,) = free_ports(1)
        self.server = servers.start(_NAME, [binary, *_flags(kubeconfig, port)])
        self._admin = admin
        admin.create(_service(), _NAMESPACE)
        admin.request("POST", _REGISTERED, _api_service(port))
        self.server.wait_until(self._is_served)

    def _is_served(self) -> bool:
        """Whether the API server passes on to it; what it knows comes with its scrapes."""
        try:
            return bool(self._admin.request("GET", f"/apis/{_GROUP}/{_VERSION}"))
        except ApiError:
            return False


def _flags(kubeconfig: Path, port: int) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        # The certificate that it makes for itself stands in no folder of the user's.
        "--cert-dir=",
        "--kubelet-insecure-tls",
        "--kubelet-use-node-status-port",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-request-timeout=5s",
        f"--metric-resolution={_RESOLUTION}",
    ]


def _service() -> Json:
    """Where the aggregation layer finds it: nothing but a name for loopback."""
    spec = {"type": "ExternalName", "externalName": "localhost"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": _NAME}, "spec": spec}


def _api_service(port: int) -> Json:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{_VERSION}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "version": _VERSION,
            "service": {"name": _NAME, "namespace": _NAMESPACE, "port": port},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
