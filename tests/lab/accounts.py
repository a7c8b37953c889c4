"""Service accounts: the product and its tests act under these, with the rights given and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.client import Api, Json
from tests.lab.controlplane import ControlPlane
from tests.lab.kubeconfig import write_kubeconfig
from tests.lab.waiting import wait_for

Rules = Sequence[Json]
"""RBAC rules, as in a Role: ``{"apiGroups": [...], "resources": [...], "verbs": [...]}``."""

_TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class Account:
    """A service account with a token of the TokenRequest API, good for an hour.

    ``username`` is how the audit log calls it; ``kubeconfig`` is a file and ``api`` a client that act as it.
    """

    name: str
    namespace: str
    username: str
    token: str
    kubeconfig: Path
    api: Api


def account_of(control_plane: ControlPlane, name: str, namespace: str, folder: Path) -> Account:
    """Act as a service account that exists already (created from manifests, for instance)."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _TOKEN_SECONDS},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    token = control_plane.admin.request("POST", path, body)["status"]["token"]
    url, ca_file = control_plane.url, control_plane.ca_file
    kubeconfig = write_kubeconfig(folder / f"{namespace}-{name}.yaml", url, ca_file, name, token, namespace)
    api = Api(url, ca_file, token, user_agent=f"lab-account-{name}")
    return Account(name, namespace, f"system:serviceaccount:{namespace}:{name}", token, kubeconfig, api)


def create_account(
    admin: Api, name: str, namespace: str, rules: Rules = (), cluster_rules: Rules = ()
) -> list[tuple[str, str]]:
    """Create a service account with rights in its namespace and in the whole cluster, and wait until it has them: the
    API server reads its roles a moment after they are written.

    Returns the cluster-wide objects made for it as ``(kind, name)``: they outlive the namespace.
    """
    user = f"system:serviceaccount:{namespace}:{name}"
    admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}, namespace)
    if rules:
        admin.create(_role("Role", name, rules), namespace)
        admin.create(_binding("RoleBinding", "Role", name, name, namespace), namespace)
        _wait_until_allowed(admin, user, rules[-1], namespace)
    if not cluster_rules:
        return []
    wide = f"{namespace}-{name}"
    admin.create(_role("ClusterRole", wide, cluster_rules))
    admin.create(_binding("ClusterRoleBinding", "ClusterRole", wide, name, namespace))
    _wait_until_allowed(admin, user, cluster_rules[-1], "")
    return [("ClusterRoleBinding", wide), ("ClusterRole", wide)]


def _wait_until_allowed(admin: Api, user: str, rule: Json, namespace: str) -> None:
    """A role and its binding are read as wholes: who may one thing of it may all."""
    resource, _, subresource = rule["resources"][0].partition("/")
    asked = {"verb": rule["verbs"][0], "group": rule["apiGroups"][0], "resource": resource, "subresource": subresource}
    asked |= {"namespace": namespace, "name": (rule.get("resourceNames") or [""])[0]}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": asked},
    }
    wait_for(
        lambda: admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)["status"],
        lambda status: status["allowed"],
        f"{user} to be allowed {asked}",
    )


def _role(kind: str, name: str, rules: Rules) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "rules": [dict(rule) for rule in rules],
    }


def _binding(kind: str, role_kind: str, role: str, account: str, namespace: str) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
