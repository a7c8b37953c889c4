"""Guard `storm`: where too many targets match at once, the signal is doubted before the targets are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.model import Mode, OutcomeStatus
from remediator.core.surroundings import Namespace, Siblings, Surroundings
from remediator.guards.guard import Limits, Storm
from remediator.guards.storm import GUARD, needs
from tests.unit.builders import at, request, rule, snapshot
from tests.unit.waiting import Crowd

LIMIT = Storm(share=50, at_least=3, cooldown=100.0)
DRAIN = Action("drain", (), no_arguments, disrupts=Disruption.NODE)
UNCORDON = Action("uncordon", (), no_arguments, disrupts=Disruption.NONE)


def ask(
    crowd: Crowd, name: str, pool: int | None, now: float, action: Action = DRAIN, zone_pool: int = 0, mode=Mode.ENFORCE
):
    siblings = None if pool is None else Siblings(pool, pool, (), pool, zone_pool)
    around = Surroundings(namespace=Namespace(), owners=(), siblings=siblings)
    asked = replace(request(crowd.of(name), mode, storm=LIMIT), action=action)
    return GUARD.ask(asked, crowd.state, snapshot(around=around).facts, at(now))


def workloads(number: int) -> Crowd:
    """So many Deployments of one namespace match the rule at second 0."""
    crowd = Crowd(rule("r"))
    for each in range(number):
        crowd.opens(f"i{each}", "r")
    return crowd


def nodes(**zones: int) -> Crowd:
    """So many nodes of each zone match the rule at second 0; named after their zone."""
    crowd = Crowd(rule("r"))
    for zone, number in zones.items():
        for each in range(number):
            crowd.opens(f"{zone}{each}", "r", kind="Node", namespace="", zone=zone)
    return crowd


@pytest.mark.parametrize(
    ("matched", "pool", "verdict", "why"),
    [
        (1, 1, "allow", "one of one: fewer than at_least"),
        (2, 2, "allow", "two of two: fewer than at_least"),
        (3, 7, "allow", "three of seven are 42 %"),
        (3, 6, "hold", "three of six are 50 %: the share itself is a storm"),
        (3, 3, "hold", "all of them"),
        (5, 11, "allow", "five of eleven are 45 %"),
        (6, 11, "hold", "six of eleven are 54 %"),
        (3, 0, "hold", "an empty pool is no comfort"),
        (3, None, "hold", "of how many is unknown"),
    ],
)
def test_from_which_share_and_number_on_it_is_a_storm(matched, pool, verdict, why):
    assert ask(workloads(matched), "i0", pool, 1).verdict == verdict, why


def test_a_cluster_wide_false_signal_acts_on_nothing():
    """Karpenter 2811: a wrong signal about all nodes ended all nodes."""
    crowd = nodes(a=10, b=10)
    assert {ask(crowd, name, 20, 1, zone_pool=10).verdict for name in crowd.state.incidents} == {"hold"}


@pytest.mark.parametrize(
    ("zones", "asks", "pool", "zone_pool", "verdict", "why"),
    [
        ({"a": 4, "b": 1}, "a0", 20, 5, "hold", "four of five in zone a, although only five of twenty in all"),
        ({"a": 4, "b": 1}, "b0", 20, 5, "allow", "one of five in zone b"),
        ({"a": 2, "b": 2, "c": 2}, "a0", 6, 2, "hold", "two a zone are few, but all of them are all"),
    ],
)
def test_zones_count_by_themselves_and_together(zones, asks, pool, zone_pool, verdict, why):
    assert ask(nodes(**zones), asks, pool, 1, zone_pool=zone_pool).verdict == verdict, why


def test_other_rules_and_namespaces_are_other_weather():
    crowd = Crowd(rule("r"), rule("other"))
    for each in range(3):
        crowd.opens(f"o{each}", "other")
        crowd.opens(f"c{each}", "r", namespace="cart")
    crowd.opens("asks", "r")
    assert ask(crowd, "asks", 4, 1).verdict == "allow"


def test_what_takes_nothing_away_may_always():
    assert ask(workloads(3), "i0", 3, 1, UNCORDON).verdict == "allow"


def test_it_is_over_when_it_has_not_been_so_for_its_cooldown_without_a_break():
    crowd = workloads(4)
    crowd.clears("i3", 10)  # three of six are left
    assert ask(crowd, "i0", 6, 15).retry_at == at(115), "the earliest, were it over now"
    crowd.clears("i2", 20)  # it is over
    assert (ask(crowd, "i0", 6, 119.999999).verdict, ask(crowd, "i0", 6, 60).retry_at) == ("hold", at(120))
    assert ask(crowd, "i0", 6, 120).verdict == "allow", "at that very instant"


def test_a_storm_that_comes_back_begins_its_cooldown_anew():
    crowd = workloads(3)
    crowd.clears("i2", 20)
    crowd.fires("i2", 50)
    crowd.clears("i2", 60)
    assert (ask(crowd, "i0", 6, 120).verdict, ask(crowd, "i0", 6, 120).retry_at) == ("hold", at(160))


def test_a_smaller_wave_after_a_storm_prolongs_nothing():
    crowd = workloads(5)
    for seconds, name in ((10, "i4"), (20, "i3"), (30, "i2")):
        crowd.clears(name, seconds)
    crowd.fires("i4", 40)  # three match, of ten: 30 %
    assert ask(crowd, "i0", 10, 109).retry_at == at(110), "five of ten stood until second 10"
    assert ask(crowd, "i0", 10, 110).verdict == "allow"


def test_fewer_than_at_least_are_no_storm_also_while_an_earlier_wave_is_remembered():
    crowd = workloads(3)
    crowd.clears("i2", 20)
    assert ask(crowd, "i0", 2, 121).verdict == "allow", "two of two, and the three are long enough ago"


@pytest.mark.parametrize(
    ("now", "flying", "verdict"),
    [
        (120, 0, "allow"),
        (120, 1, "hold"),
        (219.999999, 1, "hold"),
        (220, 1, "allow"),
        (220, 2, "hold"),
        (320, 3, "allow"),
        (320, 4, "hold"),
        (419.999999, 4, "hold"),
        (420, 9, "allow"),
    ],
)
def test_afterwards_one_then_two_then_four_are_in_flight_and_then_no_more_is_asked(now, flying, verdict):
    """All acted at once when a freeze was lifted."""
    crowd = workloads(3)
    crowd.clears("i2", 20)
    for each in range(flying):
        crowd.opens(f"f{each}", "r", 21, namespace="elsewhere")
        crowd.acts(f"f{each}", 22)
    assert ask(crowd, "i0", 6, now).verdict == verdict


def test_in_a_preview_what_would_be_in_flight_counts():
    crowd = Crowd(rule("r", mode=Mode.OBSERVE))
    for each in range(3):
        crowd.opens(f"i{each}", "r")
    crowd.clears("i2", 20)
    crowd.acts("i1", 121, Mode.OBSERVE)
    crowd.ends("i1", OutcomeStatus.REHEARSED, 121)
    assert ask(crowd, "i0", 6, 122, mode=Mode.OBSERVE).verdict == "hold"


def test_the_number_of_all_is_read_only_where_it_could_be_a_storm():
    def wants(crowd: Crowd, now: float, action: Action = DRAIN):
        asked = replace(request(crowd.of("i0"), storm=LIMIT), action=action)
        return needs(asked, crowd.state, snapshot().facts, at(now))

    assert wants(workloads(2), 1) == ()
    assert wants(workloads(3), 1) == ("siblings",)
    assert wants(workloads(3), 1, UNCORDON) == ()
    calmed = workloads(3)
    calmed.clears("i2", 20)
    assert wants(calmed, 419) == ("siblings",), "for as long as it ramps up"
    assert wants(calmed, 420) == ()


def test_half_of_at_least_three_for_a_quarter_of_an_hour_is_the_default():
    assert Limits().storm == Storm(50, 3, 900.0)
