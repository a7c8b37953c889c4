"""When a fault strikes: five moments of a remediation, each reached for certain, not by waiting a while."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.stand import Stand


def before_intent(stand: Stand) -> None:
    """The alert is known and its `for` has not passed: nothing is decided."""
    stand.start()
    stand.rollout()
    stand.one.wait_for_line("incident_opened", 120)


def after_intent(stand: Stand) -> None:
    """The intent is durable, and its write has left but not arrived."""
    stand.start(hold="before")
    stand.rollout()
    _held(stand)


def after_write(stand: Stand) -> None:
    """The API server has carried the write out, and the answer is lost."""
    stand.start(hold="after")
    stand.rollout()
    _held(stand)


def while_verifying(stand: Stand) -> None:
    """The outcome is durable, and whether it helped is not known yet."""
    stand.start()
    stand.rollout()
    stand.one.wait_for_line("outcome", 120, status="applied")


def while_draining(stand: Stand) -> None:
    """The node is cordoned, and the first eviction has left but not arrived."""
    stand.start(hold="before", write=2)
    stand.node()
    _held(stand)


def _held(stand: Stand) -> None:
    if not stand.api.held.wait(120):
        raise RuntimeError(f"no write came; the service said:\n{stand.one.log[-2000:]}")


MOMENTS: dict[str, Callable[[Stand], None]] = {
    "before intent": before_intent,
    "after intent": after_intent,
    "after write": after_write,
    "while verifying": while_verifying,
    "while draining": while_draining,
}
