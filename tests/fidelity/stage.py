"""Playing sequences: in a simulated world at once, on the lab several at a time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable

from remediator.clients import kubernetes
from remediator.core.model import Value
from remediator.ports import Cluster
from tests.fidelity.comparison import Difference, Transcript, differences
from tests.fidelity.known import no_longer, unlisted
from tests.fidelity.operators import Kubectl, Operator, Planned
from tests.fidelity.play import Play
from tests.fidelity.sequences.sequence import Sequence
from tests.fidelity.yards import PATIENT, SimulatedYard, Yard, lab_yard
from tests.lab.lab import Lab

AT_ONCE = 8
"""Sequences that play on the lab at the same time."""


class Compared(Value, frozen=True):
    """What came of one comparison: all differences, those that no list names, and listed ones that are no more."""

    found: tuple[Difference, ...]
    unlisted: tuple[Difference, ...]
    no_longer: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"  {one}" for one in self.unlisted]
        lines += [f"  no longer so, though known.py lists it: {name}" for name in self.no_longer]
        return "\n".join(lines)


class Played(Value, frozen=True):
    """What a sequence saw on the simulated cluster, on the lab, and there by kubectl's hand (where that differs)."""

    name: str
    simulated: Transcript
    real: Transcript
    by_kubectl: Transcript | None
    calls: int

    def clusters(self) -> Compared:
        """The simulated cluster beside the real one."""
        return _compared(self.name, self.simulated, self.real)

    def operators(self) -> Compared:
        """The product's plan beside kubectl's deed, both on the real cluster."""
        return _compared(f"{self.name} by kubectl", self.real, self.by_kubectl or self.real)


class Stage:
    """A running lab to play on."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._kubectl = lab, Kubectl(lab.kubectl, lab.kubeconfig())

    async def play(self, sequences: Iterable[Sequence]) -> dict[str, Played | BaseException]:
        """Play sequences on both clusters; what one raises is its answer, and ends no other."""
        wanted = list(sequences)
        cluster = kubernetes.connect(str(self._lab.kubeconfig()), timeouts=PATIENT)
        try:
            result = await self._together([one for one in wanted if not one.alone], cluster)
            for one in wanted:
                if one.alone:
                    result |= await self._together([one], cluster)
        finally:
            await cluster.close()
        return result

    async def _together(self, wanted: list[Sequence], cluster: Cluster) -> dict[str, Played | BaseException]:
        room = asyncio.Semaphore(AT_ONCE)
        played = await asyncio.gather(*(self._one(one, cluster, room) for one in wanted), return_exceptions=True)
        return {one.name: answer for one, answer in zip(wanted, played, strict=True)}

    async def _one(self, sequence: Sequence, cluster: Cluster, room: asyncio.Semaphore) -> Played:
        async with room:
            expected = await simulated(sequence)
            real = await self._real(sequence, cluster, Planned(), expected.transcript)
        if not sequence.by_kubectl:
            return Played(sequence.name, expected.transcript, real.transcript, None, real.calls)
        async with room:
            kubectl = await self._real(sequence, cluster, self._kubectl, real.transcript)
        calls = real.calls + kubectl.calls
        return Played(sequence.name, expected.transcript, real.transcript, kubectl.transcript, calls)

    async def _real(self, sequence: Sequence, cluster: Cluster, operator: Operator, expected: Transcript) -> Play:
        async with lab_yard(self._lab, cluster, sequence.name) as yard:
            return await _played(sequence, yard, operator, expected)


async def simulated(sequence: Sequence) -> Play:
    """Play a sequence in a world of its own."""
    return await _played(sequence, SimulatedYard(), Planned(), None)


async def _played(sequence: Sequence, yard: Yard, operator: Operator, expected: Transcript | None) -> Play:
    by_kubectl = f"{sequence.name} by kubectl" if isinstance(operator, Kubectl) else sequence.name
    play = Play(yard, operator, sequence.kinds, expected, functools.partial(unlisted, by_kubectl))
    await sequence.steps(play)
    return play


def _compared(name: str, expected: Transcript, found: Transcript) -> Compared:
    every = differences(expected, found)
    return Compared(tuple(every), tuple(unlisted(name, every)), tuple(no_longer(name, every)))
