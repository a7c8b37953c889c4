"""Words at a replica that stands by: kept in the inbox, decided by the one in charge, answered where they were said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from remediator.core.events import Event, Pause
from remediator.core.observations import Answered, Paused
from remediator.relay import PATIENCE, Relay, Undecided
from remediator.sources.words import SOURCE, Word, kept, word_of
from tests.unit.builders import ESCALATE, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import shop

ALL = Paused(Pause("", reason="migration"), "alice")


@pytest.fixture
def house() -> Iterator[House]:
    """One replica is in charge of a world in which nothing is wrong."""
    built = House(shop(), policy(), rule("undo-bad-rollout", "rollback", ESCALATE))
    yield built
    built.close()


def passed_on(house: House, word: Word) -> tuple[Event, ...]:
    """What the replica answers that stood by; the one in charge looks into the inbox while it waits."""

    async def look_in() -> None:
        await house.world.clock.sleep(1)
        for process in house.processes:
            process.controller.intake.arrivals.set()

    async def both() -> tuple[Event, ...]:
        said, _ = await asyncio.gather(Relay(house.journal, house.world.clock).pass_on(word), look_in())
        return said

    return house.run(both())


def test_a_word_is_kept_as_it_was_said() -> None:
    for word in (ALL, Answered("i", "p", True, "bob", "\x1b[2J \u00fc"), Paused(Pause("1", lifted=True), "")):
        assert word_of(kept(word)) == word


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"other": {}}', b'{"paused": {"by": "x"}}'])
def test_what_is_no_word_is_none(body: bytes) -> None:
    with pytest.raises(ValueError):
        word_of(body)


def test_a_pause_that_was_said_elsewhere_is_decided_here_and_answered_there(house: House) -> None:
    house.start()
    (event,) = passed_on(house, ALL)
    assert (event.kind, event.actor, event.data.reason) == ("pause", "operator:alice", "migration")
    assert house.run(house.journal.waiting()) == ()
    lifted = passed_on(house, Paused(Pause("", lifted=True), "bob"))
    assert [each.data.id for each in lifted] == [event.data.id]


def test_an_answer_to_a_plan_that_does_not_wait_does_not_count(house: House) -> None:
    house.start()
    assert passed_on(house, Answered("nobody", "p1", True, "alice")) == ()


def test_with_nobody_in_charge_it_is_kept_and_counts_later(house: House) -> None:
    before = house.world.clock.now()
    with pytest.raises(Undecided, match="kept"):
        passed_on(house, ALL)
    assert house.world.clock.now() - before >= timedelta(seconds=PATIENCE)
    house.start()
    house.wait(1)
    assert house.all("pause")[0].reason == "migration"


def test_a_word_of_another_version_stays_and_holds_up_nothing(house: House) -> None:
    house.run(house.journal.receive(SOURCE, b'{"shouted": {}}', house.world.clock.now()))
    house.start()
    assert passed_on(house, ALL)
