"""From a webhook in the inbox to sightings: a snapshot of a group, of which the journal may know much already."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remediator.core.fold import fold
from remediator.core.model import Json, Ref
from remediator.core.observations import Arrived, Elected, Reloaded, Sighting
from remediator.core.rules import Matcher, MatchOp, TargetSpec, When
from remediator.core.state import State
from remediator.decide import decide
from remediator.ports import NotFound, Receipt, Unavailable
from remediator.sources.alerts import arrived, believing
from tests.unit.builders import at, policy, rule

RULE = rule("undo", when=When((Matcher("alertname", MatchOp.EQUAL, "Stuck"),)), target=TargetSpec("Deployment"))


def alert(name: str = "web", status: str = "firing", **fields: Any) -> Json:
    labels = {"alertname": "Stuck", "namespace": "shop", "deployment": name}
    ends = "2026-01-01T01:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    return {"status": status, "labels": labels, "startsAt": "2026-01-01T00:00:00Z", "endsAt": ends} | fields


class House:
    """A loop without a journal, over an API server that has every object but those that are gone."""

    def __init__(self) -> None:
        self.state, self.asked, self.gone, self.refused = State(), [], set[str](), False
        self.heard, self.why = [], ""
        self.see(Elected("one"))
        self.see(Reloaded(policy(), (RULE,)))

    asked: list[str]
    heard: list[str]

    async def get(self, ref: Ref) -> Json:
        self.asked.append(ref.name)
        if self.refused:
            raise Unavailable("connection refused")
        if ref.name in self.gone:
            raise NotFound(f"{ref} not found")
        return {"kind": ref.resource.kind, "metadata": {"name": ref.name, "uid": f"uid-{ref.name}"}}

    async def doubt(self, labels: dict[str, str]) -> str:
        return self.why or await believing(labels)

    async def posted(self, *alerts: Any, **fields: Any) -> list[Sighting]:
        """What one webhook is taken for, before it is decided on."""
        body = json.dumps({"version": "4", "receiver": r"web\.hook", "alerts": alerts} | fields).encode()
        receipt = Receipt(1, at(0), "alertmanager", body)
        seen = await arrived(self, self.state, receipt, self.doubt, self.heard.append)  # type: ignore[arg-type]
        self.see(seen)
        return list(seen.sightings)

    def see(self, observation: Any) -> tuple[str, ...]:
        events = decide(self.state, observation, at(0)).events
        self.state = fold(events, self.state)
        return tuple(event.kind for event in events)


def brief(sightings: list[Sighting]) -> list[tuple[str, str]]:
    return [(each.status, each.target.name if each.target else each.reason) for each in sightings]


async def test_a_snapshot_has_what_fires_and_what_is_over() -> None:
    house = House()
    await house.posted(alert("web"))
    seen = await house.posted(alert("web", "resolved"), alert("api"), status="firing")
    assert brief(seen) == [("resolved", "web"), ("firing", "api")]
    assert all(each.received_at == at(0) for each in seen)
    assert [one.target.name for one in house.state.incidents.values() if one.cleared_at is None] == ["api"]


async def test_it_is_sent_again_as_long_as_it_fires_and_nobody_is_asked_again() -> None:
    house = House()
    await house.posted(alert())
    house.asked.clear()
    seen = await house.posted(alert(), alert(startsAt="2026-01-01T00:30:00Z"), notification_reason="repeat")
    assert house.asked == []
    assert house.see(Arrived(tuple(seen))) == (), "nor is it said again"


async def test_one_bad_alert_is_one_recorded_skip_and_the_rest_goes_on() -> None:
    house = House()
    seen = await house.posted(alert("web"), 5, alert("api", labels={}), alert("db"))
    assert brief(seen) == [
        ("skipped", "alerts[1]: Expected `object`, got `int`"),
        ("skipped", "alerts[2]: it has no labels"),
        ("firing", "web"),
        ("firing", "db"),
    ]
    assert house.see(Arrived(tuple(seen[:2]))) == (), "said once, however often it comes"


async def test_what_no_rule_concerns_is_nothing_and_nobody_is_asked() -> None:
    house = House()
    labels = {"alertname": "Watchdog", "namespace": "shop", "deployment": "web"}
    assert await house.posted(alert(labels=labels)) == []
    assert house.asked == []


async def test_an_end_of_what_nobody_knows_needs_no_target() -> None:
    house = House()
    assert brief(await house.posted(alert("web", "resolved"))) == [("resolved", "")]
    assert house.asked == []
    assert not house.state.incidents


async def test_a_target_that_is_not_found_is_said_and_one_that_cannot_be_asked_for_is_waited_for() -> None:
    house = House()
    house.gone = {"web"}
    ((status, reason),) = brief(await house.posted(alert()))
    assert (status, reason.endswith("Deployment/shop/web not found")) == ("firing", True)
    house.refused = True
    with pytest.raises(Unavailable):
        await house.posted(alert("api"))


async def test_an_end_in_doubt_is_none() -> None:
    house = House()
    await house.posted(alert())
    house.why = "its rule is not evaluated"
    seen = await house.posted(alert(status="resolved"))
    assert [(each.status, each.reason) for each in seen] == [("doubted", "its rule is not evaluated")]
    assert [one.cleared_at for one in house.state.incidents.values()] == [None]


async def test_the_receiver_is_heard_of_as_it_is_written() -> None:
    house = House()
    await house.posted()
    assert house.heard == [r"web\.hook"]


async def test_what_is_no_payload_any_more_is_one_skip() -> None:
    """Another version of the product may have taken it."""
    house = House()
    (seen,) = await house.posted(version="5")
    assert (seen.status, seen.reason[:11]) == ("skipped", 'version "5"')
