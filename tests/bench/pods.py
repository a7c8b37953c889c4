"""What an API server would list in the `cache` benchmark: many pods of some 7 KiB and many nodes, as JSON, one by one.

A pod is as a Deployment's in a real cluster: two containers with probes, environment and volumes, conditions and
container statuses, and the fields that the controller manager and the kubelet are said to manage.
"""

from __future__ import annotations

import json
import re
from typing import Any

NAMESPACES, REPLICAS, PODS_A_NODE = 100, 10, 20
FAILED_IN = 1000
"""One pod in so many has failed; of as many nodes one is cordoned."""

_AT = "2026-11-01T08:00:00Z"
_PROBE = {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10}


class Objects:
    """Objects made from one text with gaps, `<NAME>`, where they differ: quick to write."""

    def __init__(self, template: dict[str, Any], count: int) -> None:
        self.count = count
        text = json.dumps(template, separators=(",", ":")).replace("%", "%%").replace('"<cordoned>"', "<cordoned>")
        self._form = re.sub(r"<(\w+)>", r"%(\1)b", text).encode()

    def __getitem__(self, number: int) -> bytes:
        """The object of a number, without its kind, as lists have it."""
        return self._form % gaps_of(number)


def gaps_of(number: int) -> dict[bytes, bytes]:
    """What tells one object from the others."""
    app, replica = divmod(number, REPLICAS)
    app_name = f"shop-app-{app:05}"
    return {
        b"version": b"%d" % (1_000_000 + number),
        b"uid": b"0e2b6c1c-5d2f-4f0b-9b1e-%012d" % number,
        b"owner": b"7a1f3f5e-0c4d-4e43-8f0a-%012d" % app,
        b"app": app_name.encode(),
        b"namespace": b"team-%03d" % (app % NAMESPACES),
        b"set": f"{app_name}-6c9f7d8b5{app % 10}".encode(),
        b"pod": f"{app_name}-6c9f7d8b5{app % 10}-{number:06x}".encode(),
        b"node": b"node-%05d" % (number // PODS_A_NODE),
        b"own": b"node-%05d" % number,
        b"ip": b"10.%d.%d.%d" % (number >> 16 & 255, number >> 8 & 255, number & 255),
        b"phase": b"Running" if number % FAILED_IN else b"Failed",
        b"cordoned": b"false" if number % FAILED_IN else b"true",
        b"replica": b"%d" % replica,
    }


def _container(name: str, port: int) -> dict[str, Any]:
    return {
        "name": name,
        "image": f"registry.example.test/<namespace>/{name}:2026.11.1-4f2c9e7",
        "imagePullPolicy": "IfNotPresent",
        "args": [f"--listen=:{port}", "--log-format=json", "--upstream=http://shop-gateway.<namespace>.svc:8080"],
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {
                "name": "POD_NAMESPACE",
                "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
            },
            *({"name": f"SHOP_SETTING_{n}", "value": f"value-{n}-of-<app>"} for n in range(4)),
            {"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "<app>-database", "key": "password"}}},
        ],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "livenessProbe": _PROBE | {"initialDelaySeconds": 30, "failureThreshold": 3},
        "readinessProbe": _PROBE | {"successThreshold": 1, "failureThreshold": 3},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/shop", "readOnly": True},
            {
                "name": "kube-api-access-x7k2p",
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                "readOnly": True,
            },
        ],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _status(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "containerID": "containerd://<uid>4f2c9e7d1b6a8c3e5f0a9d7b2c4e6f81",
        "image": f"registry.example.test/<namespace>/{name}:2026.11.1-4f2c9e7",
        "imageID": f"registry.example.test/<namespace>/{name}@sha256:{'4f2c9e7d' * 8}",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "lastState": {},
        "state": {"running": {"startedAt": _AT}},
    }


def _managed(manager: str, fields: dict[str, Any], part: str = "") -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": _AT, "fieldsType": "FieldsV1"}
    return entry | {"fieldsV1": fields} | ({"subresource": part} if part else {})


def _fields(value: Any) -> Any:
    """The `fieldsV1` of an object: a name for each of its fields."""
    if isinstance(value, dict):
        return {f"f:{key}": _fields(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict) and "name" in value[0]:
        return {f'k:{{"name":"{each["name"]}"}}': {".": {}, **_fields(each)} for each in value}
    return {}


def _condition(kind: str) -> dict[str, Any]:
    return {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": _AT}


def _pod() -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "<app>", "app.kubernetes.io/part-of": "shop", "pod-template-hash": "6c9f7d8b5"}
    spec = {
        "volumes": [
            {"name": "config", "configMap": {"name": "<app>-config", "defaultMode": 420}},
            {
                "name": "kube-api-access-x7k2p",
                "projected": {
                    "defaultMode": 420,
                    "sources": [
                        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    ],
                },
            },
        ],
        "containers": [_container("<app>", 8080), _container("proxy", 8443)],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "<app>",
        "nodeName": "<node>",
        "securityContext": {"runAsNonRoot": True, "fsGroup": 10001},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{taint}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for taint in ("not-ready", "unreachable")
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    conditions = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    status = {
        "phase": "<phase>",
        "conditions": [_condition(each) for each in conditions],
        "hostIP": "192.0.2.1",
        "hostIPs": [{"ip": "192.0.2.1"}],
        "podIP": "<ip>",
        "podIPs": [{"ip": "<ip>"}],
        "startTime": _AT,
        "containerStatuses": [_status("<app>"), _status("proxy")],
        "qosClass": "Burstable",
    }
    some = [{key: each[key] for key in ("name", "image", "ports", "resources")} for each in spec["containers"]]
    meta = {
        "name": "<pod>",
        "generateName": "<set>-",
        "namespace": "<namespace>",
        "uid": "<uid>",
        "resourceVersion": "<version>",
        "generation": 1,
        "creationTimestamp": _AT,
        "labels": labels,
        "annotations": {"prometheus.io/scrape": "true", "checksum/config": "4f2c9e7d1b6a8c3e" * 4},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "<set>",
                "uid": "<owner>",
                "controller": True,
                "blockOwnerDeletion": True,
            },
        ],
        "managedFields": [
            _managed(
                "kube-controller-manager",
                {
                    "f:metadata": _fields({"labels": labels}),
                    "f:spec": _fields({"containers": some, "restartPolicy": "", "dnsPolicy": ""}),
                },
            ),
            _managed(
                "kubelet",
                {"f:status": _fields({"phase": "", "podIP": "", "startTime": "", "containerStatuses": []})},
                "status",
            ),
        ],
    }
    return {"metadata": meta, "spec": spec, "status": status}


def _node() -> dict[str, Any]:
    kinds = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    sizes = {"cpu": "16", "memory": "65843248Ki", "pods": "110", "ephemeral-storage": "203070420Ki"}
    images = [{"names": [f"registry.example.test/app-{n}@sha256:{'4f2c9e7d' * 8}"], "sizeBytes": n} for n in range(40)]
    return {
        "metadata": {
            "name": "<own>",
            "uid": "<uid>",
            "resourceVersion": "<version>",
            "creationTimestamp": _AT,
            "labels": {"kubernetes.io/hostname": "<own>", "topology.kubernetes.io/zone": "zone-a", "pool": "web"},
        },
        "spec": {"podCIDR": "10.0.0.0/24", "providerID": "cloud:///<own>", "unschedulable": "<cordoned>"},
        "status": {
            "capacity": sizes,
            "allocatable": sizes,
            "conditions": [_condition(kind) | {"lastHeartbeatTime": _AT, "reason": f"Kubelet{kind}"} for kind in kinds],
            "addresses": [{"type": "InternalIP", "address": "<ip>"}, {"type": "Hostname", "address": "<own>"}],
            "nodeInfo": {"kubeletVersion": "v1.37.2", "osImage": "Debian GNU/Linux 12", "architecture": "amd64"},
            "images": images,
        },
    }


def pods(count: int) -> Objects:
    """So many pods."""
    return Objects(_pod(), count)


def nodes(count: int) -> Objects:
    """So many nodes."""
    return Objects(_node(), count)
