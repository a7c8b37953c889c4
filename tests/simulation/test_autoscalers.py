"""The simulated autoscaler scales as the real one: by what it measures, within bounds, up at once and down late."""

from __future__ import annotations

from remediator.core.model import Json
from remediator.simulation import objects
from remediator.simulation.alerts import AlertSource
from remediator.simulation.controllers.autoscaler import LOAD
from remediator.simulation.values import condition_of
from remediator.simulation.world import World
from tests.simulation.test_alerts import FAST
from tests.simulation.worlds import SHOP, get, merge, running, world


def scaled(least: int = 1, most: int = 5) -> World:
    """A Deployment of two pods, and an autoscaler that has looked at it once."""
    w = world()
    running(w, replicas=2)
    w.create(objects.autoscaler("web", SHOP, "web", least, most))
    w.advance(16)
    return w


def load(w: World, percent: int, seconds: float = 16) -> None:
    merge(w, "HorizontalPodAutoscaler", "web", {"metadata": {"annotations": {LOAD: str(percent)}}})
    w.advance(seconds)


def replicas(w: World) -> int:
    return get(w, "Deployment", "web")["spec"]["replicas"]


def said(w: World, kind: str) -> Json | None:
    return condition_of(get(w, "HorizontalPodAutoscaler", "web")["status"], kind)


def test_without_metrics_nothing_is_scaled_and_it_says_so():
    w = scaled()
    w.advance(600)
    assert replicas(w) == 2
    assert (said(w, "ScalingActive") or {})["reason"] == "FailedGetResourceMetric"


def test_bounds_hold_without_metrics():
    assert replicas(scaled(least=3)) == 3
    assert replicas(scaled(most=1)) == 1


def test_more_load_scales_up_at_once_and_no_more_than_twice():
    w = scaled(most=20)
    load(w, 800)  # ten pods at 80 %
    assert replicas(w) == 4
    w.advance(15)
    assert replicas(w) == 8
    w.advance(15)
    assert replicas(w) == 10
    assert (said(w, "ScalingLimited") or {})["reason"] == "DesiredWithinRange"


def test_a_tenth_more_or_less_changes_nothing():
    w = scaled()
    load(w, 174)  # 87 % each, 80 % wanted
    assert replicas(w) == 2
    load(w, 177)
    assert replicas(w) == 3


def test_less_load_scales_down_when_the_highest_of_five_minutes_is_over():
    w = scaled()
    load(w, 300)
    assert replicas(w) == 4
    load(w, 70, 280)
    assert replicas(w) == 4
    w.advance(40)
    assert replicas(w) == 1


def test_at_its_limit_it_says_so_and_an_alert_fires():
    w, sent = scaled(most=3), []
    AlertSource(w, sent.append, FAST)
    load(w, 900, 90)
    assert replicas(w) == 3
    assert (said(w, "ScalingLimited") or {})["reason"] == "TooManyReplicas"
    assert [body["groupLabels"]["alertname"] for body in sent] == ["KubeHpaMaxedOut"]


def test_a_workload_that_is_switched_off_stays_so():
    w = scaled()
    merge(w, "Deployment", "web", {"spec": {"replicas": 0}})
    load(w, 900)
    assert replicas(w) == 0
    assert (said(w, "ScalingActive") or {})["reason"] == "ScalingDisabled"
