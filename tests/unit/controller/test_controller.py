"""The loop from the inbox to the cured cluster: a journal that refuses, a server that fails, processes that die."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remediator.core.events import Pause
from remediator.core.model import Mode, OutcomeStatus
from remediator.core.observations import Paused, Reloaded
from remediator.core.rules import GuardSettings, Protected, Until, When
from remediator.mailbox import Mail
from remediator.ports import Fenced
from remediator.simulation import objects
from remediator.simulation.faults import Fault, FaultKind
from tests.unit.builders import ESCALATE, matcher, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import ACCOUNT, BROKEN, GOOD, change, effects, fences, image, roll_out, shop

NAME = "undo-bad-rollout"
UNTIL = Until(for_=10.0, within=120.0)
WAY = ["incident_opened", "signal", "diagnosis", "decision", "intent", "outcome"]
WAY += ["verification", "incident_closed"]


@pytest.fixture
def house() -> Iterator[House]:
    """`shop/web` has been given a broken image two minutes ago; a controller is about to start."""
    world = shop()
    roll_out(world, BROKEN)
    world.advance(120)
    built = House(world, policy(), rule(NAME, "rollback", ESCALATE, until=UNTIL))
    yield built
    built.close()


def rehearsals(house: House) -> list:
    return house.world.audit.rehearsals(ACCOUNT)


# The way


def test_from_an_alert_in_the_inbox_to_recovery(house):
    house.start()
    house.alert()
    house.wait(60)
    assert house.kinds("leader", "rules") == WAY
    assert house.all("incident_closed")[0].reason == "recovered"
    assert (len(effects(house.world)), len(fences(house.world)), image(house.world)) == (1, 0, GOOD)
    assert house.run(house.journal.backlog()) == (0, 0), "the payload is consumed"


def test_the_write_is_in_the_journal_before_it_is_in_the_cluster(house):
    process = house.start()
    seen = []
    process.cluster.before = lambda: seen.append([record.event.kind for record in house.journal._records])
    house.alert()
    house.wait(60)
    assert [kinds[-2:] for kinds in seen] == [["decision", "intent"]]


def test_an_alert_that_came_while_nobody_was_there_waits_in_the_inbox(house):
    house.alert()
    house.start()
    house.wait(60)
    assert house.all("incident_closed")[0].reason == "recovered"


def test_the_same_alert_ten_times_and_another_name_for_it_are_one_write(house):
    house.rules = Reloaded(policy(), (rule(NAME, "rollback", until=UNTIL, when=When((matcher("namespace", "shop"),))),))
    house.start()
    for _ in range(10):
        house.alert()
        house.alert("CrashLooping", pod="web-1")
    house.wait(60)
    assert len(effects(house.world)) == 1
    assert len(house.all("incident_opened")) == 1
    assert len(house.all("signal")) == 2


def test_alerts_that_keep_coming_while_a_write_is_under_way_start_no_other(house):
    house.start()
    house.world.faults.add(Fault(FaultKind.SLOW, ACCOUNT, ("patch",), count=0, seconds=3.0))
    house.alert()
    for second in range(20):
        house.alert(pod=f"web-{second}")
        house.wait(0.5)
    house.wait(60)
    assert (len(effects(house.world)), len(fences(house.world))) == (1, 0)


def test_observing_writes_nothing_and_rehearses_once(house):
    house.rules = Reloaded(policy(mode=Mode.OBSERVE), house.rules.rules)
    house.start()
    house.alert()
    house.wait(300)
    assert house.world.audit.writes(ACCOUNT) == []
    assert len(rehearsals(house)) == 1
    assert [each.status for each in house.all("outcome")] == [OutcomeStatus.REHEARSED]
    assert image(house.world) == BROKEN


def test_what_is_protected_is_not_touched_and_nobody_is_told(house):
    house.rules = Reloaded(policy(protected=Protected(namespaces=("shop",))), house.rules.rules)
    house.start()
    house.alert()
    house.wait(300)
    assert (house.world.audit.writes(ACCOUNT), rehearsals(house), house.receiver.taken) == ([], [], [])


def test_a_step_that_does_not_help_is_told_to_a_person(house):
    house.rules = Reloaded(policy(), (rule(NAME, "restart", ESCALATE, until=UNTIL),))
    change(house.world, {"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}})
    roll_out(house.world, "registry.example/app:notready")
    house.world.advance(60)
    house.start()
    house.alert()
    house.wait(200)
    assert [(each.result, each.then) for each in house.all("verification")][-1] == ("failed", "next")
    assert [each.receiver for each in house.receiver.taken] == ["oncall"]
    assert [each.status for each in house.all("escalated")] == ["requested", "delivered"]


def test_a_message_that_is_not_taken_is_tried_again_until_it_is(house):
    house.rules = Reloaded(policy(), (rule(NAME, ESCALATE),))
    house.receiver.problem = "503"
    house.start()
    house.alert()
    house.wait(100)
    house.receiver.problem = ""
    house.wait(40)
    assert [each.status for each in house.all("escalated")] == ["requested", "undelivered", "delivered"]
    assert len(house.receiver.taken) == 1


# What breaks


def test_while_the_journal_cannot_be_written_nothing_is_done_and_then_it_goes_on(house):
    process = house.start()
    house.alert()
    house.journal.full = True
    house.wait(300)
    assert (house.world.audit.writes(ACCOUNT), process.controller.writable) == ([], False)
    house.journal.full = False
    house.wait(100)
    assert (len(effects(house.world)), process.controller.writable) == (1, True)
    assert house.all("incident_closed")[0].reason == "recovered"


def test_what_was_seen_before_the_journal_failed_is_looked_at_again_before_it_is_acted_on(house):
    process = house.start()
    rehearse = process.cluster.rehearse

    async def fills_the_disk(planned):
        house.journal.full = True
        return await rehearse(planned)

    process.cluster.rehearse = fills_the_disk
    house.alert()
    house.wait(300)
    assert house.world.audit.writes(ACCOUNT) == []
    change(house.world, {"metadata": {"labels": {"touched": "yes"}}})
    process.cluster.rehearse, house.journal.full = rehearse, False
    house.wait(100)
    assert [each.status for each in house.all("outcome")] == [OutcomeStatus.APPLIED], "planned on what is there now"


@pytest.mark.parametrize("kind", [FaultKind.UNREACHABLE, FaultKind.ERROR, FaultKind.THROTTLED])
def test_an_api_server_that_cannot_be_asked_is_no_reason_to_act_and_no_reason_to_forget(house, kind):
    house.start()
    house.world.faults.add(Fault(kind, ACCOUNT, count=0))
    house.alert()
    house.wait(600)
    assert house.kinds("leader", "rules") == []
    house.world.faults.lift()
    house.wait(100)
    assert house.all("incident_closed")[0].reason == "recovered"


def test_looks_that_bring_nothing_back_become_rare_and_say_it_once(house):
    house.start()
    house.world.faults.add(Fault(FaultKind.UNREACHABLE, ACCOUNT, ("list",), count=0))
    house.alert()
    house.wait(600)
    looks = sum(entry.request.verb == "get" for entry in house.world.audit.entries)
    assert 15 < looks < 40
    assert house.kinds("leader", "rules") == ["incident_opened", "signal", "decision"]


def test_one_errand_that_breaks_our_code_stops_nothing_else_and_is_tried_again(house):
    house.rules = Reloaded(policy(), (rule("tells", ESCALATE), rule(NAME, "rollback", until=UNTIL)))
    house.receiver.breaks = True
    house.start()
    house.alert()
    house.wait(100)
    assert [each.reason for each in house.all("incident_closed")] == ["recovered"]
    house.receiver.breaks = False
    house.wait(60)
    assert len(house.receiver.taken) == 1


def test_a_payload_that_makes_no_sense_is_said_once_and_the_next_one_counts(house):
    house.start()
    house.payload(version="3")
    house.payload(version="3")
    house.alert()
    house.wait(60)
    assert [each.status for each in house.all("signal")] == ["skipped", "firing"]
    assert house.all("incident_closed")[0].reason == "recovered"


def test_an_api_server_whose_every_answer_takes_long_does_not_hold_it_for_ever(house):
    house.world.faults.add(Fault(FaultKind.SLOW, ACCOUNT, ("get", "list", "patch"), count=0, seconds=8.0))
    house.start()
    house.alert()
    house.wait(300)
    assert [each.result for each in house.all("decision")] == ["act"]
    assert (len(effects(house.world)), image(house.world)) == (1, GOOD)


# Between the decision and the write


def test_a_pause_that_comes_between_an_intent_and_its_write_holds_the_write(house):
    process = house.start()
    append = house.journal.append

    async def paused_meanwhile(events, **more):
        records = await append(events, **more)
        if any(event.kind == "intent" for event in events):
            await process.controller._mailbox.put(Mail(Paused(Pause("p1", reason="stop"), "alice")))
        return records

    house.journal.append = paused_meanwhile
    house.alert()
    house.wait(60)
    (outcome,) = house.all("outcome")
    said = "withdrawn before it was written: pause: paused by operator:alice: stop"
    assert (outcome.status, outcome.detail) == (OutcomeStatus.NEVER_DONE, said)
    assert house.world.audit.writes(ACCOUNT) == []


def test_what_a_pause_held_back_goes_on_as_soon_as_it_is_lifted(house):
    process = house.start()
    house.run(process.controller.ask(Paused(Pause("p1"), "alice")))
    house.alert()
    house.wait(65)
    assert [each.result for each in house.all("decision")] == ["hold"]
    house.run(process.controller.ask(Paused(Pause("p1", lifted=True), "bob")))
    house.wait(1)
    assert [each.result for each in house.all("decision")] == ["hold", "act"]


@pytest.mark.parametrize(
    "said",
    [
        Paused(Pause("p1", reason="stop"), "alice"),
        Reloaded(policy(mode=Mode.OBSERVE), (rule(NAME, "rollback", ESCALATE, until=UNTIL),)),
    ],
    ids=["pause", "mode"],
)
def test_what_a_person_switches_while_a_write_is_tried_again_stops_it(house, said):
    process = house.start()
    house.world.faults.add(Fault(FaultKind.THROTTLED, ACCOUNT, ("patch",), count=0, seconds=5.0, dry_run=False))
    house.alert()
    house.wait(7)
    assert (house.kinds()[-1], effects(house.world)) == ("intent", [])
    house.run(process.controller.tell(said))
    house.world.faults.lift()
    house.wait(120)
    assert house.all("outcome")[0].status is OutcomeStatus.NEVER_DONE
    assert (effects(house.world), fences(house.world), image(house.world)) == ([], [], BROKEN)


def test_a_condition_that_does_not_hold_any_more_stops_a_write_that_is_tried_again(house):
    fresh = rule(NAME, "rollback", until=UNTIL, conditions=('target.rollout_age < duration("125s")',))
    house.rules = Reloaded(policy(), (fresh,))
    house.start()
    house.world.faults.add(Fault(FaultKind.THROTTLED, ACCOUNT, ("patch",), count=3, seconds=5.0, dry_run=False))
    house.alert()
    house.wait(60)
    (outcome,) = house.all("outcome")
    assert (outcome.status, effects(house.world)) == (OutcomeStatus.NEVER_DONE, [])
    assert "condition does not hold" in outcome.detail


# Stopping


def test_stop_waits_for_the_outcome_of_a_write_under_way_and_begins_nothing_new(house):
    house.world.create(objects.deployment("api", "shop", BROKEN))
    process = house.start()
    process.cluster.before = lambda: house.world.faults.add(Fault(FaultKind.SLOW, ACCOUNT, ("patch",), seconds=30.0))
    house.alert()
    house.wait(5)
    process.stop()
    house.alert(deployment="api")
    house.wait(10)
    assert (process.has_ended, house.all("outcome")) == (False, [])
    house.wait(30)
    assert process.has_ended
    assert [each.status for each in house.all("outcome")] == [OutcomeStatus.APPLIED]
    assert [event.kind for event in house.events() if event.target and event.target.name == "api"] == WAY[:2]
    house.wait(300)
    assert house.kinds()[-1] == "outcome"


def test_stop_without_a_write_under_way_returns_at_once(house):
    process = house.start()
    house.alert()
    house.world.faults.add(Fault(FaultKind.SLOW, ACCOUNT, ("get",), count=0, seconds=30.0))
    house.wait(5)
    process.stop()
    house.wait(0.1)
    assert process.has_ended


def test_an_intent_that_became_durable_while_stopping_is_left_to_the_next(house):
    process = house.start()
    house.world.faults.add(Fault(FaultKind.SLOW, ACCOUNT, ("patch",), seconds=5.0))
    process.cluster.before = process.stop
    house.alert()
    house.wait(60)
    assert process.has_ended
    house.start()
    house.wait(60)
    assert len(effects(house.world)) == 1
    assert house.all("incident_closed")[0].reason == "recovered"


def test_stop_does_not_wait_for_a_journal_that_cannot_be_written(house):
    process = house.start()
    house.alert()
    house.journal.full = True
    house.wait(100)
    process.stop()
    house.wait(0.1)
    assert process.has_ended
    house.journal.full = False
    house.start()
    house.wait(60)
    assert house.all("incident_closed")[0].reason == "recovered", "the payload waited in the inbox"


def test_a_write_whose_outcome_could_not_be_kept_at_the_end_is_adopted_by_the_next(house):
    process = house.start()
    process.cluster.after = lambda: setattr(house.journal, "full", True)
    house.alert()
    house.wait(60)
    process.stop()
    house.wait(0.1)
    assert process.has_ended
    house.journal.full = False
    house.start()
    house.wait(60)
    assert [each.status for each in house.all("outcome")] == [OutcomeStatus.ADOPTED]
    assert len(effects(house.world)) == 1


# Dying


@pytest.mark.parametrize(
    ("moment", "outcomes", "fenced"),
    [
        ("before", [OutcomeStatus.NEVER_DONE, OutcomeStatus.APPLIED], 1),
        ("after", [OutcomeStatus.ADOPTED], 0),
    ],
)
def test_killed_at_the_write_the_next_process_brings_it_to_one_effect_in_all(house, moment, outcomes, fenced):
    first = house.start()
    setattr(first.cluster, moment, first.kill)
    house.alert()
    house.wait(30)
    assert first.has_ended
    assert house.kinds()[-1] == "intent"
    house.start()
    house.wait(60)
    assert (len(effects(house.world)), len(fences(house.world)), image(house.world)) == (1, fenced, GOOD)
    assert [each.status for each in house.all("outcome")] == outcomes
    assert house.all("incident_closed")[0].reason == "recovered"


def test_a_write_that_arrives_after_its_process_was_killed_has_no_second_effect(house):
    first = house.start()
    first.cluster.before = lambda: house.world.faults.add(Fault(FaultKind.LATE, ACCOUNT, ("patch",), seconds=20.0))
    house.alert()
    house.wait(1)
    first.kill()
    house.start()
    house.wait(120)
    assert (len(effects(house.world)), image(house.world)) == (1, GOOD)


@pytest.mark.parametrize("seconds", [0.02, 0.5, 1, 3, 8, 15])
def test_killed_at_any_time_the_state_is_that_of_the_journal_and_the_work_goes_on(house, seconds):
    house.world.faults.add(Fault(FaultKind.SLOW, ACCOUNT, count=0, seconds=0.7))
    first = house.start()
    house.alert()
    house.wait(seconds)
    first.kill()
    house.wait(1)
    house.start()
    house.wait(120)
    assert len(effects(house.world)) == 1
    assert house.all("incident_closed")[0].reason == "recovered"


def test_who_has_lost_the_office_stops_and_writes_nothing_more(house):
    first = house.start()
    house.world.faults.add(Fault(FaultKind.SLOW, ACCOUNT, ("patch",), count=1, seconds=5.0))
    house.alert()
    house.wait(1)
    second = house.start()
    house.wait(120)
    assert isinstance(first.task.exception(), Fenced)
    assert not second.has_ended
    assert len(effects(house.world)) == 1
    assert [each.epoch for each in house.all("leader")] == [1, 2]


# Rules that change


def test_what_is_held_is_asked_about_again_when_the_rules_change(house):
    resting = rule(NAME, "rollback", until=UNTIL, guards=GuardSettings(cooldown=36000.0))
    house.rules = Reloaded(policy(), (resting,))
    process = house.start()
    house.alert()
    house.wait(60)
    roll_out(house.world, BROKEN)
    house.wait(60)
    house.alert(pod="later")
    house.wait(60)
    assert (house.all("decision")[-1].result, len(effects(house.world))) == ("hold", 1)
    house.run(process.controller.tell(Reloaded(policy(), (rule(NAME, "rollback", until=UNTIL),))))
    house.wait(60)
    assert (len(effects(house.world)), image(house.world)) == (2, GOOD)


def test_a_failed_reload_is_said_and_changes_nothing(house):
    process = house.start()
    house.run(process.controller.tell(Reloaded(policy(), (), "rules.yaml:1:1 groups: unknown key")))
    house.alert()
    house.wait(60)
    assert house.all("rules")[-1].error == "rules.yaml:1:1 groups: unknown key"
    assert house.all("incident_closed")[0].reason == "recovered"
