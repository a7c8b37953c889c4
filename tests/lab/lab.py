"""The lab as one object: built, started, asked and ended here."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from tests.lab.accounts import Account, account_of
from tests.lab.audit import AuditLog, Request
from tests.lab.build import CONTROLPLANE, KWOK, METRICS_SERVER, PROMETHEUS_3, built
from tests.lab.client import Api
from tests.lab.controlplane import ControlPlane
from tests.lab.folders import RunFolder
from tests.lab.metrics_server import MetricsServer
from tests.lab.monitoring import Monitoring
from tests.lab.nodes import Nodes
from tests.lab.processes import Servers
from tests.lab.progress import Say, print_line
from tests.lab.prometheus import Prometheus


class Lab:
    """A running control plane with three simulated nodes; Prometheus and Alertmanager when first asked for.

    ``control_plane`` and ``nodes`` are its parts, ``servers`` all its processes, ``folder`` has its data and
    logs, ``kubectl`` is a program to ask for a second opinion. Ends with ``stop``, or with this process.
    """

    def __init__(self, say: Say = print_line, prometheus_3: bool | None = None) -> None:
        """Start it; ``prometheus_3`` for Prometheus 3 instead of Debian's 2 (default: ``LAB_PROMETHEUS=3``)."""
        self._say = say
        self._prometheus_3 = os.environ.get("LAB_PROMETHEUS") == "3" if prometheus_3 is None else prometheus_3
        binary, kwok = built(CONTROLPLANE, say), built(KWOK, say)
        self.folder = RunFolder()
        self.servers = Servers(self.folder.logs)
        try:
            self.control_plane = ControlPlane(binary, self.folder.data / "control-plane", self.servers)
            kwok_kubeconfig = self.control_plane.kubeconfig("lab:kwok")
            self.nodes = Nodes(kwok, self.admin, kwok_kubeconfig, self.folder.data / "kwok", self.servers)
        except BaseException:
            self.stop(keep_logs=True)
            raise
        self.kubectl = self.folder.data / "kubectl"
        self.kubectl.symlink_to(binary)
        self._audit = AuditLog(self.control_plane.audit_log)

    @property
    def url(self) -> str:
        """The API server's address."""
        return self.control_plane.url

    @property
    def ca_file(self) -> Path:
        """The certificate authority of the API server's certificate, PEM."""
        return self.control_plane.ca_file

    @property
    def admin(self) -> Api:
        """A client that may do all. Its own writes are in the audit log under the user ``admin``."""
        return self.control_plane.admin

    @functools.cached_property
    def monitoring(self) -> Monitoring:
        """Prometheus, Alertmanager and the exporter, started at the first use."""
        kubeconfig = self.control_plane.kubeconfig("lab:exporter")
        prometheus = built(PROMETHEUS_3, self._say) if self._prometheus_3 else None
        return Monitoring(kubeconfig, self.folder.data / "monitoring", self.servers, self._say, prometheus)

    @functools.cached_property
    def other_prometheus(self) -> Prometheus:
        """Prometheus 3 beside Debian's 2 (or the same version again), started at the first use."""
        return self.monitoring.second(built(PROMETHEUS_3, self._say))

    @functools.cached_property
    def metrics_server(self) -> MetricsServer:
        """metrics-server, built where it is not there yet and started at the first use: autoscalers have metrics."""
        binary = built(METRICS_SERVER, self._say)
        return MetricsServer(binary, self.control_plane.kubeconfig("lab:metrics"), self.admin, self.servers)

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address; starts the monitoring."""
        return self.monitoring.prometheus_url

    @property
    def alertmanager_url(self) -> str:
        """Alertmanager's address; starts the monitoring."""
        return self.monitoring.alertmanager_url

    @property
    def logs(self) -> Path:
        """The folder with a log file of each server, and the audit log."""
        return self.folder.logs

    def kubeconfig(self, account: Account | None = None) -> Path:
        """A kubeconfig file of an account, of the admin without one."""
        return account.kubeconfig if account else self.control_plane.kubeconfig("admin")

    def account_of(self, name: str, namespace: str) -> Account:
        """Act as a service account that exists already, made from ``remediator rbac``'s output for instance."""
        return account_of(self.control_plane, name, namespace, self.folder.data / "kubeconfigs")

    def writes(self, account: Account | str, namespace: str | None = None) -> tuple[Request, ...]:
        """What an account (or user name) really wrote: writes answered 2xx that were no dry run, in order."""
        return tuple(one for one in self.requests(account, namespace) if one.persisted)

    def dry_runs(self, account: Account | str, namespace: str | None = None) -> tuple[Request, ...]:
        """The account's dry runs of writes, refused ones included (see ``code``)."""
        return tuple(one for one in self.requests(account, namespace) if one.is_write and one.dry_run)

    def refused(self, account: Account | str, namespace: str | None = None) -> tuple[Request, ...]:
        """The account's writes that the API server did not carry out: 4xx and 5xx, dry runs left out."""
        return tuple(
            one for one in self.requests(account, namespace) if one.is_write and not one.dry_run and not one.succeeded
        )

    def requests(self, account: Account | str, namespace: str | None = None) -> tuple[Request, ...]:
        """All answered requests of an account, its reads included."""
        user = account if isinstance(account, str) else account.username
        return self._audit.of(user, namespace)

    def stop(self, keep_logs: bool = False) -> None:
        """End all servers, and remove the run's folder (all but the logs where ``keep_logs``)."""
        if hasattr(self, "control_plane"):
            self.control_plane.admin.close()
        self.servers.stop()
        self.folder.remove(keep_logs)
