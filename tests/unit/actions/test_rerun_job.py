"""Action `rerun_job`: deleted, then created under its name from its own manifest."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import FENCE, REMEDIATION, Done, Order, Wait
from remediator.actions.rerun_job import ACTION, manifest
from remediator.core.kinds import ref_of
from remediator.core.model import Change, OutcomeStatus, Refusal, Verb, as_json
from remediator.core.progress import Written
from remediator.core.rules import Step, TargetSpec, When
from remediator.core.snapshot import Facts, Snapshot
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.unit.actions.acting import ID, Yard, planned, refused, seen
from tests.unit.builders import ESCALATE, START, matcher, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import ACCOUNT

GONE = Snapshot(Facts(START, exists=False))


def failed() -> Yard:
    return Yard(objects.job("report", "shop", "registry.example/task:fail", backoffLimit=0))


def done(change: Change) -> tuple[Written, ...]:
    prior = as_json(change.prior)
    return (Written(ID, change.verb, change.ref, change.precondition.uid, OutcomeStatus.APPLIED, prior),)


def following(yard: Yard, change: Change, snapshot: Snapshot):
    return ACTION.plan(Order("incident-1-2", yard.target, {}, snapshot, done=done(change)))


def test_a_failed_one_runs_again_under_its_name():
    yard = failed()
    first = planned(ACTION, yard.live)
    assert (first.verb, first.precondition.uid) == (Verb.DELETE, yard.target.uid)
    assert isinstance(following(yard, first, seen(yard.live)), Wait), "it is still there"
    yard.world.server.delete(ref_of(yard.target), first.precondition)
    yard.world.advance(60)

    second = following(yard, first, GONE)
    assert (second.verb, second.ref) == (Verb.CREATE, first.ref)
    yard.world.server.create(second.body)
    yard.world.advance(60)
    assert yard.live["metadata"]["uid"] != yard.target.uid
    assert yard.live["metadata"]["annotations"] == {REMEDIATION: "incident-1-2"}
    assert yard.live["status"]["failed"] == 1, "it ran once more, and failed once more"


def test_it_ends_when_our_own_job_stands_there():
    yard = failed()
    first = planned(ACTION, yard.live)
    successor = replace(seen({**yard.live, "metadata": {**yard.live["metadata"], "uid": "new"}}))
    assert isinstance(following(yard, first, successor), Refusal), "somebody else's"
    successor.live["metadata"]["annotations"] = {REMEDIATION: ID}
    assert isinstance(following(yard, first, successor), Done)


def test_one_that_runs_still_is_refused():
    yard = Yard(objects.job("report", "shop", "registry.example/task:hang"))
    assert refused(ACTION, yard.live).reason.startswith("it has neither failed nor completed")


def test_the_manifest_is_without_what_the_cluster_put_there():
    live = failed().live
    live["metadata"]["annotations"] = {REMEDIATION: "an-earlier-one", FENCE: "another"}
    live["metadata"]["labels"] = {"app": "report", "batch.kubernetes.io/controller-uid": "u", "job-name": "report"}
    live["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    live["spec"]["template"]["metadata"] = {"labels": {"job": "report", "controller-uid": "u"}}
    found = manifest(live)
    assert found["metadata"] == {"name": "report", "namespace": "shop", "labels": {"app": "report"}}
    assert "selector" not in found["spec"]
    assert found["spec"]["template"]["metadata"] == {"labels": {"job": "report"}}
    assert "status" not in found


def test_its_writes_are_told_beforehand():
    yard = failed()
    order = Order(ID, yard.target, {}, seen(yard.live))
    assert ACTION.outlook(order) == ("delete Job/shop/report", "create Job/shop/report again")
    assert ACTION.check({"name": "again"})


@pytest.mark.parametrize(("write", "moment"), [(w, m) for w in (1, 2) for m in ("before", "after")])
@pytest.mark.parametrize("down_for", [10.0, 3600.0])
def test_a_job_that_was_deleted_is_created_again_however_long_nobody_was_there(write, moment, down_for):
    world = World(namespaces=("kube-system", "shop"))
    world.create(objects.job("report", "shop", "registry.example/task:fail", backoffLimit=0))
    world.advance(3600)
    ladder = (Step("rerun_job"), ESCALATE)
    rerun = rule("rerun", *ladder, when=When((matcher("alertname", "Stuck"),)), target=TargetSpec("Job"))
    house = House(world, policy(), rerun)
    process, count = house.start(), iter(range(1, 100))
    setattr(process.cluster, moment, lambda: process.kill() if next(count) == write else None)
    house.alert(deployment="", job_name="report")
    house.wait(20)
    house.wait(down_for)
    house.start()
    house.wait(120)
    verbs = [each.request.verb for each in world.audit.writes(ACCOUNT) if each.request.kind == "Job"]
    assert [verb for verb in verbs if verb != "patch"] == ["delete", "create"], "a fence may be a patch"
    house.close()


def rerunning(*, creates: bool) -> House:
    """A failed Job that is run again, and fails again, or that the API server does not take a second time."""
    world = World(namespaces=("kube-system", "shop"))
    world.create(objects.job("report", "shop", "registry.example/task:fail", backoffLimit=0))
    world.advance(3600)
    refused = ACCOUNT, "create", "Job"
    world.authorise = lambda request: creates or (request.account, request.verb, request.kind) != refused
    ladder = (Step("rerun_job"), ESCALATE)
    return House(
        world, policy(), rule("rerun", *ladder, when=When((matcher("alertname", "Stuck"),)), target=TargetSpec("Job"))
    )


@pytest.mark.parametrize(("creates", "verbs"), [(True, ["delete", "create"]), (False, ["delete"])])
def test_a_job_that_fails_again_or_could_not_be_made_anew_reaches_a_person(creates, verbs):
    """Its target is gone by our own hand: that is no reason to end its incident and say nothing."""
    house = rerunning(creates=creates)
    house.start()
    house.alert(deployment="", job_name="report")
    house.wait(1500)
    written = house.world.audit.writes(ACCOUNT)
    assert [each.request.verb for each in written if each.request.kind == "Job"] == verbs
    assert [each.status for each in house.all("escalated")] == ["requested", "delivered"]
    assert house.all("incident_closed") == []
    house.close()
