"""Call: what an outside system is asked for, by a receiver's webhooks, until it says that it was taken (2xx).

An intent, durable before, becomes an outcome, as in the executor. Whether one that was under way at a crash had arrived
cannot be looked up: it is sent once more with the same key and the same bytes, by which the other side knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from remediator.core.durations import parse_duration
from remediator.core.events import Intent
from remediator.core.model import OutcomeStatus
from remediator.core.observations import Carried
from remediator.core.rules import Reach
from remediator.core.state import State
from remediator.logs import logger
from remediator.ports import Clock, Delivered, Delivery, Notifier, Objection, Unavailable

log = logger("caller")

UNASKED = Delivered("it is not known whether it still may be asked")
"""What stands for an answer where nobody was asked."""

LONGEST_WAIT = 30.0
"""Seconds between two attempts at most, unless the other side asks for longer."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks outside systems, each intent at every webhook of its receiver, unless there is an `objection`.

    `state` names the endpoints; it asks only while it `holds` office.
    """

    notifier: Notifier
    clock: Clock
    state: Callable[[], State]
    objection: Objection
    holds: Callable[[], bool] = lambda: True

    async def carry_out(self, incident: str, intent: Intent, *, asked_before: bool) -> Carried:
        """Ask until all have taken it, an objection stands, or the action's `timeout` is over.

        `asked_before`: it may have been asked already, in an earlier term or before a crash.
        """
        left, patience = self._endpoints(intent), parse_duration(_said(intent, "timeout"))
        waited, wait, doubtful = 0.0, 0.5, asked_before
        if not left:
            return _ended(incident, intent, OutcomeStatus.REFUSED, "its receiver has no webhook_configs")
        while True:
            why = await self._objection(incident, intent, waited > 0)
            if why:
                return _withdrawn(incident, intent, why, doubtful)
            answer = await self._ask(intent, left) if why is not None else UNASKED
            if not left:
                return _ended(incident, intent, OutcomeStatus.APPLIED, "")
            pause, doubtful = max(wait, answer.retry_after), doubtful or answer is not UNASKED
            if waited + pause > patience:
                return _ended(incident, intent, OutcomeStatus.FAILED, f"not taken in {patience:g} s: {answer.problem}")
            await self.clock.sleep(pause)
            waited, wait = waited + pause, min(wait * 2, LONGEST_WAIT)

    async def _objection(self, incident: str, intent: Intent, waited: bool) -> str | None:
        """Why nobody must be asked now, empty where nothing speaks against it; None where that is not known."""
        try:
            return await self.objection(incident, intent, waited) if self.holds() else None
        except Unavailable:
            return None

    async def _ask(self, intent: Intent, left: list[str]) -> Delivered:
        """One attempt at each endpoint that has not taken it; those that do are struck off."""
        answer = Delivered()
        for endpoint in list(left):
            answer = await self._attempt(intent, endpoint)
            if answer.problem:
                break
            left.remove(endpoint)
        return answer

    async def _attempt(self, intent: Intent, endpoint: str) -> Delivered:
        assert intent.message is not None, "a call has its message"
        receiver = _said(intent, "receiver")
        try:
            return await self.notifier.deliver(Delivery(receiver, endpoint, f"{intent.id}-{endpoint}", intent.message))
        except Exception as error:  # a fault of ours in one receiver must end in an outcome, not in the loop
            log.error("call failed", receiver=receiver, endpoint=endpoint, problem=repr(error))
            return Delivered(f"the call itself failed: {type(error).__name__}")

    def _endpoints(self, intent: Intent) -> list[str]:
        known = self.state().policy.receivers.get(_said(intent, "receiver"), Reach(()))
        return [endpoint for endpoint in known.endpoints if endpoint.startswith("webhook-")]


def _said(intent: Intent, name: str) -> str:
    """What the action wrote into the body of a call."""
    assert isinstance(intent.change.body, dict), "a call is an object"
    return str(intent.change.body[name])


def _withdrawn(incident: str, intent: Intent, why: str, doubtful: bool) -> Carried:
    """Not asked any more; where it was asked before, nobody knows what came of that."""
    if not doubtful:
        return _ended(incident, intent, OutcomeStatus.NEVER_DONE, f"withdrawn before it was asked: {why}")
    said = f"withdrawn: {why}; whether an earlier attempt was taken is not known"
    return _ended(incident, intent, OutcomeStatus.FAILED, said)


def _ended(incident: str, intent: Intent, status: OutcomeStatus, detail: str) -> Carried:
    return Carried(incident, intent.id, status, detail)
