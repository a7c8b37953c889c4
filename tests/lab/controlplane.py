"""etcd, the API server, the controllers and the scheduler, on loopback, over a fresh data folder."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.lab.certificates import Certificates, write_certificates
from tests.lab.client import Api
from tests.lab.errors import ApiError
from tests.lab.kubeconfig import write_kubeconfig
from tests.lab.ports import free_ports
from tests.lab.processes import Server, Servers

_SERVICE_RANGE = "10.96.0.0/16"
_SERVICE_ADDRESS = "10.96.0.1"
_ISSUER = "https://kubernetes.default.svc"
_AUDIT_POLICY = Path(__file__).with_name("audit_policy.yaml")
# Never rotate: the oracle reads one file from its beginning.
_AUDIT_FILE_MEGABYTES = 100_000

USERS = ("admin", "lab:controllers", "lab:scheduler", "lab:kwok", "lab:exporter", "lab:metrics", "lab:node")
"""The lab's own users, all cluster administrators; by their names the audit log tells them apart."""


class ControlPlane:
    """A running control plane.

    ``url`` and ``ca_file`` are for any client, ``admin`` is a client that may do all, ``audit_log`` is the
    oracle's file. ``etcd``, ``api_server``, ``controllers`` and ``scheduler`` are its servers.
    """

    def __init__(self, binary: Path, folder: Path, servers: Servers) -> None:
        self._binary, self._folder, self._servers = binary, folder, servers
        etcd_client, etcd_peer, api = free_ports(3)
        self.url = f"https://127.0.0.1:{api}"
        self.audit_log = servers.logs / "audit.log"
        self._certificates = write_certificates(folder / "pki", ("127.0.0.1", _SERVICE_ADDRESS))
        self.ca_file = self._certificates.ca
        self._tokens = {user: secrets.token_hex(16) for user in USERS}
        self.etcd = self._start("etcd", etcd_flags(folder / "etcd", etcd_client, etcd_peer))
        self.api_server = self._start("kube-apiserver", self._api_server_flags(etcd_client, api))
        self.admin = Api(self.url, self.ca_file, self._tokens["admin"], user_agent="lab-admin")
        self.api_server.wait_until(self._answers)
        self.controllers = self._start("kube-controller-manager", self._controller_flags())
        self.scheduler = self._start("kube-scheduler", self._scheduler_flags())
        # The first thing the controllers do that can be seen, and without it no pod is admitted.
        self.controllers.wait_until(lambda: self.admin.exists("serviceaccounts", "default", "default"))

    @contextlib.contextmanager
    def api_server_down(self) -> Iterator[None]:
        """Kill the API server for the length of a ``with`` block: connections to it are refused.

        Afterwards it is there again at the same address, with all that was in etcd. To let it hang instead, use
        ``api_server.frozen()``.
        """
        self.api_server.stop()
        try:
            yield
        finally:
            self.api_server.start_again()
            self.api_server.wait_until(self._answers)

    def kubeconfig(self, user: str) -> Path:
        """A kubeconfig of one of the lab's own ``USERS``."""
        path = self._folder / "kubeconfigs" / f"{user.replace(':', '-')}.yaml"
        return write_kubeconfig(path, self.url, self.ca_file, user, self._tokens[user])

    def _start(self, part: str, flags: list[str]) -> Server:
        return self._servers.start(part, [self._binary, part, *flags])

    def _answers(self) -> bool:
        try:
            self.admin.request("GET", "/readyz")
        except (httpx.TransportError, ApiError):
            return False
        return True

    def _api_server_flags(self, etcd: int, port: int) -> list[str]:
        pki: Certificates = self._certificates
        return [
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={pki.server_certificate}",
            f"--tls-private-key-file={pki.server_key}",
            f"--cert-dir={self._folder / 'pki'}",
            f"--token-auth-file={self._write_tokens()}",
            "--authorization-mode=Node,RBAC",
            f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={pki.service_account_key}",
            f"--service-account-signing-key-file={pki.service_account_key}",
            f"--service-cluster-ip-range={_SERVICE_RANGE}",
            "--endpoint-reconciler-type=none",
            # The aggregation layer: by this certificate a server behind it knows that a user's name comes from here.
            f"--proxy-client-cert-file={pki.proxy_certificate}",
            f"--proxy-client-key-file={pki.proxy_key}",
            f"--requestheader-client-ca-file={pki.ca}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--kubelet-preferred-address-types=InternalIP",
            f"--audit-policy-file={_AUDIT_POLICY}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",
            f"--audit-log-maxsize={_AUDIT_FILE_MEGABYTES}",
        ]

    def _controller_flags(self) -> list[str]:
        return [
            *self._client_flags("lab:controllers"),
            "--use-service-account-credentials=false",
            f"--root-ca-file={self.ca_file}",
            f"--service-account-private-key-file={self._certificates.service_account_key}",
            "--horizontal-pod-autoscaler-sync-period=2s",
        ]

    def _scheduler_flags(self) -> list[str]:
        return self._client_flags("lab:scheduler")

    def _client_flags(self, user: str) -> list[str]:
        """No port (nobody would read it), no election (there is one of each), no throttling of requests."""
        return [
            f"--kubeconfig={self.kubeconfig(user)}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ]

    def _write_tokens(self) -> Path:
        path = self._folder / "pki" / "tokens.csv"
        path.touch(mode=0o600)
        path.write_text("".join(f'{token},{user},{user},"system:masters"\n' for user, token in self._tokens.items()))
        return path


def etcd_flags(folder: Path, client_port: int, peer_port: int) -> list[str]:
    """A single member that does not wait for the disk: its data lives as long as the lab."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        "--name=lab",
        f"--data-dir={folder}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lab={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
