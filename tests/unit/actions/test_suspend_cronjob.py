"""Action `suspend_cronjob`: no further Jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remediator.actions.suspend_cronjob import ACTION
from remediator.core.events import Pause
from remediator.core.kinds import KINDS
from remediator.core.model import Json, Mode, PatchType, Ref
from remediator.core.observations import Paused, Reloaded
from remediator.core.rules import Rule, Step, TargetSpec, Until, When
from remediator.simulation.world import World
from tests.unit.actions.acting import Yard, intent_of, planned, refused, undo
from tests.unit.builders import ESCALATE, matcher, policy, rule
from tests.unit.controller.house import House, Process
from tests.unit.playing import ACCOUNT


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
        ({"for": "1h30m"}, ""),
        ({"for": "0s"}, "for is 0: it would not be suspended at all"),
        ({"for": "1500ms"}, "for is '1500ms': it is in whole seconds"),
        ({"for": "soon"}, "for "),
        ({"for": 3600}, "for is 3600: write a duration"),
        ({"until": "1h"}, "unknown argument 'until'"),
    ],
)
def test_arguments(args, wrong):
    found = ACTION.check(args)
    assert (found == ()) is (wrong == "")
    assert not wrong or found[0].startswith(wrong)


# With `for`, over restarts: the journal keeps when it is given back

CRON_JOB = Ref(KINDS["CronJob"], "shop", "report")


def suspending(args: Json | None = None, **fields: object) -> Rule:
    ladder = (Step("suspend_cronjob", args if args is not None else {"for": "2h"}), ESCALATE)
    given = {"when": When((matcher("alertname", "Stuck"),)), "target": TargetSpec("CronJob"), "until": Until(for_=1.0)}
    return rule("quiet", *ladder, **(given | fields))


@pytest.fixture
def house() -> Iterator[House]:
    world = World(namespaces=("kube-system", "shop"))
    world.create(cron_job())
    world.advance(3600)
    built = House(world, policy(), suspending())
    yield built
    built.close()


def begin(house: House) -> Process:
    process = house.start()
    house.alert(deployment="", cronjob="report")
    house.wait(30)
    return process


def suspended(house: House) -> list[bool]:
    """Each time the product suspended it (True) or let it run again (False)."""
    writes = [each.request for each in house.world.audit.writes(ACCOUNT) if each.request.kind == "CronJob"]
    return [bool(each.body["spec"].get("suspend")) for each in writes if "spec" in each.body]


def test_it_runs_again_when_the_time_is_over_and_not_before(house):
    begin(house)
    house.wait(2 * 3600 - 60)
    assert suspended(house) == [True]
    house.wait(120)
    assert suspended(house) == [True, False]
    assert [each.reason for each in house.all("incident_closed")] == ["recovered"]
    assert (house.all("escalated"), house.all("undo")) == ([], [])


def test_without_a_time_it_is_one_write_and_nobody_takes_it_back(house):
    house.rules = Reloaded(house.rules.policy, (suspending({}),))
    begin(house)
    house.wait(24 * 3600)
    assert suspended(house) == [True]
    assert [each.part for each in house.all("intent")] == [0]


def test_a_service_that_was_down_when_it_was_due_still_gives_it_back_once(house):
    begin(house).kill()
    house.wait(10 * 3600)
    house.start()
    house.wait(60)
    assert suspended(house) == [True, False]
    assert [each.reason for each in house.all("incident_closed")] == ["recovered"]


@pytest.mark.parametrize(("write", "moment"), [(w, m) for w in (1, 2) for m in ("before", "after")])
def test_a_process_killed_around_either_write_loses_none_and_doubles_none(house, write, moment):
    process, count = house.start(), iter(range(1, 100))
    setattr(process.cluster, moment, lambda: process.kill() if next(count) == write else None)
    house.alert(deployment="", cronjob="report")
    house.wait(2 * 3600 + 60)
    house.start()
    house.wait(3 * 3600)
    assert suspended(house) == [True, False]
    assert [each.reason for each in house.all("incident_closed")] == ["recovered"]


def test_neither_the_signals_end_nor_a_pause_keeps_it_suspended(house):
    process = begin(house)
    house.alert(status="resolved", deployment="", cronjob="report")
    house.loop.start(process.controller.tell(Paused(Pause("stop", reason="maintenance"), "alice")), process.group)
    house.wait(2 * 3600 + 60)
    assert suspended(house) == [True, False]


def test_while_it_is_suspended_it_takes_no_place_in_flight_but_stays_in_hand(house):
    process = begin(house)
    assert dict(process.controller.state.in_flight) == {}
    assert list(process.controller.state.hands) == ["CronJob/shop/report"]


def test_somebody_who_lets_it_run_again_by_hand_is_left_alone(house):
    begin(house)
    house.world.server.patch(CRON_JOB, {"spec": {"suspend": False}}, PatchType.MERGE)
    house.wait(3 * 3600)
    assert suspended(house) == [True]
    assert [each.target for each in house.all("pause")] == ["CronJob/shop/report"]


def test_one_that_is_deleted_meanwhile_ends_it(house):
    begin(house)
    house.world.server.delete(CRON_JOB)
    house.wait(3 * 3600)
    assert [each.reason for each in house.all("incident_closed")] == ["cancelled"]


def test_a_mode_that_is_lowered_keeps_it_as_it_is_and_tells_a_person(house):
    process = begin(house)
    told = process.controller.tell(Reloaded(policy(mode=Mode.OBSERVE), house.rules.rules))
    house.loop.start(told, process.group)
    house.wait(3 * 3600)
    assert suspended(house) == [True]
    assert "the mode is observe by now" in house.all("verification")[-1].detail
