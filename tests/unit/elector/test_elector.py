"""The elector in virtual time: of several candidates never two may act, and somebody soon does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from remediator.core.kinds import KINDS
from remediator.core.model import PatchType, Ref
from remediator.elector import Elector, Terms
from remediator.simulation.faults import Fault, FaultKind
from remediator.simulation.world import World

TERMS = Terms("default")
LEASE = Ref(KINDS["Lease"], "default", "remediator")


@dataclass
class Candidate:
    """A replica that is in charge while it holds the lease. A frozen one does nothing until it thaws."""

    world: World
    name: str
    elector: Elector = field(init=False)
    frozen_until: float = 0.0
    running: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        cluster = self.world.cluster(self.name)
        self.elector = Elector(cluster, self.world.clock, TERMS, self.name, self.monotonic)
        self.running = asyncio.create_task(self.live())

    def monotonic(self) -> float:
        return self.world.clock.now().timestamp()

    async def live(self) -> None:
        while True:
            await self.elector.acquire()
            await self.elector.keep()

    async def leave(self) -> None:
        assert self.running is not None
        self.running.cancel()
        await self.elector.release()

    def die(self) -> None:
        """As by kill -9: nothing more is renewed or released."""
        assert self.running is not None
        self.running.cancel()


async def advance(world: World, seconds: float, each: Callable[[], None] = lambda: None) -> None:
    """Move time on in half seconds, with the tasks having their turn after each."""
    for _ in range(round(seconds * 2)):
        world.advance(0.5)
        for _ in range(30):
            await asyncio.sleep(0)
        each()


async def one_leads_and_two_stands_by(*faults: Fault) -> tuple[World, Candidate, Candidate]:
    """A world in which this has been so for half a minute, under these faults."""
    world = World()
    for fault in faults:
        world.faults.add(fault)
    one = Candidate(world, "one")
    await advance(world, 1)
    two = Candidate(world, "two")
    await advance(world, 30)
    return world, one, two


def in_charge(*candidates: Candidate) -> list[str]:
    return [each.name for each in candidates if each.elector.holds()]


def holder(world: World) -> str:
    return world.server.get(LEASE)["spec"].get("holderIdentity") or ""


async def test_the_first_makes_the_lease_and_the_others_wait():
    world = World()
    one = Candidate(world, "one")
    await advance(world, 1)
    two = Candidate(world, "two")
    await advance(world, 60)
    assert in_charge(one, two) == ["one"]
    assert two.elector.holder == "one"
    assert world.server.get(LEASE)["spec"]["leaseTransitions"] == 0


async def test_who_leaves_in_order_is_followed_at_once():
    """What is watched tells; the next look would be due within `retry`."""
    world, one, two = await one_leads_and_two_stands_by()
    await one.leave()
    assert holder(world) == ""
    for _ in range(100):
        await asyncio.sleep(0)
    assert in_charge(one, two) == ["two"]
    assert world.server.get(LEASE)["spec"]["leaseTransitions"] == 1


async def test_a_lease_that_is_deleted_is_taken_at_once_by_who_stands_by():
    world, one, two = await one_leads_and_two_stands_by()
    one.die()
    world.server.delete(LEASE)
    for _ in range(100):
        await asyncio.sleep(0)
    assert in_charge(two) == ["two"]


async def test_without_a_watch_who_leaves_in_order_is_followed_within_two_seconds():
    no_watch = Fault(FaultKind.ERROR, verbs=("watch",), count=0)
    world, one, two = await one_leads_and_two_stands_by(no_watch)
    await one.leave()
    await advance(world, TERMS.retry)
    assert in_charge(one, two) == ["two"]
    assert world.server.get(LEASE)["spec"]["leaseTransitions"] == 1


async def test_who_dies_is_followed_when_the_lease_has_run_out():
    world, one, two = await one_leads_and_two_stands_by()
    one.die()
    await advance(world, TERMS.duration - 2 * TERMS.retry)
    assert not two.elector.holds()  # its last word was heard less than `duration` ago
    await advance(world, 3 * TERMS.retry)
    assert in_charge(two) == ["two"]


async def test_who_cannot_reach_the_api_server_stops_before_others_may_begin():
    world, one, two = await one_leads_and_two_stands_by()
    world.faults.add(Fault(FaultKind.UNREACHABLE, account="one", count=1000))
    both: list[list[str]] = []
    await advance(world, TERMS.duration + 2 * TERMS.retry, lambda: both.append(in_charge(one, two)))
    assert ["one", "two"] not in both
    assert [] in both  # a gap, never an overlap
    assert both[-1] == ["two"]


async def test_who_was_stopped_knows_it_when_it_wakes_up_before_anything_told_it():
    """SIGSTOP: no task of its own ran, only the clock went on."""
    world = World()
    elector = Elector(world.cluster("one"), world.clock, TERMS, "one", lambda: world.clock.now().timestamp())
    await elector.acquire()
    assert elector.holds()
    world.advance(TERMS.renew)
    assert not elector.holds()


async def test_a_renewal_that_hangs_is_not_waited_for_longer_than_the_lease_allows():
    world = World()
    one = Candidate(world, "one")
    await advance(world, 1)
    world.faults.add(Fault(FaultKind.SLOW, account="one", seconds=600.0, count=1000))
    await advance(world, TERMS.renew + 1)
    assert not one.elector.holds()
    assert "no answer within" in one.elector.problem


async def test_a_lease_taken_by_hand_is_given_up():
    world = World()
    one = Candidate(world, "one")
    await advance(world, 10)
    world.server.patch(LEASE, {"spec": {"holderIdentity": "somebody"}}, PatchType.MERGE)
    await advance(world, 2 * TERMS.retry)
    assert not one.elector.holds()
    assert one.elector.holder == "somebody"


async def test_a_deleted_lease_is_made_again():
    world = World()
    one = Candidate(world, "one")
    await advance(world, 10)
    world.server.delete(LEASE)
    await advance(world, 2 * TERMS.retry)
    assert holder(world) == "one"
    assert one.elector.holds()


async def test_a_wall_clock_that_jumps_takes_nothing_from_anybody():
    """Expiry is counted by when a renewal was seen, never by the time that it names."""
    world = World()
    Candidate(world, "one")
    await advance(world, 1)
    two = Candidate(world, "two")
    await advance(world, 10)
    world.server.patch(LEASE, {"spec": {"renewTime": "2001-01-01T00:00:00.000000Z"}}, PatchType.MERGE)
    await advance(world, 1)
    assert not two.elector.holds()


@pytest.mark.parametrize(
    "times", [{}, {"leaseDurationSeconds": None}, {"renewTime": None, "acquireTime": None}], ids=str
)
async def test_a_lease_that_somebody_left_behind_is_taken_when_it_has_run_out(times: dict):
    world = World()
    spec = {"holderIdentity": "ghost", "leaseDurationSeconds": 20, **times}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    world.server.create({**lease, "metadata": {"name": "remediator", "namespace": "default"}, "spec": spec})
    one = Candidate(world, "one")
    await advance(world, TERMS.duration - 1)
    assert not one.elector.holds()
    await advance(world, 20)
    assert one.elector.holds()


TROUBLE = st.lists(
    st.tuples(
        st.sampled_from(["die", "leave", "join", "cut", "conflict", "lost", "nothing"]),
        st.integers(0, 2),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=20, deadline=None)
@example(trouble=[("die", 0, 1), ("die", 1, 32), ("conflict", 2, 4), ("leave", 2, 1)])
@given(trouble=TROUBLE)
def test_whatever_happens_never_two_are_in_charge_and_at_last_one_is(trouble: list[tuple[str, int, int]]):
    asyncio.run(_elect_through(trouble))


async def _elect_through(trouble: list[tuple[str, int, int]]) -> None:
    world, serial = World(), 3
    candidates = [Candidate(world, f"replica-{n}") for n in range(serial)]

    def never_two() -> None:
        assert len(in_charge(*candidates)) <= 1

    for what, which, half_seconds in trouble:
        name = candidates[which].name
        if what == "leave":
            await candidates[which].leave()
        elif what == "die":
            candidates[which].die()
        elif what in ("cut", "conflict", "lost"):
            kind = {"cut": FaultKind.UNREACHABLE, "conflict": FaultKind.CONFLICT, "lost": FaultKind.LOST_ANSWER}[what]
            world.faults.add(Fault(kind, account=name, count=half_seconds))
        elif what == "join":
            candidates[which].die()
            candidates.append(Candidate(world, f"replica-{serial}"))
            serial += 1
        await advance(world, half_seconds / 2, never_two)
    candidates.append(Candidate(world, "the-last"))
    world.faults.lift()
    await advance(world, 2 * TERMS.duration, never_two)
    living = [each for each in candidates if each.running and not each.running.cancelled()]
    assert len(in_charge(*living)) == 1
    for each in candidates:
        each.die()
