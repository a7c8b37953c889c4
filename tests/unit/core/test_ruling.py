"""What a ruling withholds from the journal, and hands to the executor alone."""

from __future__ import annotations

from remediator.core.events import Event, Intent, Outcome
from remediator.core.kinds import ref_of
from remediator.core.model import Change, OutcomeStatus, Precondition, Verb
from remediator.core.ruling import Ruling, withheld
from remediator.core.scrub import GONE
from tests.unit.builders import START, WEB


def intent(value: str, verb: Verb = Verb.PATCH) -> Event:
    body = {"spec": {"env": [{"name": "DB_PASSWORD", "value": value}]}}
    return Event(START, Intent("i-1", "patch", 0, 1, Change(verb, ref_of(WEB), body, Precondition("u", "1"))))


def test_the_journal_has_the_change_without_its_secrets_and_the_executor_has_it_whole():
    ruling = withheld(Ruling((intent("hunter2"),)))
    (event,) = ruling.events
    assert event.data.change.body["spec"]["env"][0]["value"] == GONE
    assert ruling.writes["i-1"].body["spec"]["env"][0]["value"] == "hunter2"


def test_what_holds_none_is_the_same_ruling():
    ruling = Ruling((intent(GONE),))
    assert withheld(ruling) is ruling


def test_of_what_was_only_rehearsed_nothing_is_kept():
    ruling = withheld(Ruling((intent("hunter2"), Event(START, Outcome("i-1", OutcomeStatus.REHEARSED)))))
    assert ruling.events[0].data.change.body["spec"]["env"][0]["value"] == GONE
    assert ruling.writes == {}


def test_what_an_outside_system_is_asked_is_as_it_is():
    ruling = Ruling((intent("hunter2", Verb.CALL),))
    assert withheld(ruling) is ruling
