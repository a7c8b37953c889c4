"""While a query has no answer to go by, its incidents neither act nor clear, and that time counts for nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediator.core.events import Source
from remediator.core.model import Phase
from remediator.core.observations import Asked, Elected, Light, Ticked
from remediator.core.rules import Rule, Step, When
from remediator.core.state import Incident
from tests.unit.builders import ESCALATE, START, Story, at, rule, sighting

QUERY = "kube_deployment_status_replicas_unavailable > 0"
DARK = Light(False, "undo-bad-rollout", "no answer within 10 s")
LIT = Light(True, "undo-bad-rollout")


def asking(*do: str | Step, for_: float = 0.0, keep: float = 0.0, query: str = QUERY, **fields: object) -> Rule:
    return rule("undo-bad-rollout", *do, when=When(for_=for_, keep_firing_for=keep, query=query), **fields)


class Asking(Story):
    def ask(self, seconds: float, *status: str, light: Light | None = None) -> None:
        seen = tuple(replace(sighting(each, value=3.0), source="prometheus") for each in status)
        self.see(Asked("prometheus", (light,) if light else (), seen), seconds)

    @property
    def one(self) -> Incident:
        (found,) = self.state.incidents.values()
        return found

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def test_a_series_is_a_signal_with_its_value() -> None:
    story = Asking(asking())
    story.ask(1, "firing")
    assert story.kinds() == ["incident_opened", "signal"]
    assert story.events[1].data.value == 3.0
    story.ask(2, "firing")
    assert story.events == ()
    story.looks(3)
    assert "intent" in story.kinds()


def test_in_the_dark_nothing_is_done() -> None:
    story = Asking(asking())
    story.ask(1, "firing")
    story.ask(2, light=DARK)
    assert story.kinds() == ["source"]
    story.looks(3)
    assert (story.events, story.again_at) == ((), at(18))
    story.ask(30, light=LIT)
    story.looks(31)
    assert "intent" in story.kinds()


def test_in_the_dark_nothing_clears() -> None:
    story = Asking(asking(keep=60))
    story.ask(1, "firing")
    story.ask(10, "resolved")
    story.ask(20, light=DARK)
    story.see(Ticked(story.one.id), 500)
    assert (story.events, story.again_at) == ((), at(515))
    story.ask(520, light=LIT)
    assert story.one.clears_at == at(520 + 50)


def test_the_dark_does_not_count_for_for() -> None:
    story = Asking(asking(for_=60))
    story.ask(0, "firing")
    story.ask(20, light=DARK)
    story.ask(120, light=LIT)
    assert story.one.fires_at == at(160)


def test_what_was_opened_in_the_dark_loses_only_its_own_time() -> None:
    story = Asking(asking(for_=60))
    story.ask(0, "firing")
    story.ask(10, light=DARK)
    story.ask(20, "resolved")
    story.see(Ticked(story.one.id), 25)
    assert story.one.since == START
    story.ask(30, light=LIT)
    assert story.one.cleared_at == at(30)


def test_the_dark_is_said_once_and_only_of_rules_that_have_an_incident() -> None:
    story = Asking(asking())
    story.ask(1, light=DARK)
    assert story.events == ()
    story.ask(2, light=LIT)
    assert story.events == ()
    story.ask(3, "firing")
    story.ask(4, light=DARK)
    story.ask(5, light=DARK)
    assert story.events == ()
    assert [event.data for event in story.journal if isinstance(event.data, Source)] == [
        Source("prometheus", False, "no answer within 10 s")
    ]


def test_of_the_source_as_a_whole_it_is_always_said() -> None:
    story = Asking(asking())
    story.ask(1, light=Light(False, "", "connection refused"))
    story.ask(2, light=Light(False, "", "connection refused"))
    assert story.events == ()
    story.ask(3, light=Light(True))
    assert story.kinds() == ["source"]


def test_a_new_term_of_office_begins_in_the_dark() -> None:
    story = Asking(asking())
    story.ask(1, "firing")
    story.see(Elected("two"), 10)
    story.looks(11)
    assert story.again_at == at(26)
    story.ask(12, light=LIT)
    story.looks(13)
    assert "intent" in story.kinds()


def test_a_person_who_is_owed_an_answer_is_told_in_the_dark_too() -> None:
    story = Asking(asking("restart", ESCALATE))
    story.ask(1, "firing")
    story.looks(2)
    story.carries(seconds=2)
    story.looks(3)
    story.looks(1000)
    assert story.one.phase is Phase.PENDING
    story.ask(1001, light=DARK)
    story.looks(1002)
    assert "escalated" in story.kinds()


@pytest.mark.parametrize(("query", "kept"), [(QUERY, True), ("up == 0", False)])
def test_evidence_stays_where_the_query_stays(query: str, kept: bool) -> None:
    story = Asking(asking())
    story.ask(1, "firing")
    story.reload(asking("rollback", query=query))
    assert (story.one.cleared_at is None) is kept


def test_a_rule_that_asks_no_more_is_not_in_the_dark() -> None:
    story = Asking(asking())
    story.ask(1, "firing")
    story.ask(2, light=DARK)
    story.reload(rule())
    assert not story.state.dark


def test_unresolvable_series_are_said_once_and_end() -> None:
    story = Asking(asking())
    lost = sighting("firing", target=None, reason="no label")
    story.see(Asked("prometheus", (), (lost,)), 1)
    story.see(Asked("prometheus", (), (lost,)), 2)
    assert story.events == ()
    story.ask(3, "resolved")
    assert story.kinds() == ["signal"]
    assert story.now - START == timedelta(seconds=3)
