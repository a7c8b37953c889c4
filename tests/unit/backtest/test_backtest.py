"""`remediator backtest`: the past played by the service's own evaluation and guards, no more than can be known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from remediator.backtest.history import History
from remediator.backtest.play import Episode, Play
from remediator.clients.query_range import Series
from remediator.core.guarding import Budget, FlappingSettings, GuardSettings
from remediator.core.model import Mode
from remediator.core.rules import Query, Rule, Step, TargetSpec, When
from remediator.core.windows import TimeInterval
from tests.unit.builders import START, at, policy, rule

STEP = timedelta(seconds=60)
END = START + timedelta(hours=6)

WEB = {"namespace": "shop", "deployment": "web"}


def series(labels: dict[str, str], *spans: tuple[int, int], value: float = 1.0) -> Series:
    """A series that is there in spans of minutes, the last one inclusive."""
    minutes = [minute for first, last in spans for minute in range(first, last + 1)]
    return Series(labels, tuple(((START + STEP * minute).timestamp(), value) for minute in minutes))


def history(*found: Series) -> History:
    return History(found, END, STEP)


def on_query(name: str = "restart-web", **fields: Any) -> Rule:
    return rule(name, "restart", **({"when": When(query="x"), "guards": GuardSettings(cooldown=0.0)} | fields))


def played(
    *rules: Rule, of: Iterable[Series] = (), asked: dict[str, History] | None = None, **more: Any
) -> tuple[Episode, ...]:
    past = history(*of)
    play = Play(policy(**more), rules, {each.name: past for each in rules}, asked or {}, STEP)
    return play.run(START, END)


def minutes(instant: datetime | None) -> float | None:
    return None if instant is None else (instant - START) / STEP


def told(episodes: Iterable[Episode]) -> list[tuple[float | None, float | None, float | None]]:
    """Of each episode the minutes at which it was opened, acted on, closed."""
    return [(minutes(each.opened_at), minutes(each.acted_at), minutes(each.closed_at)) for each in episodes]


def test_a_series_that_comes_and_goes_is_an_incident_each_time():
    found = played(on_query(), of=[series(WEB, (10, 14), (200, 204))])
    assert told(found) == [(10, 10, 15), (200, 200, 205)]
    assert [(each.rule, each.target, each.action) for each in found] == [
        ("restart-web", "Deployment/shop/web", "restart")
    ] * 2


def test_one_that_is_there_at_the_end_is_not_closed():
    assert told(played(on_query(), of=[series(WEB, (300, 360))])) == [(300, 300, None)]


@pytest.mark.parametrize(("lasts", "acted"), [((10, 14), None), ((10, 15), 15), ((10, 40), 15)])
def test_for_has_to_pass_without_a_gap(lasts, acted):
    waiting = on_query(when=When(query="x", for_=300.0))
    assert [each[1] for each in told(played(waiting, of=[series(WEB, lasts)]))] == [acted]


def test_keep_firing_for_bridges_a_gap():
    kept = on_query(when=When(query="x", keep_firing_for=600.0))
    assert told(played(kept, of=[series(WEB, (10, 14), (18, 20))])) == [(10, 10, 31)]


def test_a_value_that_is_no_number_neither_fires_nor_clears():
    nan = series(WEB, (15, 20), value=float("nan"))
    firing = series(WEB, (10, 14))
    both = Series(WEB, tuple(sorted((*firing.values, *nan.values))))
    assert told(played(on_query(), of=[both])) == [(10, 10, 21)]
    assert played(on_query(), of=[nan]) == ()


def test_two_series_of_one_target_are_one_incident():
    found = played(on_query(), of=[series(WEB | {"pod": "a"}, (10, 20)), series(WEB | {"pod": "b"}, (15, 30))])
    assert told(found) == [(10, 10, 31)]


def test_a_cooldown_holds_the_second_one_back_for_as_long_as_it_lasts():
    guards = GuardSettings(cooldown=3600.0)
    first, second = played(on_query(guards=guards), of=[series(WEB, (10, 14), (30, 100))])
    assert (minutes(first.acted_at), first.held) == (10, {})
    assert (minutes(second.acted_at), second.held) == (70, {"cooldown": 40 * 60.0})


def test_a_budget_is_spent_over_all_targets():
    guards = GuardSettings(cooldown=0.0, budget=Budget(2, 3600.0))
    many = [series(WEB | {"deployment": f"web-{n}"}, (10, 100)) for n in range(3)]
    found = played(on_query(guards=guards), of=many)
    held = sorted((minutes(each.acted_at), each.held.get("budget", 0.0)) for each in found)
    assert held == [(10, 0.0), (10, 0.0), (70, 3600.0)]


def test_a_budget_of_all_rules_is_shared():
    rules = (on_query("a"), on_query("b", target=TargetSpec("Deployment", "other")))
    of = [series(WEB | {"other": "api"}, (10, 20))]
    found = played(*rules, of=of, guards=GuardSettings(cooldown=0.0, global_budget=Budget(1, 86400.0)))
    assert sorted(len(each.held) for each in found) == [0, 1]
    (held,) = [each for each in found if each.held]
    assert (held.acted_at, held.held) == (None, {"global_budget": 11 * 60.0})


def test_a_window_that_is_closed_holds_back():
    guards = GuardSettings(cooldown=0.0, active_time_intervals=(("afternoon",),))
    opens = {"afternoon": (TimeInterval(times=((14 * 60, 18 * 60),)),)}  # the story begins at noon
    (found,) = played(on_query(guards=guards), of=[series(WEB, (60, 200))], time_intervals=opens)
    assert (minutes(found.acted_at), list(found.held)) == (120, ["window"])


def test_what_comes_and_goes_too_often_is_flapping():
    guards = GuardSettings(cooldown=0.0, flapping=FlappingSettings(transitions=4, within=3600.0))
    spans = [(minute, minute + 1) for minute in range(10, 40, 4)]
    found = played(on_query(guards=guards), of=[series(WEB, *spans)])
    assert "flapping" in {guard for each in found for guard in each.held}
    assert minutes(found[0].acted_at) == 10


def test_conditions_that_are_queries_are_asked_for_the_past():
    conditional = on_query(queries=(Query("busy", ("namespace",)),))
    busy = history(series({"namespace": "shop"}, (20, 30)), series({"namespace": "other"}, (0, 90)))
    (found,) = played(conditional, of=[series(WEB, (10, 60))], asked={"busy": busy})
    assert (minutes(found.acted_at), found.held) == (20, {"confirm": 600.0})


def test_what_is_required_and_vetoed_counts():
    guards = GuardSettings(cooldown=0.0, require=("up",))
    (held,) = played(on_query(guards=guards), of=[series(WEB, (10, 60))], asked={"up": history(series({}, (40, 99)))})
    assert (minutes(held.acted_at), list(held.held)) == (40, ["require"])
    (unknown,) = played(on_query(guards=guards), of=[series(WEB, (10, 60))])
    assert (unknown.acted_at, list(unknown.held)) == (None, ["require"])


def test_a_rule_that_is_off_does_nothing():
    (found,) = played(on_query(mode=Mode.OFF), of=[series(WEB, (10, 60))])
    assert (found.acted_at, "mode" in found.held) == (None, True)


def test_a_ladder_that_begins_with_a_person_tells_one():
    told_ = rule("tell", Step("escalate", {"receiver": "oncall"}), when=When(query="x"))
    (found,) = played(told_, of=[series(WEB, (10, 60))])
    assert (minutes(found.acted_at), found.action) == (10, "escalate")


def test_pods_are_counted_where_their_owner_of_then_is_not_known():
    pods = [series({"namespace": "shop", "pod": name}, (10, 20)) for name in ("web-1", "web-2")]
    play = Play(policy(), (on_query(),), {"restart-web": history(*pods)}, {}, STEP)
    assert [each.target for each in play.run(START, END)] == ["Pod/shop/web-1", "Pod/shop/web-2"]
    assert play.stand_ins == {"restart-web": "Pod"}


def test_signals_that_name_nothing_are_told():
    play = Play(policy(), (on_query(),), {"restart-web": history(series({"job": "x"}, (10, 20)))}, {}, STEP)
    assert play.run(START, END) == ()
    assert play.unresolved["restart-web"].startswith("the alert has none of the labels that name a Deployment")


def test_turns_are_those_between_steps():
    turns = history(series(WEB, (10, 12), (14, 14))).turns
    assert [(minutes(turn.at), turn.present) for turn in turns] == [(10, True), (13, False), (14, True), (15, False)]
    assert history(series(WEB, (10, 12))).holds(at(11 * 60.0), {"namespace": "shop"})
    assert not history(series(WEB, (10, 12))).holds(at(13 * 60.0), {"namespace": "shop"})
    assert not history(series(WEB, (10, 12))).holds(at(11 * 60.0), {"namespace": "other"})
