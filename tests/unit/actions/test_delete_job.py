"""Action `delete_job`: the Job goes, and its pods with it."""

from __future__ import annotations

from remediator.actions.delete_job import ACTION
from remediator.core.kinds import ref_of
from remediator.core.model import Verb
from remediator.simulation import objects
from tests.unit.actions.acting import Yard, planned


def test_job_and_pods_go():
    yard = Yard(objects.job("report", "shop", "registry.example/task:hang"))
    assert pods(yard) == 1
    change = planned(ACTION, yard.live)
    assert change.verb is Verb.DELETE
    assert change.precondition.uid == yard.target.uid
    yard.world.server.delete(
        ref_of(yard.target), change.precondition, propagation=change.body["deleteOptions"]["propagationPolicy"]
    )
    yard.world.advance(60)
    assert pods(yard) == 0


def pods(yard: Yard) -> int:
    return len(list(yard.world.store.rewound("Pod", "shop", yard.world.store.revision)))


def test_it_takes_no_arguments_and_is_proven_by_the_jobs_absence():
    assert ACTION.check({"cascade": "orphan"})
    assert (ACTION.removes, ACTION.undo) == (True, None)
