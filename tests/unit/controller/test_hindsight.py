"""Why: each decision of a journal is decided again from the journal alone, and comes out the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from msgspec.structs import replace

from remediator.core.events import Decision, Pause
from remediator.core.guarding import GuardSettings, StormSettings, instead, unsaid
from remediator.core.model import Mode
from remediator.core.observations import Paused
from remediator.core.rules import Until
from remediator.hindsight import explain
from remediator.recovery import restore
from remediator.repeat import Supposed, Supposition, repeat
from remediator.views import Explanation
from tests.unit.builders import ESCALATE, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import BROKEN, roll_out, shop

NAME = "undo-bad-rollout"


@pytest.fixture
def house() -> Iterator[House]:
    """A roll-back that a pause held back for a while, and that was then done and helped."""
    world = shop()
    roll_out(world, BROKEN)
    world.advance(120)
    built = House(world, policy(), rule(NAME, "rollback", ESCALATE, until=Until(for_=10.0, within=120.0)))
    process = built.start()
    built.run(process.controller.ask(Paused(Pause("p1", reason="migration"), "alice")))
    built.alert()
    built.wait(65)
    built.run(process.controller.ask(Paused(Pause("p1", lifted=True), "bob")))
    built.wait(60)
    yield built
    built.close()


def why(house: House, name: str, at=None) -> Explanation:
    found = house.run(explain(house.journal, house.processes[0].controller.state, name, at))
    assert found is not None
    return found


def test_the_last_decision_of_a_rule_is_told_and_repeated(house: House) -> None:
    found = why(house, NAME)
    assert (found.result, found.action, found.target) == ("act", "rollback", "Deployment/shop/web")
    assert (found.repeated, found.differs, found.why_not_repeated) == (True, (), "")
    assert found.asked_again == len(found.verdicts) - 2, "all but what was planned and rehearsed"
    assert any("intent" in line for line in found.followed)
    assert "closed: recovered" in found.followed[-1]


def test_an_earlier_one_is_told_by_its_time(house: House) -> None:
    held, acted = (event for event in house.events() if event.kind == "decision")
    found = why(house, held.incident, acted.time - (acted.time - held.time) / 2)
    assert (found.result, found.repeated) == ("hold", True)
    assert [each.reason for each in found.verdicts if not each.allows] == ["paused by operator:alice: migration"]
    assert why(house, held.incident, held.time).seq == found.seq, "inclusive"


def test_every_decision_of_the_journal_comes_out_the_same(house: House) -> None:
    for record in house.run(house.journal.read()):
        if isinstance(record.event.data, Decision):
            before = house.run(restore(house.journal, before=record.seq))
            assert before.seq == record.seq - 1
            again = repeat(before.state, record.event.incident, record.event.data, record.event.time)
            assert (again.result, again.differs) == (record.event.data.result, ())


def supposed(house: House, name: str, at: datetime, what: Supposed) -> Supposition:
    found = house.run(explain(house.journal, house.processes[0].controller.state, name, at, what))
    assert found is not None
    assert found.supposed is not None
    return found.supposed


def test_what_it_would_have_been_under_other_settings(house: House) -> None:
    held, acted = (event for event in house.events() if event.kind == "decision")
    denied = supposed(house, NAME, acted.time, Supposed(mode=Mode.OFF))
    assert denied.result == "deny"
    assert denied.differs == ("mode: allow then (mode is enforce), deny if so (switched off)",)
    waits = supposed(house, NAME, acted.time, Supposed(GuardSettings(startup_grace=86400.0)))
    assert (waits.result, [each.guard for each in waits.verdicts if not each.allows]) == ("hold", ["startup_grace"])
    same = supposed(house, NAME, held.time, Supposed(GuardSettings(cooldown=1.0)))
    assert (same.result, same.differs) == ("hold", ())


@pytest.mark.parametrize(("mode", "result"), [(Mode.OBSERVE, "observe"), (Mode.APPROVE, "await_approval")])
def test_a_lower_mode_would_have_done_less(house: House, mode: Mode, result: str) -> None:
    acted = [event for event in house.events() if event.kind == "decision"][-1]
    assert supposed(house, NAME, acted.time, Supposed(mode=mode)).result == result


def test_a_supposition_counts_though_the_settings_are_stricter() -> None:
    """What is supposed stands in the place of what is written, whichever is the stricter."""
    said = GuardSettings(cooldown=5.0, storm=StormSettings(share=10))
    assert instead(GuardSettings(cooldown=900.0, storm=StormSettings(at_least=7)), said) == replace(
        said, storm=StormSettings(share=10, at_least=7)
    )
    assert unsaid(GuardSettings(cooldown=900.0, startup_grace=1.0), said) == GuardSettings(startup_grace=1.0)


def test_one_that_comes_out_otherwise_says_by_what(house: House) -> None:
    (record,) = [each for each in house.run(house.journal.read()) if getattr(each.event.data, "result", "") == "act"]
    before = house.run(restore(house.journal, before=record.seq)).state
    paused = replace(before, pauses=house.run(restore(house.journal, before=record.seq - 3)).state.pauses)
    found = repeat(paused, record.event.incident, record.event.data, record.event.time)
    assert found.result == "hold"
    assert found.differs[0].startswith("pause: allow then (nothing is paused), hold now (paused by operator:alice")
    assert found.differs[-1] == "the result: act then, hold now"


@pytest.mark.parametrize("evidence", [{"taken_at": "never"}, {"taken_at": 5, "ready": []}])
def test_facts_of_another_form_are_not_guessed_at(house: House, evidence: dict) -> None:
    (record,) = [each for each in house.run(house.journal.read()) if getattr(each.event.data, "result", "") == "act"]
    state = house.run(restore(house.journal, before=record.seq)).state
    found = repeat(state, record.event.incident, replace(record.event.data, evidence=evidence), record.event.time)
    assert "of another version's form" in found.why_not
    assert "not in the journal" in repeat(state, "gone", record.event.data, record.event.time).why_not


def test_what_nobody_knows_is_nothing(house: House) -> None:
    assert house.run(explain(house.journal, house.processes[0].controller.state, "nobody", None)) is None


def test_before_anything_is_decided_it_says_how_things_stand(house: House) -> None:
    first = house.events()[0].time
    found = why(house, NAME, first)
    assert (found.seq, found.note) == (0, "no decision is in the journal; 0 open")
