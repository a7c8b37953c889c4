"""The whole of it: control plane, one real node or two, monitoring beside the cluster. One a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.e2e.images import WEB
from tests.e2e.names import Names
from tests.e2e.network import Network, run
from tests.e2e.node import Node, start_proxy
from tests.lab.audit import AuditLog, Request
from tests.lab.build import CONTROLPLANE, NODE, built
from tests.lab.build import WEB as WEB_PROGRAM
from tests.lab.client import Api, Json
from tests.lab.controlplane import ControlPlane
from tests.lab.folders import RunFolder
from tests.lab.monitoring import Monitoring
from tests.lab.postgresql import PostgreSQL
from tests.lab.processes import Servers
from tests.lab.progress import Say
from tests.lab.waiting import wait_for
from tests.lab.workloads import rolled_out

# One of two may be missing: a version that does not start leaves half of the pods.
_ONE_BY_ONE: Json = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}

PATIENCE = 300
"""Seconds in which anything here has to happen, on a slow and busy machine too."""


class RealCluster:
    """`node` runs real containers; `monitoring` watches the cluster from beside; `kubectl` is a program."""

    def __init__(self, say: Say) -> None:
        self._say = say
        # What is written to these places by the container runtime and the kubelet goes with the mount namespace.
        for place in ("/run", "/var/log"):
            run("mount", "-t", "tmpfs", "tmpfs", place)
        self.folder = RunFolder()
        self.servers = Servers(self.folder.logs)
        try:
            self._start()
        except BaseException:
            self.stop(keep_logs=True)
            raise

    def _start(self) -> None:
        data = self.folder.data
        binary, self._node_binary, self._web = (built(one, self._say) for one in (CONTROLPLANE, NODE, WEB_PROGRAM))
        self.network = Network(data / "network")
        self.control_plane = ControlPlane(binary, data / "control-plane", self.servers)
        self.network.api_server(int(self.control_plane.url.rpartition(":")[2]))
        self._names = Names(self.admin)
        self.network.name_server(self._names.port)
        self.kubectl = data / "kubectl"
        self.kubectl.symlink_to(binary)
        start_proxy(self._node_binary, self.control_plane, data / "proxy", self.servers)
        self.node = self.join(1)
        exporter = self.control_plane.kubeconfig("lab:exporter")
        self.monitoring = Monitoring(exporter, data / "monitoring", self.servers, self._say)
        self._audit = AuditLog(self.control_plane.audit_log)

    @property
    def admin(self) -> Api:
        """A client that may do all."""
        return self.control_plane.admin

    def join(self, number: int) -> Node:
        """One more node; its number is part of its name."""
        folder = self.folder.data / f"node-{number}"
        folder.mkdir()
        parts = self._node_binary, self._web, self.control_plane, self.network, folder, self.servers
        return Node(number, *parts)

    def volume(self, namespace: str, name: str, owner: int) -> None:
        """A volume on this machine, claimed by that name; it belongs to a user, as no kubelet changes its owner."""
        folder = self.folder.data / "volumes" / namespace
        folder.mkdir(parents=True)
        os.chown(folder, owner, 0)
        size, modes = {"storage": "1Gi"}, ["ReadWriteOnce"]
        bound = {
            "capacity": size,
            "accessModes": modes,
            "hostPath": {"path": str(folder)},
            "storageClassName": namespace,
        }
        self.admin.create(_object("PersistentVolume", namespace, bound))
        claim = {"resources": {"requests": size}, "accessModes": modes, "storageClassName": namespace}
        self.admin.create(_object("PersistentVolumeClaim", name, claim), namespace)

    def type(self, *words: str) -> str:
        """What kubectl prints when an administrator types this."""
        return run(self.kubectl, "--kubeconfig", self.control_plane.kubeconfig("admin"), *words)

    def writes(self, user: str) -> list[Request]:
        """What a user wrote by the audit log: answered 2xx, and no dry run."""
        return [one for one in self._audit.of(user) if one.persisted]

    def database(self) -> str:
        """The URL of an empty PostgreSQL database beside the cluster, as pods reach it."""
        server = PostgreSQL(self.folder.data / "postgresql", self.servers, self._say)
        server.let_in("10.88.0.0/16")
        address = self.network.expose(int(server.url.rpartition(":")[2].partition("/")[0]))
        return f"postgresql://postgres@{address}/postgres"

    def stop(self, keep_logs: bool = False) -> None:
        """End all servers. Containers and what was mounted for them end with the namespaces."""
        if hasattr(self, "_names"):
            self._names.close()
        if hasattr(self, "control_plane"):
            self.admin.close()
        self.servers.stop()
        self.folder.remove(keep_logs)


class Shop:
    """A tiny web server in a namespace of its own: a Deployment, and a Service that is asked over HTTP."""

    def __init__(self, cluster: RealCluster, namespace: str, replicas: int = 2, prefers: str = "") -> None:
        """Create it, on a node that it `prefers` if that has room, and wait until it is served."""
        self.cluster, self.namespace = cluster, namespace
        cluster.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        cluster.admin.wait_for("serviceaccounts", "default", namespace, lambda one: True, PATIENCE)
        cluster.admin.create(_deployment(replicas, prefers), namespace)
        service = cluster.admin.create(_service(), namespace)
        self.url = f"http://{service['spec']['clusterIP']}:8000/"
        self.wait_until_served()

    def answer(self) -> str:
        """What the Service answers now; empty where it does not."""
        try:
            return httpx.get(self.url, timeout=2, trust_env=False).raise_for_status().text
        except httpx.HTTPError:
            return ""

    def wait_until_served(self) -> str:
        """Wait until a request is answered."""
        return wait_for(self.answer, bool, f"an answer of {self.url} ({self.namespace})", PATIENCE, pause=0.05)

    def wait_until_dark(self) -> None:
        """Wait until no request is answered."""
        wait_for(
            self.answer, lambda text: text == "", f"{self.url} ({self.namespace}) to be down", PATIENCE, pause=0.05
        )

    def roll_out(self, *command: str, **limits: str) -> None:
        """Roll out a version whose container runs this."""
        container: Json = {"name": "web", "args": list(command)}
        if limits:
            container["resources"] = {"limits": limits}
        template = {"spec": {"containers": [container]}}
        body = {"spec": {"template": template}}
        self.cluster.admin.patch("deployments", "web", body, self.namespace, how="strategic")

    def wait_until_rolled_out(self) -> None:
        """Wait until all of its pods are of the last version and ready, where they will stay."""
        self.cluster.admin.wait_for("deployments", "web", self.namespace, rolled_out, PATIENCE)

    @contextmanager
    def all_at_once(self) -> Iterator[None]:
        """In here the old version goes before the new one comes, so that a bad roll-out is an outage."""
        self._replace_pods({"type": "Recreate", "rollingUpdate": None})
        try:
            yield
        finally:
            self._replace_pods(_ONE_BY_ONE)

    def _replace_pods(self, strategy: Json) -> None:
        self.cluster.admin.patch("deployments", "web", {"spec": {"strategy": strategy}}, self.namespace)

    def crash_loop(self) -> Json:
        """Wait until one of its pods waits in CrashLoopBackOff; that pod."""
        found = wait_for(self._crashing, bool, f"a crash loop in {self.namespace}", PATIENCE)
        return found[0]

    def _crashing(self) -> list[Json]:
        pods = self.cluster.admin.list("pods", self.namespace)
        return [one for one in pods if "CrashLoopBackOff" in str(one["status"].get("containerStatuses"))]

    def node(self) -> str:
        """The node on which its newest pod was placed; empty where that waits for one."""
        pods = self.cluster.admin.list("pods", self.namespace)
        newest = max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])
        return newest["spec"].get("nodeName", "")

    def command(self) -> list[str]:
        """What the Deployment's container runs."""
        deployment = self.cluster.admin.get("deployments", "web", self.namespace)
        return deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def _object(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _deployment(replicas: int, prefers: str) -> Json:
    here = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [prefers]}]}
    preferred = [{"weight": 100, "preference": here}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}} if prefers else {}
    container = {
        "name": "web",
        "image": WEB,
        "args": ["serve"],
        "ports": [{"containerPort": 8000}],
        "readinessProbe": {"httpGet": {"port": 8000}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "strategy": _ONE_BY_ONE,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"terminationGracePeriodSeconds": 5, "containers": [container], "affinity": affinity},
            },
        },
    }


def _service() -> Json:
    return _object("Service", "web", {"selector": {"app": "web"}, "ports": [{"port": 8000, "targetPort": 8000}]})
