"""Of what several levels say about a guard the stricter holds, setting by setting and part by part."""

from __future__ import annotations

import pytest

from remediator.core.guarding import BreakerSettings, Budget, GuardSettings, Portion, StormSettings, Veto, stricter
from remediator.guards.guard import Limits, Storm, limits_of
from tests.unit.builders import policy, rule


@pytest.mark.parametrize(
    ("name", "one", "other", "wins"),
    [
        ("cooldown", 60.0, 30.0, 60.0),
        ("cooldown", 0.0, None, 0.0),
        ("budget", Budget(3, 60.0), Budget(2, 1.0), Budget(2, 1.0)),
        ("namespace_budget", Budget(3, 60.0), Budget(3, 90.0), Budget(3, 90.0)),
        ("zone_budget", Budget(1, 60.0), None, Budget(1, 60.0)),
        ("global_budget", Budget(1, 60.0), Budget(9, 60.0), Budget(1, 60.0)),
        ("max_in_flight", 4, 2, 2),
        ("global_max_in_flight", 4, 2, 2),
        ("min_healthy", Portion(share=60), Portion(share=50), Portion(share=60)),
        ("min_healthy", Portion(share=60), Portion(count=2), Portion(count=2, share=60)),
        ("min_healthy", Portion(share=60, at_least=1), Portion(share=50, at_least=0), Portion(share=60, at_least=0)),
        ("max_unhealthy", Portion(share=60, count=1), Portion(share=50, count=2), Portion(share=50, count=1)),
        ("storm", StormSettings(share=30), StormSettings(at_least=10), StormSettings(share=30, at_least=10)),
        ("storm", StormSettings(50, 3, 60.0), StormSettings(30, 5, 90.0), StormSettings(30, 3, 90.0)),
        ("breaker", BreakerSettings(5, 60.0, 60.0), BreakerSettings(3, 90.0, 30.0), BreakerSettings(3, 90.0, 60.0)),
        ("breaker", BreakerSettings(latch=True), BreakerSettings(latch=False), BreakerSettings(latch=True)),
        ("startup_grace", 0.0, 300.0, 300.0),
        ("active_time_intervals", (("a", "b"),), (("c",),), (("a", "b"), ("c",))),
        ("active_time_intervals", (("a",),), (("a",),), (("a",),)),
        ("mute_time_intervals", ("a",), ("b", "a"), ("a", "b")),
        ("require", ("up == 1",), (), ("up == 1",)),
        ("veto", Veto(("A",), ("q",)), Veto(("B",)), Veto(("A", "B"), ("q",))),
        ("gitops", "allow", "notify", "notify"),
        ("gitops", "refuse", "allow", "refuse"),
        ("last_replica", "allow", "refuse", "refuse"),
    ],
)
def test_the_stricter_of_two_levels_wins_whichever_says_it(name, one, other, wins):
    levels = [GuardSettings(**({} if said is None else {name: said})) for said in (one, other)]
    assert getattr(stricter(*levels), name) == wins
    other_way = getattr(stricter(*levels[::-1]), name)
    assert sorted(other_way) == sorted(wins) if isinstance(wins, tuple) else _unordered(other_way) == _unordered(wins)


def test_every_setting_has_its_order_and_its_limit():
    nothing = GuardSettings()
    assert stricter(nothing, nothing) == nothing
    assert set(Limits.__struct_fields__) <= set(GuardSettings.__struct_fields__)


def test_a_default_counts_only_where_nobody_says_anything():
    said = policy(guards=GuardSettings(startup_grace=60.0, max_in_flight=9))
    assert limits_of(said, rule()).startup_grace == 60.0
    assert limits_of(said, rule()).max_in_flight == 9
    assert limits_of(policy(guards=GuardSettings()), rule()) == Limits()


def test_of_a_compound_setting_the_default_stands_in_for_the_parts_that_nobody_speaks_of():
    limits = limits_of(policy(), rule(guards=GuardSettings(storm=StormSettings(share=80))))
    assert limits.storm == Storm(share=80)


def _unordered(said):
    """A setting with its lists in alphabetical order: of a union the order means nothing."""
    return Veto(tuple(sorted(said.alerts)), said.queries) if isinstance(said, Veto) else said
