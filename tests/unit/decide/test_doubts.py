"""An alert that is gone without anybody having measured that it is over: in doubt, and that neither acts nor clears."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.model import Phase
from remediator.core.observations import Asked, Light
from remediator.core.rules import When
from tests.unit.builders import Story, at, kinds, rule, sighting

WHY = "its rule Stuck is not evaluated: many-to-many matching"


def doubts(story: Story, seconds: float, reason: str = WHY, fingerprint: str = "a1") -> list[str]:
    seen = replace(sighting("doubted", fingerprint), reason=reason)
    return kinds(story.see(Asked("alertmanager", (), (seen,)), seconds))


def waiting(for_: float = 60.0) -> Story:
    story = Story(rule(when=When(rule().when.alert, for_)))
    story.fires(0)
    return story


def test_a_doubt_is_said_once_for_each_reason() -> None:
    story = waiting()
    assert doubts(story, 1) == ["signal"]
    assert (story.events[0].data.status, story.events[0].data.reason) == ("doubted", WHY)
    assert doubts(story, 2) == []
    assert doubts(story, 3, "another") == ["signal"]


def test_in_doubt_nothing_is_done_and_nothing_clears() -> None:
    story = waiting(for_=0)
    doubts(story, 1)
    story.looks(2)
    assert (story.events, story.again_at) == ((), at(17))
    assert story.incident.phase is Phase.PENDING
    assert story.incident.cleared_at is None


def test_while_another_alert_stands_there_is_no_doubt_about_the_incident() -> None:
    story = waiting(for_=0)
    story.fires(0, "b2")
    doubts(story, 1)
    story.looks(2)
    assert "intent" in kinds(story.events)


def test_an_alert_that_shows_itself_again_is_evidence_again_and_the_doubt_counts_for_nothing() -> None:
    story = waiting()
    doubts(story, 20)
    assert kinds(story.fires(120)) == ["signal"]
    assert story.incident.fires_at == at(160)
    assert story.fires(121) == ()


def test_what_is_sure_ends_the_doubt() -> None:
    story = waiting()
    doubts(story, 1)
    story.resolves(50)
    assert story.incident.cleared_at == at(50)


def test_a_doubt_about_what_nobody_knows_is_nothing() -> None:
    assert doubts(Story(), 1) == []


def test_the_end_of_an_earlier_firing_comes_too_late() -> None:
    """Of two Alertmanagers one is behind: it tells the end of what has fired again meanwhile."""
    story = waiting()
    story.resolves(10)
    story.fires(20, starts_at=at(15))
    assert story.resolves(30, starts_at=at(0), ends_at=at(10)) == ()
    assert story.incident.cleared_at is None
    assert kinds(story.resolves(40, starts_at=at(0), ends_at=at(38))) == ["signal"]


def test_alertmanager_in_the_dark_holds_its_rules_and_no_others() -> None:
    story = waiting(for_=0)
    name = story.incident.definition.name
    story.see(Asked("alertmanager", (Light(False, name, "refused"), Light(False, "", "refused"))), 1)
    assert kinds(story.events) == ["source", "source"]
    story.looks(2)
    assert story.events == ()
    story.see(Asked("alertmanager", (Light(True, name), Light(True))), 3)
    story.looks(4)
    assert "intent" in kinds(story.events)


def test_a_rule_that_hears_of_no_alerts_any_more_is_not_in_the_dark() -> None:
    story = waiting()
    name = story.incident.definition.name
    story.see(Asked("alertmanager", (Light(False, name, "refused"),)), 1)
    story.reload(rule(when=When(query="up == 0")))
    assert not story.state.dark
