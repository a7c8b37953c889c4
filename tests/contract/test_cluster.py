"""The contract of `ports.Cluster`: what a Kubernetes API server does, that the product relies on.

One suite for every adapter. What stands here was tried on a real API server (design: protocols).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import pytest_asyncio

from remediator.clients import kubernetes
from remediator.clients.transport import Timeouts
from remediator.core.kinds import KINDS
from remediator.core.model import Change, Json, PatchType, Precondition, Ref, Verb
from remediator.ports import Conflict, Forbidden, Invalid, NotFound, Throttled
from remediator.simulation import objects
from tests.contract.yards import RealYard, SimulatedYard, Yard, available, ready_deployment, ref
from tests.lab.accounts import Account, create_account
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE

NONE = Precondition("", "")
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
OTHER_UID = "00000000-0000-4000-8000-000000000000"
DEPLOYMENT, POD = KINDS["Deployment"], KINDS["Pod"]


@pytest_asyncio.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.lab)])
async def yard(request: pytest.FixtureRequest) -> AsyncIterator[Yard]:
    if request.param == "simulated":
        yield SimulatedYard()
        return
    tester, namespace = request.getfixturevalue("tester"), request.getfixturevalue("namespace")
    lab = request.getfixturevalue("lab")
    cluster = kubernetes.connect(str(tester.kubeconfig), timeouts=Timeouts(connect=PATIENCE, request=PATIENCE))
    yield RealYard(cluster, lab.admin, namespace)
    await cluster.close()


@pytest.fixture(scope="module")
def tester(lab: Lab) -> Iterator[Account]:
    """An account that may do everything, everywhere: one for all of these tests."""
    made = create_account(lab.admin, "contract-tester", "default", cluster_rules=EVERYTHING)
    account = lab.account_of("contract-tester", "default")
    yield account
    account.api.close()
    for kind, name in made:
        lab.admin.delete(kind, name)


class Name(msgspec.Struct):
    name: str = ""


class Size(msgspec.Struct):
    replicas: int = 0


class Slim(msgspec.Struct):
    """A Deployment of which only two fields are wanted."""

    metadata: Name
    spec: Size = msgspec.field(default_factory=Size)


def seen(obj: Json) -> Precondition:
    return Precondition(obj["metadata"]["uid"], obj["metadata"]["resourceVersion"])


def address(obj: Json) -> Ref:
    return ref(obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def patch(
    obj: Json, body: Json | list[Json], kind: PatchType = PatchType.MERGE, given: Precondition | None = None
) -> Change:
    return Change(Verb.PATCH, address(obj), body, given or seen(obj), kind)


def image(name: str) -> Json:
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": name}]}}}}


async def first_pod(yard: Yard, app: str = "web") -> Json:
    """A running, ready pod of an app, unchanged by then."""
    pods = await yard.cluster.list(POD, yard.namespace, f"app={app}")
    return pods[0]


class TestReading:
    async def test_get_answers_the_live_object(self, yard: Yard):
        made = yard.create(objects.deployment("web", yard.namespace))
        found = await yard.cluster.get(address(made))
        assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")
        assert found["metadata"]["uid"] == made["metadata"]["uid"]
        assert found["metadata"]["resourceVersion"]
        assert found["metadata"]["generation"] == 1
        assert found["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}

    async def test_what_is_not_there_is_not_found(self, yard: Yard):
        with pytest.raises(NotFound, match='"web" not found') as error:
            await yard.cluster.get(ref("Deployment", yard.namespace, "web"))
        assert error.value.status == 404

    async def test_what_was_read_is_the_readers_own(self, yard: Yard):
        made = yard.create(objects.deployment("web", yard.namespace))
        (await yard.cluster.get(address(made)))["spec"]["replicas"] = 77
        assert (await yard.cluster.get(address(made)))["spec"]["replicas"] == 3

    @pytest.mark.parametrize(
        ("selector", "names"),
        [
            ("", ["blue", "green", "plain"]),
            ("colour=blue", ["blue"]),
            ("colour==blue", ["blue"]),
            ("colour!=blue", ["green", "plain"]),
            ("colour", ["blue", "green"]),
            ("!colour", ["plain"]),
            ("colour in (blue, green)", ["blue", "green"]),
            ("colour notin (blue)", ["green", "plain"]),
            ("colour,colour!=green", ["blue"]),
            ("colour=red", []),
        ],
    )
    async def test_list_takes_label_selectors(self, yard: Yard, selector: str, names: list[str]):
        for name, labels in {"blue": {"colour": "blue"}, "green": {"colour": "green"}, "plain": {}}.items():
            yard.create(objects.deployment(name, yard.namespace, replicas=0, labels=labels))
        found = await yard.cluster.list(DEPLOYMENT, yard.namespace, selector)
        assert sorted(obj["metadata"]["name"] for obj in found) == names
        assert all(obj["kind"] == "Deployment" for obj in found)

    async def test_a_selector_that_cannot_be_read_is_refused(self, yard: Yard):
        with pytest.raises(Invalid):
            await yard.cluster.list(DEPLOYMENT, yard.namespace, "colour in blue")

    async def test_list_without_a_namespace_sees_all_of_them(self, yard: Yard):
        yard.create(objects.deployment("web", yard.namespace, replicas=0))
        found = await yard.cluster.list(DEPLOYMENT)
        assert ("web", yard.namespace) in [(obj["metadata"]["name"], obj["metadata"]["namespace"]) for obj in found]


class TestPatching:
    async def test_a_merge_patch_merges_objects_and_removes_with_null(self, yard: Yard):
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0, annotations={"a": "1", "b": "2"}))
        body = {"metadata": {"annotations": {"a": None, "c": "3"}}}
        after = await yard.cluster.write(patch(made, body, given=NONE))
        assert {key: after["metadata"]["annotations"].get(key) for key in "abc"} == {"a": None, "b": "2", "c": "3"}

    async def test_a_merge_patch_replaces_lists_whole(self, yard: Yard):
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0))
        body = {"spec": {"template": {"spec": {"containers": [{"name": "other", "image": "x:2"}]}}}}
        after = await yard.cluster.write(patch(made, body, given=NONE))
        assert [item["name"] for item in after["spec"]["template"]["spec"]["containers"]] == ["other"]

    async def test_a_strategic_patch_merges_containers_and_their_environment_by_name(self, yard: Yard):
        obj = objects.deployment("web", yard.namespace, replicas=0)
        pod = obj["spec"]["template"]["spec"]
        pod["containers"][0]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
        pod["containers"].append({"name": "side", "image": "side:1"})
        made = yard.create(obj)
        change = [{"name": "app", "image": "x:2", "env": [{"name": "B", "value": "3"}]}]
        body = {"spec": {"template": {"spec": {"containers": change}}}}
        after = await yard.cluster.write(patch(made, body, PatchType.STRATEGIC, NONE))
        containers = {item["name"]: item for item in after["spec"]["template"]["spec"]["containers"]}
        assert {name: item["image"] for name, item in containers.items()} == {"app": "x:2", "side": "side:1"}
        env = {item["name"]: item["value"] for item in containers["app"]["env"]}
        assert env == {"A": "1", "B": "3"}

    async def test_a_strategic_patch_deletes_list_items_by_directive(self, yard: Yard):
        obj = objects.deployment("web", yard.namespace, replicas=0)
        obj["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
        made = yard.create(obj)
        body = {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}
        after = await yard.cluster.write(patch(made, body, PatchType.STRATEGIC, NONE))
        assert [item["name"] for item in after["spec"]["template"]["spec"]["containers"]] == ["app"]

    async def test_a_json_patch_does_its_operations_in_order_or_none(self, yard: Yard):
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0))
        operations = [
            {"op": "test", "path": "/spec/replicas", "value": 0},
            {"op": "replace", "path": "/spec/replicas", "value": 1},
            {"op": "add", "path": "/metadata/annotations", "value": {"example.com/c": "1"}},
            {"op": "replace", "path": "/metadata/annotations/example.com~1c", "value": "2"},
        ]
        after = await yard.cluster.write(patch(made, operations, PatchType.JSON, NONE))
        assert after["spec"]["replicas"] == 1
        assert after["metadata"]["annotations"]["example.com/c"] == "2"
        operations = [{"op": "replace", "path": "/spec/replicas", "value": 5}, {"op": "remove", "path": "/spec/none"}]
        with pytest.raises(Conflict):
            await yard.cluster.write(patch(made, operations, PatchType.JSON, NONE))
        assert (await yard.cluster.get(address(made)))["spec"]["replicas"] == 1

    @pytest.mark.parametrize(
        ("body", "more"),
        [
            ({"metadata": {"labels": {"a": "1"}}}, 0),
            ({"spec": {"replicas": 1}}, 1),
            ({"metadata": {"annotations": {"a": "1"}}}, 1),  # they are copied to its ReplicaSets
        ],
    )
    async def test_generation_of_a_deployment_counts_changes_of_its_spec_and_annotations(
        self, yard: Yard, body: Json, more: int
    ):
        made = await ready_deployment(yard)
        after = await yard.cluster.write(patch(made, body, given=NONE))
        assert after["metadata"]["generation"] == made["metadata"]["generation"] + more
        assert int(after["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])

    async def test_generation_of_others_counts_changes_of_their_spec_alone(self, yard: Yard):
        made = yard.create(objects.stateful_set("db", yard.namespace, replicas=0))
        after = await yard.cluster.write(patch(made, {"metadata": {"annotations": {"a": "1"}}}, given=NONE))
        assert after["metadata"]["generation"] == made["metadata"]["generation"]

    @pytest.mark.parametrize("metadata", [{"annotations": {"a~b/c": "1"}}, {"labels": {"a": "not a label"}}])
    async def test_names_and_values_of_labels_and_annotations_are_checked(self, yard: Yard, metadata: Json):
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0))
        with pytest.raises(Invalid) as error:
            await yard.cluster.write(patch(made, {"metadata": metadata}, given=NONE))
        assert error.value.status == 422

    async def test_a_patch_that_changes_nothing_moves_no_version(self, yard: Yard):
        made = await ready_deployment(yard)
        after = await yard.cluster.write(patch(made, {"spec": {"replicas": 2}}, given=NONE))
        assert after["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]

    async def test_status_is_not_changed_by_a_patch_of_the_object(self, yard: Yard):
        made = await ready_deployment(yard)
        after = await yard.cluster.write(patch(made, {"status": {"readyReplicas": 99}}, given=NONE))
        assert after["status"]["readyReplicas"] == 2

    @pytest.mark.parametrize(
        ("body", "about"),
        [
            ({"spec": {"replicas": -1}}, "spec.replicas"),
            ({"spec": {"selector": {"matchLabels": {"app": "other"}}}}, "selector"),
            ({"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}}, "selector"),
            ({"spec": {"template": {"spec": {"containers": []}}}}, "containers"),
            ({"spec": {"template": {"spec": {"containers": [{"name": "app"}]}}}}, "image"),
        ],
    )
    async def test_what_is_not_valid_is_refused_and_nothing_kept(self, yard: Yard, body: Json, about: str):
        made = await ready_deployment(yard)
        for attempt in (yard.cluster.rehearse, yard.cluster.write):
            with pytest.raises(Invalid, match=about) as error:
                await attempt(patch(made, body, given=NONE))
            assert error.value.status == 422
        assert await yard.cluster.get(address(made)) == made

    async def test_what_is_not_there_cannot_be_patched(self, yard: Yard):
        change = Change(Verb.PATCH, ref("Deployment", yard.namespace, "web"), {"spec": {"replicas": 1}}, NONE)
        for attempt in (yard.cluster.rehearse, yard.cluster.write):
            with pytest.raises(NotFound):
                await attempt(change)


BODIES: list[tuple[PatchType, Json | list[Json]]] = [
    (PatchType.MERGE, {"metadata": {"annotations": {"a": "1"}}}),
    (PatchType.STRATEGIC, {"metadata": {"annotations": {"a": "1"}}}),
    (PatchType.JSON, [{"op": "add", "path": "/metadata/labels/a", "value": "1"}]),
]


class TestPreconditions:
    """A write that was planned for another object, or for the object as it was before, never happens."""

    @pytest.mark.parametrize(("kind", "body"), BODIES)
    async def test_the_object_as_it_was_seen_is_written(self, yard: Yard, kind: PatchType, body: Json):
        made = await ready_deployment(yard)
        assert (await yard.cluster.write(patch(made, body, kind)))["metadata"]["uid"] == made["metadata"]["uid"]

    @pytest.mark.parametrize(("kind", "body"), BODIES)
    async def test_another_version_is_a_conflict_also_when_rehearsed(self, yard: Yard, kind: PatchType, body: Json):
        made = await ready_deployment(yard)
        now = yard.merge(address(made), {"metadata": {"annotations": {"somebody": "else"}}})
        for attempt in (yard.cluster.rehearse, yard.cluster.write):
            with pytest.raises(Conflict) as error:
                await attempt(patch(made, body, kind))
            assert error.value.status == (422 if kind is PatchType.JSON else 409)
        found = await yard.cluster.get(address(made))
        assert found["metadata"]["annotations"] == now["metadata"]["annotations"]
        assert found["metadata"]["labels"] == now["metadata"]["labels"]

    @pytest.mark.parametrize(("kind", "body"), BODIES)
    async def test_another_uid_is_a_conflict(self, yard: Yard, kind: PatchType, body: Json):
        made = await ready_deployment(yard)
        with pytest.raises(Conflict) as error:
            await yard.cluster.write(patch(made, body, kind, Precondition(OTHER_UID, "")))
        assert error.value.status == 422
        assert await yard.cluster.get(address(made)) == made

    @pytest.mark.parametrize("verb", [Verb.DELETE, Verb.EVICT])
    @pytest.mark.parametrize("which", ["uid", "resourceVersion"])
    async def test_delete_and_evict_take_them_in_their_options(self, yard: Yard, verb: Verb, which: str):
        await ready_deployment(yard, replicas=1)
        pod = await first_pod(yard)
        given = Precondition(OTHER_UID, "") if which == "uid" else Precondition(pod["metadata"]["uid"], "1")
        for attempt in (yard.cluster.rehearse, yard.cluster.write):
            with pytest.raises(Conflict) as error:
                await attempt(Change(verb, address(pod), {}, given))
            assert error.value.status == 409
        found = await yard.cluster.get(address(pod))
        assert "deletionTimestamp" not in found["metadata"]

    async def test_the_fence_keeps_out_every_write_planned_before_it(self, yard: Yard):
        made = await ready_deployment(yard)
        fence = {"metadata": {"annotations": {"remediator.io/epoch": "2"}}}
        await yard.cluster.write(patch(made, fence, given=Precondition(made["metadata"]["uid"], "")))
        with pytest.raises(Conflict):
            await yard.cluster.write(patch(made, {"spec": {"replicas": 9}}))


class TestRehearsal:
    """A dry run asks everything and keeps nothing."""

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            (PatchType.MERGE, {"spec": {"replicas": 5}}),
            (PatchType.STRATEGIC, {"spec": {"replicas": 5}}),
            (PatchType.JSON, [{"op": "replace", "path": "/spec/replicas", "value": 5}]),
        ],
    )
    async def test_a_patch_answers_what_would_be(self, yard: Yard, kind: PatchType, body: Json):
        made = await ready_deployment(yard)
        after = await yard.cluster.rehearse(patch(made, body, kind))
        assert after["spec"]["replicas"] == 5
        assert after["metadata"]["generation"] == made["metadata"]["generation"] + 1
        assert await yard.cluster.get(address(made)) == made

    async def test_a_creation_is_not_kept(self, yard: Yard):
        obj = objects.deployment("new", yard.namespace)
        after = await yard.cluster.rehearse(Change(Verb.CREATE, address(obj), obj, NONE))
        assert after["metadata"]["uid"]
        assert yard.find(address(obj)) is None

    @pytest.mark.parametrize("verb", [Verb.DELETE, Verb.EVICT])
    async def test_a_pod_stays(self, yard: Yard, verb: Verb):
        await ready_deployment(yard, replicas=1)
        pod = await first_pod(yard)
        await yard.cluster.rehearse(Change(verb, address(pod), {}, seen(pod)))
        found = await yard.cluster.get(address(pod))
        assert found["metadata"]["uid"] == pod["metadata"]["uid"]
        assert "deletionTimestamp" not in found["metadata"]


class TestCreating:
    async def test_a_name_is_made_from_a_prefix(self, yard: Yard):
        obj = objects.pod("x", yard.namespace)
        del obj["metadata"]["name"]
        obj["metadata"]["generateName"] = "probe-"
        change = Change(Verb.CREATE, ref("Pod", yard.namespace, ""), obj, NONE)
        first, second = await yard.cluster.write(change), await yard.cluster.write(change)
        assert first["metadata"]["name"].startswith("probe-")
        assert first["metadata"]["name"] != second["metadata"]["name"]

    async def test_a_name_that_is_taken_is_a_conflict(self, yard: Yard):
        obj = objects.deployment("web", yard.namespace, replicas=0)
        yard.create(obj)
        with pytest.raises(Conflict, match="already exists") as error:
            await yard.cluster.write(Change(Verb.CREATE, address(obj), obj, NONE))
        assert (error.value.status, error.value.reason) == (409, "AlreadyExists")

    async def test_its_namespace_must_exist(self, yard: Yard):
        obj = objects.deployment("web", "nowhere-at-all")
        with pytest.raises(NotFound, match='namespaces "nowhere-at-all" not found'):
            await yard.cluster.write(Change(Verb.CREATE, address(obj), obj, NONE))

    async def test_a_quota_that_is_used_up_forbids_pods(self, yard: Yard):
        quota = yard.create(objects.resource_quota("small", yard.namespace, pods=1))
        await yard.until(lambda: bool((yard.find(address(quota)) or {}).get("status")), "quota counted")
        yard.create(objects.pod("first", yard.namespace))
        obj = objects.pod("second", yard.namespace)
        with pytest.raises(Forbidden, match="exceeded quota: small"):
            await yard.cluster.write(Change(Verb.CREATE, address(obj), obj, NONE))


class TestDeleting:
    async def test_a_pod_on_a_node_ends_gracefully_and_is_replaced(self, yard: Yard):
        await ready_deployment(yard, replicas=1)
        pod = await first_pod(yard)
        answer = await yard.cluster.write(Change(Verb.DELETE, address(pod), {}, seen(pod)))
        assert answer["metadata"]["deletionTimestamp"]
        await yard.until(lambda: yard.find(address(pod)) is None, "pod gone")
        await yard.until(lambda: available(yard, "web") == 1, "its successor available")
        assert (await first_pod(yard))["metadata"]["uid"] != pod["metadata"]["uid"]

    async def test_what_is_not_there_is_not_found(self, yard: Yard):
        with pytest.raises(NotFound):
            await yard.cluster.write(Change(Verb.DELETE, ref("Pod", yard.namespace, "none"), {}, NONE))

    async def test_what_an_object_owns_goes_with_it(self, yard: Yard):
        made = await ready_deployment(yard)
        pod = await first_pod(yard)
        await yard.cluster.write(Change(Verb.DELETE, address(made), {"propagationPolicy": "Background"}, seen(made)))
        await yard.until(lambda: yard.find(address(pod)) is None, "pods collected")


class TestEvicting:
    async def test_without_a_budget_the_pod_goes(self, yard: Yard):
        await ready_deployment(yard, replicas=1)
        pod = await first_pod(yard)
        answer = await yard.cluster.write(Change(Verb.EVICT, address(pod), {}, seen(pod)))
        assert answer["status"] == "Success"
        await yard.until(lambda: yard.find(address(pod)) is None, "pod gone")

    @pytest.mark.parametrize("attempt", ["write", "rehearse"])
    async def test_a_budget_at_its_limit_says_not_now(self, yard: Yard, attempt: str):
        await ready_deployment(yard, replicas=2)
        await self.budget(yard, "all", allowed=0, min_available=2)
        pod = await first_pod(yard)
        with pytest.raises(Throttled, match="violate the pod's disruption budget") as error:
            await getattr(yard.cluster, attempt)(Change(Verb.EVICT, address(pod), {}, seen(pod)))
        assert error.value.status == 429
        assert "deletionTimestamp" not in (await yard.cluster.get(address(pod)))["metadata"]

    async def test_a_budget_lets_as_many_go_as_it_allows(self, yard: Yard):
        await ready_deployment(yard, replicas=2)
        await self.budget(yard, "one", allowed=1, min_available=1)
        quota = yard.create(objects.resource_quota("no-successors", yard.namespace, pods=1))
        await yard.until(lambda: bool((yard.find(address(quota)) or {}).get("status")), "quota counted")
        pods = await yard.cluster.list(POD, yard.namespace, "app=web")
        evictions = [yard.cluster.write(Change(Verb.EVICT, address(pod), {}, NONE)) for pod in pods]
        answers = await asyncio.gather(*evictions, return_exceptions=True)
        assert [isinstance(answer, Throttled) for answer in answers].count(True) == 1
        assert [isinstance(answer, dict) for answer in answers].count(True) == 1

    async def test_two_budgets_over_one_pod_are_an_error_of_the_server(self, yard: Yard):
        await ready_deployment(yard, replicas=2)
        await self.budget(yard, "one", allowed=1, min_available=1)
        await self.budget(yard, "two", allowed=1, min_available=1)
        pod = await first_pod(yard)
        with pytest.raises(Invalid, match="more than one PodDisruptionBudget") as error:
            await yard.cluster.write(Change(Verb.EVICT, address(pod), {}, NONE))
        assert error.value.status == 500

    async def budget(self, yard: Yard, name: str, *, allowed: int, **spec: int) -> None:
        made = yard.create(objects.disruption_budget(name, yard.namespace, "web", **spec))

        def counted() -> bool:
            status = (yard.find(address(made)) or {}).get("status") or {}
            return status.get("expectedPods") == 2 and status.get("disruptionsAllowed") == allowed

        await yard.until(counted, f"budget {name} counted")


class TestWatching:
    async def test_events_follow_a_version_in_order(self, yard: Yard):
        start = yard.create(objects.pod("before", yard.namespace))["metadata"]["resourceVersion"]
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0))
        changed = yard.merge(address(made), {"metadata": {"annotations": {"a": "1"}}})
        await yard.cluster.write(Change(Verb.DELETE, address(made), {}, NONE))
        events = []
        async for kind, obj in yard.cluster.watch(DEPLOYMENT, yard.namespace, start):
            events.append((kind, obj["metadata"].get("name")))
            if kind == "ADDED":
                assert obj["metadata"]["uid"] == made["metadata"]["uid"]
            if kind == "DELETED":
                assert int(obj["metadata"]["resourceVersion"]) > int(changed["metadata"]["resourceVersion"])
                break
        assert events[0] == ("ADDED", "web")
        assert ("MODIFIED", "web") in events
        assert events[-1] == ("DELETED", "web")

    async def test_it_goes_on_while_changes_come(self, yard: Yard):
        """Each change is made once the one before was told of: none of them ends the stream."""
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0))
        told = 0
        async for kind, obj in yard.cluster.watch(DEPLOYMENT, yard.namespace, name="web"):
            if kind == "BOOKMARK" or (obj["metadata"].get("annotations") or {}).get("told", "0") != str(told):
                continue
            if told == 5:
                break
            told += 1
            yard.merge(address(made), {"metadata": {"annotations": {"told": str(told)}}})
        else:
            pytest.fail(f"the watch ended after {told} changes")

    async def test_without_a_version_what_is_there_comes_first(self, yard: Yard):
        yard.create(objects.deployment("web", yard.namespace, replicas=0))
        async for kind, obj in yard.cluster.watch(DEPLOYMENT, yard.namespace):
            assert (kind, obj["metadata"]["name"]) == ("ADDED", "web")
            break

    async def test_a_watch_after_a_list_misses_nothing(self, yard: Yard):
        yard.create(objects.deployment("before", yard.namespace, replicas=0))
        pages = [page async for page in yard.cluster.pages(DEPLOYMENT, yard.namespace)]
        yard.create(objects.deployment("after", yard.namespace, replicas=0))
        assert [one["metadata"]["name"] for found, _ in pages for one in found] == ["before"]
        async for kind, obj in yard.cluster.watch(DEPLOYMENT, yard.namespace, pages[-1][1]):
            if obj["metadata"].get("name") == "after":
                assert kind == "ADDED"
                break

    async def test_what_ceases_to_match_a_selector_is_deleted(self, yard: Yard):
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0, labels={"tier": "a"}))
        yard.create(objects.deployment("other", yard.namespace, replicas=0))
        pages = [page async for page in yard.cluster.pages(DEPLOYMENT, yard.namespace, "tier=a")]
        assert [one["metadata"]["name"] for found, _ in pages for one in found] == ["web"]
        for tier in ("b", "a"):
            yard.merge(address(made), {"metadata": {"labels": {"tier": tier}}})
        events = []
        async for kind, obj in yard.cluster.watch(DEPLOYMENT, yard.namespace, pages[-1][1], "tier=a"):
            assert obj["metadata"].get("name") in ("web", None)
            events.append(kind)
            if kind == "ADDED":
                break
        assert [kind for kind in events if kind not in ("MODIFIED", "BOOKMARK")] == ["DELETED", "ADDED"]

    async def test_with_a_name_only_that_object_is_heard_of(self, yard: Yard):
        for name in ("other", "web"):
            yard.create(objects.deployment(name, yard.namespace, replicas=0))
        start = yard.create(objects.pod("before", yard.namespace))["metadata"]["resourceVersion"]
        for name in ("other", "web"):
            yard.merge(Ref(DEPLOYMENT, yard.namespace, name), {"metadata": {"annotations": {"a": "1"}}})
        async for kind, obj in yard.cluster.watch(DEPLOYMENT, yard.namespace, start, name="web"):
            assert obj["metadata"].get("name", "web") == "web"
            if kind == "MODIFIED":
                break

    async def test_objects_come_in_the_form_that_is_asked_for(self, yard: Yard):
        made = yard.create(objects.deployment("web", yard.namespace, replicas=0))
        (page,) = [page async for page in yard.cluster.pages(DEPLOYMENT, yard.namespace, form=Slim)]
        assert page[0] == [Slim(Name("web"), Size(0))]
        yard.merge(address(made), {"spec": {"replicas": 1}})
        async for _, obj in yard.cluster.watch(DEPLOYMENT, yard.namespace, page[1], form=Slim):
            assert obj.metadata.name in ("web", "")
            if obj.spec.replicas:
                break


class TestRollouts:
    """What `kubectl rollout undo` and `restart` look at."""

    async def test_every_template_has_its_replica_set_with_a_growing_revision(self, yard: Yard):
        annotations = {"kubernetes.io/change-cause": "first"}
        made = await ready_deployment(yard, annotations=annotations)
        now = yard.merge(
            address(made), {"metadata": {"annotations": {"kubernetes.io/change-cause": "second"}}} | image("x:2")
        )
        await yard.until(lambda: self.settled(yard, made), "second revision out")
        sets = {
            self.number(item): item for item in await yard.cluster.list(KINDS["ReplicaSet"], yard.namespace, "app=web")
        }
        assert sorted(sets) == [1, 2]
        causes = {n: item["metadata"]["annotations"]["kubernetes.io/change-cause"] for n, item in sets.items()}
        assert causes == {1: "first", 2: "second"}
        assert {n: item["spec"]["replicas"] for n, item in sets.items()} == {1: 0, 2: 2}
        for item in sets.values():
            digest = item["metadata"]["labels"]["pod-template-hash"]
            assert item["metadata"]["name"] == f"web-{digest}"
            assert item["spec"]["selector"]["matchLabels"]["pod-template-hash"] == digest
            assert item["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] == digest
            assert item["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] == "2"
            assert item["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"] == "3"
            assert item["metadata"]["ownerReferences"][0]["uid"] == now["metadata"]["uid"]
            assert item["metadata"]["ownerReferences"][0]["controller"] is True

    async def test_going_back_gives_the_old_replica_set_the_newest_revision(self, yard: Yard):
        made = await ready_deployment(yard)
        first = made["spec"]["template"]
        yard.merge(address(made), image("x:2"))
        await yard.until(lambda: self.settled(yard, made), "second revision out")
        back = [{"op": "replace", "path": "/spec/template", "value": first}]
        await yard.cluster.write(patch(made, back, PatchType.JSON, NONE))
        await yard.until(lambda: self.settled(yard, made), "back again")
        sets = await yard.cluster.list(KINDS["ReplicaSet"], yard.namespace, "app=web")
        assert sorted(self.number(item) for item in sets) == [2, 3]
        newest = max(sets, key=self.number)
        assert newest["spec"]["replicas"] == 2
        assert newest["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
        found = await yard.cluster.get(address(made))
        assert self.number(found) == 3

    async def test_a_restart_is_a_new_template_with_new_pods(self, yard: Yard):
        made = await ready_deployment(yard)
        before = {pod["metadata"]["uid"] for pod in await yard.cluster.list(POD, yard.namespace, "app=web")}
        annotations = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
        body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        await yard.cluster.write(patch(made, body, PatchType.STRATEGIC))
        await yard.until(lambda: self.settled(yard, made), "restarted")
        after = {pod["metadata"]["uid"] for pod in await yard.cluster.list(POD, yard.namespace, "app=web")}
        assert not before & after
        assert len(after) == 2

    @staticmethod
    def number(obj: Json) -> int:
        return int(obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"])

    @staticmethod
    def settled(yard: Yard, made: Json) -> bool:
        """Everything new is available and nothing old is left, pods that still end included."""
        found = yard.find(address(made)) or {}
        status = found.get("status") or {}
        numbers = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
        seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        return seen and numbers == {2} and status.get("terminatingReplicas", 0) == 0
