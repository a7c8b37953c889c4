"""How many ready pods a roll-out takes away before their successors are ready: what the controllers do."""

from __future__ import annotations

import pytest

from remediator.core.strategies import takes_away


def deployment(kind: str = "RollingUpdate", **rolling: int | str) -> dict:
    return {"kind": "Deployment", "spec": {"strategy": {"type": kind, "rollingUpdate": rolling}}}


def stateful(kind: str = "RollingUpdate", **rolling: int | str) -> dict:
    return {"kind": "StatefulSet", "spec": {"updateStrategy": {"type": kind, "rollingUpdate": rolling}}}


def daemon(kind: str = "RollingUpdate", **rolling: int | str) -> dict:
    return {"kind": "DaemonSet", "spec": {"updateStrategy": {"type": kind, "rollingUpdate": rolling}}}


@pytest.mark.parametrize(
    ("live", "desired", "ready", "taken", "why"),
    [
        (deployment(), 1, 1, 0, "a quarter of one rounds down to none, and it may surge"),
        (deployment(), 3, 3, 0, "a quarter of three rounds down to none"),
        (deployment(), 4, 4, 1, "a quarter of four is one"),
        (deployment(), 7, 7, 1, "a quarter of seven rounds down to one"),
        (deployment(), 4, 3, 0, "the one that may miss misses already"),
        (deployment(maxSurge=0, maxUnavailable=0), 3, 3, 1, "neither surge nor miss: the controller takes one"),
        (deployment(maxSurge=0, maxUnavailable=1), 1, 1, 1, "the only one goes first"),
        (deployment(maxSurge=1, maxUnavailable=1), 1, 1, 1, "it may go first, so it is counted as going"),
        (deployment(maxSurge=0, maxUnavailable=5), 3, 3, 3, "never more than there are"),
        (deployment(maxSurge="0%", maxUnavailable="50%"), 3, 3, 1, "half of three rounds down to one"),
        (deployment("Recreate"), 3, 3, 3, "all go before the first comes"),
        (deployment("Recreate"), 3, 1, 1, "all that are ready go"),
        (deployment("Recreate"), 3, 0, 0, "nothing is ready, nothing goes"),
        ({"kind": "Deployment", "spec": {}}, 4, 4, 1, "no strategy written is the default one"),
        (stateful(), 3, 3, 1, "one ordinal after the other"),
        (stateful(), 1, 1, 1, "its only pod goes before its successor comes"),
        (stateful(), 3, 1, 1, "the ready one may be next, although others are not ready"),
        (stateful(maxUnavailable="34%"), 3, 3, 2, "a third rounds up here"),
        (stateful("OnDelete"), 3, 3, 0, "nothing goes until somebody deletes it"),
        (daemon(), 5, 5, 1, "one node after the other"),
        (daemon(), 5, 4, 0, "the one that may miss misses already"),
        (daemon(maxUnavailable="10%"), 5, 5, 1, "a tenth of five rounds up to one"),
        (daemon(maxSurge=1, maxUnavailable=0), 5, 5, 0, "surges first"),
        (daemon("OnDelete"), 5, 5, 0, "nothing goes until somebody deletes it"),
        ({"kind": "Node", "spec": {}}, 1, 1, 0, "does not roll out"),
    ],
)
def test_ready_pods_that_a_roll_out_takes_away_first(live, desired, ready, taken, why):
    assert takes_away(live, desired, ready, available=ready) == taken, why


def test_a_recreation_takes_pods_that_are_ready_and_not_yet_available():
    assert takes_away(deployment("Recreate"), 3, ready=4, available=2) == 4
