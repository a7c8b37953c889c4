"""What a sequence is: a named list of calls, and what has to be known to play it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from remediator.core.model import Value
from tests.fidelity.play import Play

Steps = Callable[[Play], Awaitable[None]]

WORKLOAD_KINDS = ("Deployment", "ReplicaSet", "Pod")


class Sequence(Value, frozen=True):
    """One sequence. `kinds` are looked at where it rests; `by_kubectl` also has kubectl do what the product plans;
    `alone` plays it while no other one does, because it touches what all share.
    """

    name: str
    steps: Steps
    kinds: tuple[str, ...] = WORKLOAD_KINDS
    by_kubectl: bool = False
    alone: bool = False


def sequence(*kinds: str, by_kubectl: bool = False, alone: bool = False) -> Callable[[Steps], Sequence]:
    """Make a sequence of a function; its name is the function's."""

    def make(steps: Steps) -> Sequence:
        return Sequence(getattr(steps, "__name__", ""), steps, kinds or WORKLOAD_KINDS, by_kubectl, alone)

    return make
