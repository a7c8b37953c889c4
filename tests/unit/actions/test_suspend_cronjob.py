"""Action `suspend_cronjob`: no further Jobs."""

from __future__ import annotations

import pytest

from remediator.actions.suspend_cronjob import ACTION
from remediator.core.model import Json
from tests.unit.actions.acting import Yard, intent_of, planned, refused, undo


def cron_job() -> Json:
    template = {
        "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:1"}], "restartPolicy": "Never"}}}
    }
    spec = {"schedule": "0 3 * * *", "jobTemplate": template}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "report", "namespace": "shop"},
        "spec": spec,
    }


def test_it_is_suspended_and_the_undo_lets_it_run_again():
    yard = Yard(cron_job())
    change = planned(ACTION, yard.live)
    live = yard.write(change)
    assert live["spec"]["suspend"] is True
    assert ACTION.kept(intent_of(ACTION, change), live)
    assert yard.write(undo(ACTION, change, live))["spec"]["suspend"] is False


def test_one_that_is_suspended_is_refused_and_stays_a_persons():
    yard = Yard(cron_job())
    live = yard.somebody_patches({"spec": {"suspend": True}})
    assert refused(ACTION, live).reason == "it is suspended already"


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({}, ""),
        ({"for": "1h30m"}, "for is not supported yet: it would stay suspended"),
        ({"until": "1h"}, "unknown argument 'until'"),
    ],
)
def test_arguments(args, wrong):
    found = ACTION.check(args)
    assert (found == ()) is (wrong == "")
    assert not wrong or found[0].startswith(wrong)
