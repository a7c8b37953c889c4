"""What the HTTP client relies on of a real API server beyond the contract: its words, pages and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from remediator.clients import kubernetes
from remediator.clients.credentials import Grant
from remediator.clients.kubeconfig import Kubeconfig
from remediator.clients.kubernetes import KubernetesCluster
from remediator.clients.transport import Transport
from remediator.core.kinds import KINDS
from remediator.core.model import Change, PatchType, Precondition, Ref, Resource, Verb
from remediator.ports import Conflict, Forbidden, Invalid

pytestmark = pytest.mark.lab

CONFIG_MAP = Resource("v1", "ConfigMap", "configmaps")


EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


@pytest.fixture
def kubeconfig(account: Any) -> str:
    """An account that may do everything."""
    return str(account(cluster_rules=EVERYTHING, name="tester").kubeconfig)


@pytest_asyncio.fixture
async def cluster(kubeconfig: str) -> AsyncIterator[KubernetesCluster]:
    """A client with small pages and short watches."""
    client = KubernetesCluster(Transport(Kubeconfig(kubeconfig)), watch_seconds=1.0, page_size=2)
    yield client
    await client.close()


async def made(cluster: KubernetesCluster, namespace: str, name: str = "one") -> Change:
    """A change of an object that was just created, to be altered by the test."""
    address = Ref(CONFIG_MAP, namespace, name)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
    meta = (await cluster.write(Change(Verb.CREATE, address, body, Precondition("", ""))))["metadata"]
    return Change(Verb.PATCH, address, {"data": {"a": "b"}}, Precondition(meta["uid"], meta["resourceVersion"]))


async def test_an_object_that_somebody_changed_is_a_conflict_in_every_form(
    cluster: KubernetesCluster, namespace: str
) -> None:
    change = await made(cluster, namespace)
    await cluster.write(change)
    json_patch = [{"op": "add", "path": "/data", "value": {}}]
    for stale in (
        Change(Verb.PATCH, change.ref, {"data": {"a": "c"}}, change.precondition),
        Change(Verb.PATCH, change.ref, {"data": {"a": "c"}}, change.precondition, PatchType.STRATEGIC),
        Change(Verb.PATCH, change.ref, json_patch, change.precondition, PatchType.JSON),
        Change(Verb.DELETE, change.ref, {}, change.precondition),
    ):
        for carry_out in (cluster.rehearse, cluster.write):
            with pytest.raises(Conflict):
                await carry_out(stale)


async def test_a_successor_of_the_same_name_is_a_conflict_in_every_form(
    cluster: KubernetesCluster, namespace: str
) -> None:
    change = await made(cluster, namespace)
    other = Precondition("00000000-0000-4000-8000-000000000000", "")
    for foreign in (
        Change(Verb.PATCH, change.ref, {"data": {"a": "c"}}, other),
        Change(Verb.PATCH, change.ref, {"data": {"a": "c"}}, other, PatchType.STRATEGIC),
        Change(Verb.PATCH, change.ref, [], other, PatchType.JSON),
        Change(Verb.DELETE, change.ref, {}, other),
    ):
        with pytest.raises(Conflict):
            await cluster.write(foreign)


async def test_a_rehearsed_delete_with_a_precondition_deletes_nothing(
    cluster: KubernetesCluster, namespace: str
) -> None:
    change = await made(cluster, namespace)
    await cluster.rehearse(Change(Verb.DELETE, change.ref, {"gracePeriodSeconds": 0}, change.precondition))
    assert (await cluster.get(change.ref))["metadata"]["uid"] == change.precondition.uid


async def test_what_will_never_be_accepted_is_invalid(cluster: KubernetesCluster, namespace: str) -> None:
    change = await made(cluster, namespace)
    for body in ({"data": {"a": 5}}, {"metadata": {"labels": {"a": "not a value!"}}}):
        with pytest.raises(Invalid):
            await cluster.write(Change(Verb.PATCH, change.ref, body, change.precondition))


async def test_a_watch_ends_by_itself(cluster: KubernetesCluster, namespace: str) -> None:
    async with asyncio.timeout(120):
        seen = [kind async for kind, _ in cluster.watch(CONFIG_MAP, namespace)]
    assert set(seen) <= {"ADDED", "BOOKMARK"}


async def test_a_list_of_several_pages_is_whole(cluster: KubernetesCluster, namespace: str) -> None:
    for number in range(5):
        await made(cluster, namespace, f"n{number}")
    found = {one["metadata"]["name"] for one in await cluster.list(CONFIG_MAP, namespace)}
    assert {f"n{number}" for number in range(5)} <= found


async def test_a_token_that_nobody_knows_is_forbidden(kubeconfig: str, namespace: str) -> None:
    known = await Kubeconfig(kubeconfig).grant()

    class Wrong:
        async def grant(self, refused: str = "") -> Grant:
            return known._replace(authorization="Bearer wrong")

    client = KubernetesCluster(Transport(Wrong()))
    with pytest.raises(Forbidden, match="Unauthorized") as got:
        await client.list(CONFIG_MAP, namespace)
    assert got.value.status == 401
    await client.close()


async def test_what_an_account_may_not_do_is_forbidden_with_the_missing_rule(account: Any, namespace: str) -> None:
    client = kubernetes.connect(str(account(name="nobody").kubeconfig))
    with pytest.raises(Forbidden, match='cannot get resource "deployments" in API group "apps" in the namespace'):
        await client.get(Ref(KINDS["Deployment"], namespace, "web"))
    await client.close()


async def test_the_version_is_told(cluster: KubernetesCluster) -> None:
    assert (await cluster.version()).startswith("v1.")
