"""What the client sends: the address, the precondition and the dry run of every kind of change."""

from __future__ import annotations

import pytest

from remediator.clients.kubernetes import KubernetesCluster
from remediator.core.kinds import resource
from remediator.core.model import Change, PatchType, Precondition, Ref, Resource, Verb
from remediator.ports import Invalid, NotFound

from .api_server import ApiServer, answer, status, then

WEB = Ref(resource("Deployment"), "shop", "web")
POD = Ref(resource("Pod"), "shop", "web-1")
NODE = Ref(resource("Node"), "", "n1")
PLANNED = Precondition("uid-1", "42")
ANNOTATE = {"metadata": {"annotations": {"a": "b"}}}


def change(verb: Verb, ref: Ref = WEB, body: object = None, **rest: object) -> Change:
    return Change(verb, ref, body if body is not None else {}, PLANNED, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (WEB, "/apis/apps/v1/namespaces/shop/deployments/web"),
        (POD, "/api/v1/namespaces/shop/pods/web-1"),
        (NODE, "/api/v1/nodes/n1"),
        (Ref(Resource("example.com/v1", "Ring", "rings"), "a", "b"), "/apis/example.com/v1/namespaces/a/rings/b"),
    ],
    ids=str,
)
async def test_every_kind_has_its_address(cluster: KubernetesCluster, api: ApiServer, ref: Ref, path: str) -> None:
    await cluster.get(ref)
    assert (api.last.method, api.last.path) == ("GET", path)


@pytest.mark.parametrize("name", ["", ".", "..", "web/scale", "web%2fscale", "../../secrets/s"])
async def test_a_name_that_is_no_name_is_not_found_and_never_another_address(
    cluster: KubernetesCluster, api: ApiServer, name: str
) -> None:
    with pytest.raises(NotFound):
        await cluster.get(Ref(resource("Deployment"), "shop", name))
    with pytest.raises(NotFound):
        await cluster.write(change(Verb.DELETE, Ref(resource("Deployment"), "shop", name)))
    assert api.seen == []


async def test_a_namespaced_object_without_namespace_is_not_asked_for(
    cluster: KubernetesCluster, api: ApiServer
) -> None:
    with pytest.raises(NotFound, match="lives in one"):
        await cluster.get(Ref(resource("Pod"), "", "web"))
    assert api.seen == []


@pytest.mark.parametrize("patch_type", [PatchType.MERGE, PatchType.STRATEGIC])
async def test_a_merge_patch_carries_its_precondition_in_metadata(
    cluster: KubernetesCluster, api: ApiServer, patch_type: PatchType
) -> None:
    await cluster.write(change(Verb.PATCH, body=ANNOTATE, patch_type=patch_type))
    assert api.last.method == "PATCH"
    assert api.last.headers["content-type"] == patch_type.value
    assert api.last.headers["accept"] == "application/json"
    assert api.last.query == {"fieldManager": "remediator"}
    assert api.last.json == {"metadata": {"annotations": {"a": "b"}, "uid": "uid-1", "resourceVersion": "42"}}


async def test_a_patch_outside_of_metadata_gets_one(cluster: KubernetesCluster, api: ApiServer) -> None:
    planned = {"spec": {"replicas": 2}}
    await cluster.write(change(Verb.PATCH, body=planned))
    assert api.last.json == {"spec": {"replicas": 2}, "metadata": {"uid": "uid-1", "resourceVersion": "42"}}
    assert planned == {"spec": {"replicas": 2}}


async def test_a_json_patch_tests_first(cluster: KubernetesCluster, api: ApiServer) -> None:
    operation = {"op": "replace", "path": "/spec/replicas", "value": 2}
    await cluster.write(change(Verb.PATCH, body=[operation], patch_type=PatchType.JSON))
    assert api.last.json == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "42"},
        operation,
    ]


