"""Kubernetes Events on targets: of what was written and what came of it, bounded, and no reason not to act."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from remediator.core.events import (
    Escalated,
    Event,
    IncidentClosed,
    Intent,
    Outcome,
    Payload,
    Record,
    Undo,
    Verification,
)
from remediator.core.kinds import resource
from remediator.core.model import Change, CloseReason, Json, Mode, OutcomeStatus, Precondition, Ref, Target, Verb
from remediator.herald import LONGEST, MOST_WAITING, NOT_ALLOWED, Herald
from remediator.ports import ClusterError, Forbidden, Unavailable
from remediator.rate import Pace
from remediator.simulation.clock import VirtualClock

AT = datetime(2026, 11, 23, tzinfo=UTC)
WEB = Target("Deployment", "shop", "web", "uid-web")
CHANGE = Change(
    Verb.PATCH, Ref(resource("Deployment"), "shop", "web"), {}, Precondition("u", "1"), summary="restart web"
)
INTENT = Intent("i-1", "restart", 0, 1, CHANGE)


class Cluster:
    """Takes Events, or fails as it is told."""

    def __init__(self) -> None:
        self.made: list[Change] = []
        self.fails: ClusterError | None = None
        self.tries = 0

    async def write(self, change: Change) -> Json:
        self.tries += 1
        if self.fails:
            raise self.fails
        self.made.append(change)
        return {}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def herald(cluster: Cluster, clock: VirtualClock) -> Herald:
    return Herald(cluster, clock, "pod-1")  # type: ignore[arg-type]


def record(data: Payload, mode: Mode = Mode.ENFORCE, target: Target | None = WEB) -> Record:
    return Record(1, Event(AT, data, "i", "r", target, mode), "", "")


async def told(herald: Herald, cluster: Cluster, *records: Record) -> list[Json]:
    """The Events that are written of these records."""
    for each in records:
        herald.saw(each)
    running = asyncio.create_task(herald.run())
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    return [change.body for change in cluster.made]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("records", "type_", "reason", "message"),
    [
        (
            (INTENT, Outcome("i-1", OutcomeStatus.APPLIED)),
            "Normal",
            "Remediated",
            "restart: restart web, remediation i-1",
        ),
        (
            (INTENT, Outcome("i-1", OutcomeStatus.ADOPTED)),
            "Normal",
            "Remediated",
            "restart: restart web, remediation i-1",
        ),
        (
            (INTENT, Outcome("i-1", OutcomeStatus.FAILED, "500")),
            "Warning",
            "RemediationFailed",
            "restart: restart web: 500",
        ),
        (
            (Undo("u-1", "i-1", "restart", 0, 1, CHANGE), Outcome("u-1", OutcomeStatus.APPLIED)),
            "Normal",
            "RemediationUndone",
            "restart: restart web, remediation u-1",
        ),
        ((Verification("failed", 0, "not ready"),), "Warning", "RemediationIneffective", "not ready"),
        (
            (Escalated("oncall", "requested", CloseReason.FAILED, "it did not help"),),
            "Warning",
            "RemediationEscalated",
            "oncall is asked for help: it did not help",
        ),
        ((IncidentClosed(CloseReason.RECOVERED, "ready for 1m"),), "Normal", "RemediationHelped", "ready for 1m"),
    ],
)
async def test_what_is_told(herald, cluster, records, type_: str, reason: str, message: str) -> None:
    (event,) = await told(herald, cluster, *map(record, records))
    assert (event["type"], event["reason"]) == (type_, reason)
    assert event["message"] == f"{message} (rule r, incident i)"
    assert event["metadata"]["namespace"] == "shop"
    assert event["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "uid": "uid-web",
    }


@pytest.mark.parametrize(
    "seen",
    [
        record(INTENT),
        record(Outcome("unknown", OutcomeStatus.APPLIED)),
        record(Verification("healthy", 0)),
        record(IncidentClosed(CloseReason.RESOLVED)),
        record(IncidentClosed(CloseReason.RECOVERED), Mode.OBSERVE),
        record(IncidentClosed(CloseReason.RECOVERED), target=None),
        record(IncidentClosed(CloseReason.RECOVERED), target=Target("Widget", "shop", "w")),
    ],
)
async def test_what_is_not_told(herald, cluster, seen: Record) -> None:
    assert await told(herald, cluster, seen) == []


async def test_of_a_node_it_is_told_in_the_default_namespace(herald, cluster) -> None:
    node = record(IncidentClosed(CloseReason.RECOVERED), target=Target("Node", "", "n1", "uid-n1"))
    (event,) = await told(herald, cluster, node)
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "uid-n1"}


async def test_hostile_and_endless_text_stays_short_text(herald, cluster) -> None:
    (event,) = await told(herald, cluster, record(Verification("failed", 0, "\x1b[2J" + "x" * 5000)))
    assert event["message"].startswith("\\x1b[2Jxxx")
    assert len(event["message"]) == LONGEST


async def test_many_are_dropped_not_waited_for(cluster, clock) -> None:
    herald = Herald(cluster, clock, "pod-1", Pace(3, 0.0))
    assert len(await told(herald, cluster, *(record(Verification("failed", 0)) for _ in range(10)))) == 3
    full = Herald(cluster, clock, "pod-1", Pace(1e9, 0.0))
    for _ in range(MOST_WAITING + 10):
        full.saw(record(Verification("failed", 0)))


async def test_what_is_not_taken_is_given_up_and_what_is_forbidden_not_tried_for_a_while(
    herald, cluster, clock
) -> None:
    cluster.fails = Unavailable("no")
    await told(herald, cluster, record(Verification("failed", 0)))
    cluster.fails = Forbidden("events is forbidden")
    running = asyncio.create_task(herald.run())
    for _ in range(3):
        herald.saw(record(Verification("failed", 0)))
        for _ in range(10):
            await asyncio.sleep(0)
    assert cluster.tries == 2
    clock.move_to(clock.now() + timedelta(seconds=NOT_ALLOWED))
    for _ in range(10):
        await asyncio.sleep(0)
    assert cluster.tries == 3
    running.cancel()


async def test_a_custom_resource_is_referred_to_as_it_calls_itself(cluster: Cluster, herald: Herald) -> None:
    ring = Target("Ring.v1.example.com", "shop", "one", "uid-one")
    (event,) = await told(
        herald, cluster, record(INTENT, target=ring), record(Outcome("i-1", OutcomeStatus.APPLIED), target=ring)
    )
    expected = {"apiVersion": "example.com/v1", "kind": "Ring", "namespace": "shop", "name": "one", "uid": "uid-one"}
    assert event["involvedObject"] == expected
