"""What the fault matrix counts: it has to be able to find what it looks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from remediator.executor import FENCE
from tests.faults.__main__ import table
from tests.faults.verdict import Verdict, effect, judge
from tests.lab.audit import Request


def write(verb: str, resource: str, name: str, body: dict[str, Any] | None = None) -> Request:
    what, _, sub = resource.partition("/")
    at = datetime(2026, 11, 26, tzinfo=UTC)
    return Request("one", verb, "apps", what, sub, "shop", name, 200, False, "", at, "", "", body)


ROLL_BACK = write("patch", "deployments", "web", {"spec": {}})
FENCED = write("patch", "deployments", "web", {"metadata": {"annotations": {FENCE: "i"}}})
LEASE = write("patch", "leases", "remediator")
EVICTED = write("create", "pods/eviction", "web-1", {"metadata": {"annotations": {"other": "x"}}})
WANTED = ["patch deployments web"]


@pytest.mark.parametrize(
    ("writes", "closed", "doubled", "lost", "stuck"),
    [
        pytest.param([ROLL_BACK, FENCED, LEASE], "recovered", 0, 0, 0, id="once; fence and lease do not count"),
        pytest.param([ROLL_BACK, ROLL_BACK], "recovered", 1, 0, 0, id="twice"),
        pytest.param([ROLL_BACK, EVICTED], "recovered", 1, 0, 0, id="something that nobody wanted"),
        pytest.param([FENCED], "recovered", 0, 1, 0, id="said to be done, but not in the log"),
        pytest.param([ROLL_BACK], "escalated", 0, 1, 0, id="done, and taken for a failure"),
        pytest.param([ROLL_BACK], "", 0, 0, 1, id="never closed"),
        pytest.param([], "", 0, 1, 1, id="never done, never closed"),
    ],
)
def test_verdicts(writes: list[Request], closed: str, doubled: int, lost: int, stuck: int) -> None:
    verdict = judge(writes, WANTED, closed, 1.0)
    assert (verdict.doubled, verdict.lost, verdict.stuck) == (doubled, lost, stuck)
    assert verdict.holds is (doubled + lost + stuck == 0)


def test_an_eviction_is_one_effect_a_pod() -> None:
    assert effect(EVICTED) == "create pods/eviction web-1"
    assert judge([EVICTED, EVICTED], ["create pods/eviction web-1"], "recovered", 0.0).doubled == 1


def test_the_table_says_what_each_cell_came_to() -> None:
    rows = {"kill -9": [Verdict(0, 0, 0, 9.5), Verdict(1, 0, 0, 3.0)]}
    lines = table(rows, ["before intent", "after intent"]).splitlines()
    assert lines[1].split() == ["kill", "-9", "0/0/0", "9.5", "s", "1/0/0", "3.0", "s"]
    assert lines[-1] == "2 cells: effects doubled 1, lost 0, stuck 0"
