"""`breaker`: an action that keeps failing for a rule is stopped, tried once, and only then goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from remediator.core.fold.results import results_key
from remediator.core.memory import Result
from remediator.core.model import Value, Verdict, allow, deny, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Breaker, Guard, Request

ASK_AGAIN = timedelta(seconds=60)
"""How often a latched breaker is asked for again: a person may acknowledge it at any time."""

PROBE_AGAIN = timedelta(seconds=15)


class Circuit(Value, frozen=True):
    """Where a breaker stands: `opened` while it is open, `probe` the incident that is being tried in half-open,
    `closed` when it last closed after having been open.
    """

    failures: tuple[datetime, ...] = ()
    in_row: int = 0
    opened: datetime | None = None
    probe: str = ""
    closed: datetime | None = None


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while the breaker of this rule and action is open: from `failures` in a row, or that many within the last
    `within` (one exactly `within` ago no longer counts), until `open_for` has passed; at that very instant one probe is
    let through. It closes it by helping and opens it anew by failing. One that latches waits for an operator.

    What was there before it closed is denied and goes to the next rung: a backlog is not replayed. State and window are
    folded from the journal and judged by the settings of now.
    """
    limit, key = request.limits.breaker, results_key(request.rule.name, request.action.name)
    circuit = trace(state.results.get(key, ()), limit)
    seen: dict[str, Any] = {"failures": len(circuit.failures), "in_row": circuit.in_row, "max": limit.failures}
    seen |= {"opened": circuit.opened, "closed": circuit.closed}
    if circuit.opened is None:
        if circuit.closed is not None and request.incident.since < circuit.closed:
            return deny("breaker", "it is older than the breaker's closing: a backlog is not replayed", **seen)
        return allow("breaker", f"closed: {circuit.in_row} failures in a row", **seen)
    if limit.latch:
        why = f"{request.action.name} failed too often: open until an operator resumes rule {request.rule.name}"
        return hold("breaker", why, now + ASK_AGAIN, **seen)
    return _open(circuit, limit, request, now, seen)


def _open(circuit: Circuit, limit: Breaker, request: Request, now: datetime, seen: dict[str, Any]) -> Verdict:
    assert circuit.opened is not None, "only an open breaker gets this far"
    until = circuit.opened + timedelta(seconds=limit.open_for)
    if now < until:
        return hold("breaker", f"{request.action.name} failed too often: open", until, **seen)
    if circuit.probe and circuit.probe != request.incident.id:
        return hold("breaker", f"half-open: incident {circuit.probe} is the probe", now + PROBE_AGAIN, **seen)
    return allow("breaker", "half-open: this one is the probe", **seen)


def trace(results: tuple[Result, ...], limit: Breaker) -> Circuit:
    """Where the breaker stands after these results, the oldest first."""
    circuit = Circuit()
    if "failed" not in map(_WHAT, results):  # most are asked about in peace
        return circuit
    for result in results:
        if circuit.opened is None and result.what in _NO_NEWS:
            continue
        circuit = (_while_closed if circuit.opened is None else _while_open)(circuit, result, limit)
    return circuit


_WHAT = attrgetter("what")
_NO_NEWS = ("began", "void")
"""What changes nothing while a breaker is closed; most results are of this kind."""


def _while_closed(circuit: Circuit, result: Result, limit: Breaker) -> Circuit:
    if result.what == "acknowledged":
        return Circuit(closed=circuit.closed)
    if result.what == "helped":
        return Circuit(circuit.failures, 0, closed=circuit.closed)
    if result.what != "failed":
        return circuit
    window = timedelta(seconds=limit.within)
    failures = (*(each for each in circuit.failures if result.at - each < window), result.at)
    in_row = circuit.in_row + 1
    opens = max(in_row, len(failures)) >= limit.failures
    return Circuit(failures, in_row, result.at if opens else None, closed=circuit.closed)


def _while_open(circuit: Circuit, result: Result, limit: Breaker) -> Circuit:
    """Only the probe and an operator change anything; what was under way when it opened does not."""
    assert circuit.opened is not None, "only an open breaker gets this far"
    if result.what == "acknowledged":
        return Circuit(closed=result.at)
    if result.what == "began":
        half_open = not limit.latch and result.at >= circuit.opened + timedelta(seconds=limit.open_for)
        return Circuit(circuit.failures, circuit.in_row, circuit.opened, result.incident if half_open else "")
    if result.incident != circuit.probe:
        return circuit
    if result.what == "helped":
        return Circuit(closed=result.at)
    if result.what == "failed":
        return Circuit(circuit.failures, circuit.in_row + 1, result.at)
    return Circuit(circuit.failures, circuit.in_row, circuit.opened)


GUARD = Guard("breaker", ask, once=True)
