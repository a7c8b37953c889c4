"""``kube_node_*``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.exposition import Sample
from tests.lab.series.parts import Object, condition, seconds
from tests.lab.series.pods import parse_quantity

_ROLE_PREFIX = "node-role.kubernetes.io/"
_UNITS = {"cpu": "core", "memory": "byte", "ephemeral-storage": "byte", "pods": "integer"}


def series(node: Object) -> Iterator[Sample]:
    """All series of one node. They have no ``namespace`` label of their own."""
    labels, spec, status = {"node": node["metadata"]["name"]}, node["spec"], node.get("status", {})
    yield from _info(node, labels)
    yield Sample("kube_node_created", labels, seconds(node["metadata"]["creationTimestamp"]))
    yield Sample("kube_node_spec_unschedulable", labels, float(spec.get("unschedulable", False)))
    for taint in spec.get("taints", []):
        own = {"key": taint["key"], "value": taint.get("value", ""), "effect": taint["effect"]}
        yield Sample("kube_node_spec_taint", labels | own, 1)
    for row in status.get("conditions", []):
        yield from condition("kube_node_status_condition", labels, row["type"], row["status"])
    for kind in ("capacity", "allocatable"):
        for resource, quantity in status.get(kind, {}).items():
            own = {"resource": resource.replace("-", "_"), "unit": _UNITS.get(resource, "integer")}
            yield Sample(f"kube_node_status_{kind}", labels | own, parse_quantity(quantity))
    for label in node["metadata"].get("labels", {}):
        if label.startswith(_ROLE_PREFIX):
            yield Sample("kube_node_role", labels | {"role": label.removeprefix(_ROLE_PREFIX)}, 1)


def _info(node: Object, labels: dict[str, str]) -> Iterator[Sample]:
    told = node.get("status", {}).get("nodeInfo", {})
    addresses = node.get("status", {}).get("addresses", [])
    own = {
        "kernel_version": told.get("kernelVersion", ""),
        "os_image": told.get("osImage", ""),
        "container_runtime_version": told.get("containerRuntimeVersion", ""),
        "kubelet_version": told.get("kubeletVersion", ""),
        "kubeproxy_version": "deprecated",
        "provider_id": node["spec"].get("providerID", ""),
        "pod_cidr": node["spec"].get("podCIDR", ""),
        "system_uuid": told.get("systemUUID", ""),
        "internal_ip": next((one["address"] for one in addresses if one["type"] == "InternalIP"), ""),
    }
    yield Sample("kube_node_info", labels | own, 1)
