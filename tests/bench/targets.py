"""What the loads act on: Deployments without replicas, made beforehand, and accounts with the rights of the rules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.lab.accounts import Account, create_account
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, rolled_out

RIGHTS = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
]
"""What a rule that restarts Deployments needs."""


def namespace_with(lab: Lab, name: str, count: int) -> None:
    """A namespace with Deployments `web-0000`, `web-0001` … that want no pods, and wait until all are rolled out."""
    lab.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with ThreadPoolExecutor(4) as pool:
        made = (pool.submit(lab.admin.create, deployment(deployment_name(n), replicas=0), name) for n in range(count))
        for each in list(made):
            each.result()
    quiet(lab, name)


def deployment_name(number: int) -> str:
    """The name of one of them."""
    return f"web-{number:04}"


def quiet(lab: Lab, namespace: str) -> None:
    """Wait until the controllers have seen every change."""
    wait_for(
        lambda: sum(not rolled_out(each) for each in lab.admin.list("deployments", namespace)),
        lambda behind: behind == 0,
        f"roll-outs in {namespace}",
        timeout=180,
        pause=0.5,
    )


def account(lab: Lab, name: str, namespace: str, *more: dict[str, list[str]]) -> Account:
    """A service account that may read and patch Deployments in its namespace, and more where that is given."""
    create_account(lab.admin, name, namespace, [*RIGHTS, *more])
    return lab.account_of(name, namespace)
