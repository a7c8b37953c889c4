"""What may go wrong between the product and the API server, on command; and the audit log that tells what was done."""

from __future__ import annotations

import asyncio

import pytest

from remediator.core.model import Change, Json, Precondition, Verb
from remediator.ports import ClusterError, Conflict, Forbidden, OutcomeUnknown, Throttled, Unavailable
from remediator.simulation import objects
from remediator.simulation.faults import Fault, FaultKind
from tests.simulation.worlds import SHOP, at, get, merge, running, world

NONE = Precondition("", "")
SCALE = Change(Verb.PATCH, at("Deployment", "web"), {"spec": {"replicas": 7}}, NONE)


def replicas(w) -> int:
    return get(w, "Deployment", "web")["spec"]["replicas"]


@pytest.mark.parametrize(
    ("kind", "error", "done", "codes"),
    [
        (FaultKind.CONFLICT, Conflict, False, [409]),
        (FaultKind.THROTTLED, Throttled, False, [429]),
        (FaultKind.ERROR, Unavailable, False, [500]),
        (FaultKind.UNREACHABLE, Unavailable, False, []),
        (FaultKind.LOST_ANSWER, OutcomeUnknown, True, [200]),
        (FaultKind.LOST_REQUEST, OutcomeUnknown, False, []),
    ],
)
async def test_a_write_fails_as_told(kind: FaultKind, error: type[ClusterError], done: bool, codes: list[int]):
    w = world()
    running(w)
    w.faults.add(Fault(kind))
    cluster = w.cluster("me")
    with pytest.raises(error):
        await cluster.write(SCALE)
    assert (replicas(w) == 7) is done
    assert [entry.code for entry in w.audit.entries] == codes
    assert w.faults.injected == {kind: 1}
    await cluster.write(SCALE)
    assert replicas(w) == 7


async def test_a_late_write_is_carried_out_after_it_was_given_up():
    w = world()
    made = running(w)
    seen = Precondition(made["metadata"]["uid"], made["metadata"]["resourceVersion"])
    w.faults.add(Fault(FaultKind.LATE, seconds=30))
    with pytest.raises(OutcomeUnknown):
        await w.cluster("me").write(Change(Verb.PATCH, SCALE.ref, SCALE.body, seen))
    w.advance(29)
    assert replicas(w) == 3
    w.advance(1)
    assert replicas(w) == 7


async def test_a_fence_keeps_a_late_write_out():
    w = world()
    made = running(w)
    seen = Precondition(made["metadata"]["uid"], made["metadata"]["resourceVersion"])
    w.faults.add(Fault(FaultKind.LATE, seconds=30))
    with pytest.raises(OutcomeUnknown):
        await w.cluster("me").write(Change(Verb.PATCH, SCALE.ref, SCALE.body, seen))
    merge(w, "Deployment", "web", {"metadata": {"annotations": {"remediator.io/epoch": "2"}}})
    w.advance(60)
    assert replicas(w) == 3
    assert [entry.code for entry in w.audit.entries] == [409]


async def test_a_stale_read_answers_the_past():
    w = world()
    made = running(w)
    w.faults.add(Fault(FaultKind.STALE, revisions=1), Fault(FaultKind.STALE, verbs=("list",), revisions=1))
    merge(w, "Deployment", "web", {"spec": {"replicas": 7}})
    cluster = w.cluster("me")
    assert (await cluster.get(SCALE.ref))["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert (await cluster.get(SCALE.ref))["spec"]["replicas"] == 7
    assert [item["spec"]["replicas"] for item in await cluster.list(SCALE.ref.resource)] == [3]


async def test_a_slow_request_takes_virtual_time():
    w = world()
    running(w)
    w.faults.add(Fault(FaultKind.SLOW, seconds=5))
    writing = asyncio.create_task(w.cluster("me").write(SCALE))
    await asyncio.sleep(0)
    w.advance(4)
    await asyncio.sleep(0)
    assert not writing.done()
    w.advance(1)
    await writing
    assert replicas(w) == 7


async def test_faults_fit_by_account_verb_and_kind_and_last_until_lifted():
    w = world()
    running(w)
    w.faults.add(Fault(FaultKind.UNREACHABLE, account="me", verbs=("get",), kinds=("Deployment",), count=0))
    me, other = w.cluster("me"), w.cluster("other")
    await other.get(SCALE.ref)
    await me.get(at("Namespace", SHOP))
    for _ in range(3):
        with pytest.raises(Unavailable):
            await me.get(SCALE.ref)
    w.faults.lift(FaultKind.UNREACHABLE)
    await me.get(SCALE.ref)


async def test_the_audit_log_tells_writes_from_rehearsals_and_refusals():
    w = world()
    running(w)
    me = w.cluster("me")
    await me.rehearse(SCALE)
    with pytest.raises(Conflict):
        await me.write(Change(Verb.PATCH, SCALE.ref, SCALE.body, Precondition("", "1")))
    await me.write(SCALE)
    await w.cluster("other").write(Change(Verb.DELETE, SCALE.ref, {}, NONE))
    assert [(entry.request.verb, entry.request.name) for entry in w.audit.writes("me")] == [("patch", "web")]
    assert [entry.request.body for entry in w.audit.rehearsals("me")] == [SCALE.body]
    assert [entry.code for entry in w.audit.entries] == [200, 409, 200, 200]


async def test_an_account_without_the_right_is_told_which_one_it_lacks():
    w = world()
    running(w)
    w.authorise = lambda request: request.verb in ("get", "list")
    me = w.cluster("system:serviceaccount:remediator:remediator")
    pod = (await me.list(at("Pod", "").resource, SHOP))[0]
    with pytest.raises(Forbidden) as error:
        await me.write(SCALE)
    assert error.value.message == (
        "the account lacks a right, add to the rules of a Role in the namespace shop: "
        '- {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"], resourceNames: ["web"]} '
        '(deployments.apps "web" is forbidden: User "system:serviceaccount:remediator:remediator" cannot patch '
        'resource "deployments" in API group "apps" in the namespace "shop")'
    )
    with pytest.raises(Forbidden, match='cannot create resource "pods/eviction" in API group ""'):
        await me.rehearse(Change(Verb.EVICT, at("Pod", pod["metadata"]["name"]), {}, NONE))


async def test_an_admission_hook_may_refuse():
    def no_big_ones(operation: str, new: Json, old: Json | None) -> None:
        if new["kind"] == "Deployment" and new["spec"]["replicas"] > 5:
            raise Forbidden('admission webhook "size" denied the request: too big', status=403, reason="Forbidden")

    w = world()
    running(w)
    w.server.hooks.append(no_big_ones)
    for attempt in (w.cluster("me").rehearse, w.cluster("me").write):
        with pytest.raises(Forbidden, match="too big"):
            await attempt(SCALE)
    assert replicas(w) == 3


async def test_nothing_new_begins_in_a_namespace_that_is_being_deleted():
    w = world()
    running(w)
    w.server.delete(at("Namespace", SHOP))
    obj = objects.pod("late", SHOP)
    with pytest.raises(Forbidden, match="being terminated"):
        await w.cluster("me").write(Change(Verb.CREATE, at("Pod", "late"), obj, NONE))
