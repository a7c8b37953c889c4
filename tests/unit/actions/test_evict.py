"""Action `evict`: one pod, this very one, by the eviction API."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION
from remediator.actions.evict import ACTION
from remediator.core.model import Json, Precondition, Verb
from tests.unit.actions.acting import ID, planned, refused


def pod(owned: bool = True, **annotations: str) -> Json:
    meta = {"name": "web-1", "namespace": "shop", "uid": "uid-pod", "resourceVersion": "7", "annotations": annotations}
    if owned:
        meta["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}]
    return {"kind": "Pod", "metadata": meta, "spec": {}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ({}, {}),
        ({"grace_period": "30s"}, {"gracePeriodSeconds": 30}),
        ({"grace_period": "0s"}, {"gracePeriodSeconds": 0}),
    ],
)
def test_it_is_evicted_as_it_was_read(args, options):
    change = planned(ACTION, pod(), args)
    assert (change.verb, change.precondition) == (Verb.EVICT, Precondition("uid-pod", "7"))
    assert change.body == {"deleteOptions": options, "metadata": {"annotations": {REMEDIATION: ID}}}


def test_what_nobody_would_make_anew_is_refused():
    assert refused(ACTION, pod(owned=False)).reason == "no controller owns it: it would be gone for good"
    assert refused(ACTION, pod(**{"kubernetes.io/config.mirror": "x"})).reason.startswith("it is a static pod")


@pytest.mark.parametrize("args", [{"grace_period": 30}, {"grace_period": "500ms"}, {"timeout": "1m"}])
def test_arguments(args):
    assert ACTION.check(args)


def test_what_proves_it_is_that_the_pod_is_gone_and_there_is_nothing_to_undo():
    assert (ACTION.kinds, ACTION.removes, ACTION.undo) == (("Pod",), True, None)