async def test_a_delete_carries_its_precondition_in_the_options(cluster: KubernetesCluster, api: ApiServer) -> None:
    await cluster.write(change(Verb.DELETE, POD, {"gracePeriodSeconds": 5}))
    assert (api.last.method, api.last.query) == ("DELETE", {})
    assert api.last.json == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 5,
        "preconditions": {"uid": "uid-1", "resourceVersion": "42"},
    }


@pytest.mark.parametrize("body", [{"gracePeriodSeconds": 5}, {"deleteOptions": {"gracePeriodSeconds": 5}}])
async def test_an_eviction_is_posted_to_its_subresource(
    cluster: KubernetesCluster, api: ApiServer, body: object
) -> None:
    await cluster.write(change(Verb.EVICT, POD, body))
    assert (api.last.method, api.last.path) == ("POST", "/api/v1/namespaces/shop/pods/web-1/eviction")
    assert api.last.json == {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "web-1", "namespace": "shop"},
        "deleteOptions": {"gracePeriodSeconds": 5, "preconditions": {"uid": "uid-1", "resourceVersion": "42"}},
    }


async def test_a_creation_goes_to_the_collection(cluster: KubernetesCluster, api: ApiServer) -> None:
    event = Ref(resource("Event"), "shop", "e")
    body = {"metadata": {"name": "e"}}
    await cluster.write(Change(Verb.CREATE, event, body, Precondition("", "")))
    assert (api.last.method, api.last.path) == ("POST", "/api/v1/namespaces/shop/events")
    assert api.last.query == {"fieldManager": "remediator"}
    assert api.last.json == body


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.CALL])  # asks no API server
async def test_a_rehearsal_says_dry_run_wherever_the_server_may_look(
    cluster: KubernetesCluster, api: ApiServer, verb: Verb
) -> None:
    """With a body, the API server reads the options of a delete from there alone: missing, it would delete."""
    await cluster.rehearse(change(verb, POD))
    assert api.last.query["dryRun"] == "All"
    if verb is Verb.DELETE:
        assert api.last.json["dryRun"] == ["All"]
    if verb is Verb.EVICT:
        assert api.last.json["deleteOptions"]["dryRun"] == ["All"]


@pytest.mark.parametrize(
    "wrong",
    [change(Verb.PATCH, body=[], patch_type=PatchType.MERGE), change(Verb.PATCH, body={}, patch_type=PatchType.JSON)],
    ids=["list as merge patch", "object as JSON patch"],
)
async def test_a_body_of_the_wrong_form_is_refused_before_it_is_sent(
    cluster: KubernetesCluster, api: ApiServer, wrong: Change
) -> None:
    with pytest.raises(Invalid):
        await cluster.write(wrong)
    assert api.seen == []


async def test_a_list_reads_page_after_page_and_says_what_its_objects_are(
    cluster: KubernetesCluster, api: ApiServer
) -> None:
    first = {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]}
    api.reply = then(answer(200, first), answer(200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]}))
    found = await cluster.list(resource("Deployment"), "shop", "app=web,tier!=db")
    assert found == [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}} for name in ("a", "b")]
    assert [seen.query for seen in api.seen] == [
        {"limit": "500", "labelSelector": "app=web,tier!=db"},
        {"limit": "500", "labelSelector": "app=web,tier!=db", "continue": "next"},
    ]


async def test_a_list_over_all_namespaces(cluster: KubernetesCluster, api: ApiServer) -> None:
    assert await cluster.list(resource("Pod")) == []
    assert (api.last.path, api.last.query) == ("/api/v1/pods", {"limit": "500"})


async def test_a_list_whose_pages_expired_begins_anew(cluster: KubernetesCluster, api: ApiServer) -> None:
    first = answer(200, {"metadata": {"continue": "old"}, "items": [{"metadata": {"name": "gone"}}]})
    api.reply = then(first, status(410, "expired"), answer(200, {"items": [{"metadata": {"name": "a"}}]}))
    found = await cluster.list(resource("Pod"), "shop")
    assert [item["metadata"]["name"] for item in found] == ["a"]
    assert "continue" not in api.last.query
