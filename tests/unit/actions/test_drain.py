"""Action `drain`: which pods go, in which order, what forbids it and what is waited for, as kubectl's drain does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remediator.actions.action import REMEDIATION, Done, Wait
from remediator.actions.drain import ACTION, ARGUMENTS
from remediator.core.cordoning import CORDONED
from remediator.core.model import Change, OutcomeStatus, Precondition, Refusal, Verb
from remediator.core.progress import Written
from tests.unit.actions.nodes import ID, NODE, node, order, pod, set_by, snapshot, undo_order
from tests.unit.builders import at

AGENT = {"metadata": {"namespace": "shop", "name": "its-owner"}}
EMPTY_DIR = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
MIRROR = {"annotations": {"kubernetes.io/config.mirror": "hash"}}


def plan(*pods, cordoned=True, held=None, ready="True", daemon_sets=(AGENT,), **args):
    return ACTION.plan(order(snapshot(node(unschedulable=cordoned, ready=ready), pods, daemon_sets, held), **args))


def test_the_cordon_comes_first():
    change = plan(pod("web"), cordoned=False)
    assert (change.verb, change.ref.name) == (Verb.PATCH, "node-1")
    assert change.body == {
        "metadata": {"annotations": {REMEDIATION: ID, CORDONED: ID}},
        "spec": {"unschedulable": True},
    }
    assert change.prior == {"unschedulable": False}


def test_then_one_pod_after_the_other_in_the_order_of_their_names_each_by_its_uid():
    change = plan(pod("web-2"), pod("web-1"), pod("api", namespace="zoo"))
    assert (change.verb, change.ref.namespace, change.ref.name) == (Verb.EVICT, "shop", "web-1")
    assert change.precondition == Precondition("uid-web-1", "7")
    assert change.body == {"metadata": {"annotations": {REMEDIATION: ID}}, "deleteOptions": {}}


def test_a_grace_period_travels_with_each_eviction():
    assert plan(pod("web"), grace_period="30s").body["deleteOptions"] == {"gracePeriodSeconds": 30}


GOES, STAYS = "goes", "stays"


@pytest.mark.parametrize(
    ("one", "args", "expected"),
    [
        (pod("web"), {}, GOES),
        (pod("web", "StatefulSet"), {}, GOES),
        (pod("web", "Job"), {}, GOES),
        (pod("web", spec={"priorityClassName": "system-cluster-critical"}), {}, GOES),
        (pod("agent", "DaemonSet"), {}, STAYS),
        (pod("agent", "DaemonSet", spec=EMPTY_DIR), {}, STAYS),
        (pod("agent", "DaemonSet"), {"ignore_daemonsets": False}, "belongs to the DaemonSet its-owner"),
        (pod("agent", "DaemonSet", namespace="zoo"), {}, "belongs to the DaemonSet its-owner, which is gone"),
        (pod("agent", "DaemonSet", phase="Succeeded"), {"ignore_daemonsets": False}, GOES),
        (pod("etcd", "Node", **MIRROR), {}, STAYS),
        (pod("etcd", "", spec=EMPTY_DIR, **MIRROR), {}, STAYS),
        (pod("etcd", "", phase="Failed", **MIRROR), {}, STAYS),
        (pod("cache", spec=EMPTY_DIR), {}, "has local storage, which would be lost"),
        (pod("cache", spec=EMPTY_DIR), {"delete_empty_dir": True}, GOES),
        (pod("cache", spec=EMPTY_DIR, phase="Failed"), {}, GOES),
        (pod("lonely", ""), {}, "has no controller: nobody would start it anew"),
        (pod("lonely", "", spec=EMPTY_DIR), {"delete_empty_dir": True}, "has no controller"),
        (pod("lonely", "", phase="Succeeded"), {}, GOES),
        (pod("mine", annotations={"remediator.io/exclude": "true"}), {}, "has opted out"),
        (pod("mine", annotations={"remediator.io/exclude": "yes, please"}), {}, "has opted out"),
        (pod("mine", annotations={"remediator.io/exclude": "false"}), {}, GOES),
    ],
)
def test_which_pods_go_stay_and_forbid_it(one, args, expected):
    planned = plan(one, **args)
    if expected == GOES:
        assert isinstance(planned, Change)
    elif expected == STAYS:
        assert isinstance(planned, Done)
    else:
        assert isinstance(planned, Refusal)
        assert expected in planned.reason


def test_what_forbids_it_is_said_before_anything_is_written_and_all_of_it():
    refused = plan(pod("lonely", ""), pod("cache", spec=EMPTY_DIR), pod("web"), cordoned=False)
    assert isinstance(refused, Refusal)
    assert "shop/cache has local storage" in refused.reason
    assert "shop/lonely has no controller" in refused.reason


def test_a_pod_that_may_not_go_is_passed_over_for_the_others():
    assert plan(pod("a"), pod("b"), held={"uid-a": "its budget is used up"}).ref.name == "b"


def test_where_none_may_go_the_api_server_is_asked_again_as_kubectl_does():
    waits = plan(pod("a"), held={"uid-a": "its budget is used up"})
    assert waits == Wait("1 pods may not go now: shop/a: its budget is used up", at(5))


def test_the_last_ones_end_is_waited_for():
    going = pod("a", deletionTimestamp="2026-01-01T12:00:30Z")
    assert plan(going) == Wait("1 pods are ending: shop/a", at(2))
    assert isinstance(plan(), Done)


@pytest.mark.parametrize(
    ("ready", "ends", "over"),
    [("True", 0, False), ("Unknown", 0, True), ("False", 0, True), ("Unknown", 1, False)],
)
def test_on_a_node_that_is_not_ready_nobody_says_that_a_pod_has_ended(ready, ends, over):
    """Its grace must be over (inclusive); on a node that is ready the kubelet has the last word."""
    going = pod("a", deletionTimestamp=(at(0) + timedelta(seconds=ends)).isoformat())
    assert isinstance(plan(going, ready=ready), Done) is over


def test_the_outlook_names_every_write_that_is_left():
    seen = snapshot(node(), [pod("b"), pod("a"), pod("c", deletionTimestamp="2026-01-01T12:00:30Z")])
    assert ACTION.outlook is not None
    assert ACTION.outlook(order(seen)) == ("cordon Node/node-1", "evict shop/a", "evict shop/b")


def cordoned_by_this_drain() -> Written:
    change = plan(pod("web"), cordoned=False)
    return Written(ID, Verb.PATCH, change.ref, NODE.uid, OutcomeStatus.APPLIED, change.prior)


OURS = {"annotations": {CORDONED: ID}, "managedFields": set_by("remediator")}


@pytest.mark.parametrize(
    ("live", "did", "lifted"),
    [
        (node(unschedulable=True, **OURS), True, True),
        (node(unschedulable=True, **OURS), False, False),
        (node(unschedulable=True, annotations={CORDONED: ID}, managedFields=set_by("kubectl")), True, False),
        (node(), True, False),
    ],
    ids=["this drain's", "of before", "set anew by hand", "lifted by hand"],
)
def test_the_undo_lifts_the_cordon_that_this_drain_set(live, did, lifted):
    done = (cordoned_by_this_drain(),) if did else ()
    planned = ACTION.undo(undo_order(live, plan(pod("web")), "drain", done))
    assert isinstance(planned, Change) is lifted


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({}, ()),
        ({"timeout": "15m", "ignore_daemonsets": False, "delete_empty_dir": True, "grace_period": "30s"}, ()),
        ({"force": True}, (f"unknown argument 'force': drain takes {', '.join(ARGUMENTS)}",)),
        ({"timeout": 600}, ("timeout is 600: write a duration, as in 10m",)),
        ({"timeout": "ten"}, ("timeout `ten` is not a duration: write it as Prometheus does: 30s, 5m, 1h30m",)),
        ({"timeout": "0"}, ("timeout is 0: a drain takes some time; kubectl's endless wait is not offered",)),
        ({"grace_period": "500ms"}, ("grace_period is '500ms': it is in whole seconds",)),
        ({"ignore_daemonsets": "yes"}, ("ignore_daemonsets is 'yes': it is true or false",)),
    ],
)
def test_arguments(args, wrong):
    assert ACTION.check(args) == wrong


@pytest.mark.parametrize(("args", "seconds"), [({}, 600.0), ({"timeout": "90s"}, 90.0)])
def test_it_may_last_as_long_as_its_timeout(args, seconds):
    assert ACTION.lasts is not None
    assert ACTION.lasts(args) == seconds


def test_it_reads_the_nodes_own_pods_and_no_others():
    assert ACTION.reads is not None
    pods, daemon_sets = ACTION.reads(NODE, node(), {})
    assert (pods.resource.kind, pods.fields, daemon_sets.resource.kind) == ("Pod", "spec.nodeName=node-1", "DaemonSet")
