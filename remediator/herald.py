"""Herald: Kubernetes Events on targets, so that `kubectl describe` tells what was done to them and by which rule.

They are a courtesy beside the journal: bounded, dropped rather than waited for, and never a reason not to act.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable

from remediator.core.events import Escalated, IncidentClosed, Intent, Outcome, Record, Undo, Verification
from remediator.core.kinds import KINDS, bare, is_kind, resource
from remediator.core.model import Change, CloseReason, Json, Mode, OutcomeStatus, Precondition, Ref, Target, Value, Verb
from remediator.core.text import cut, printable
from remediator.logs import logger
from remediator.ports import Clock, Cluster, ClusterError, Forbidden
from remediator.rate import Pace, Rate

log = logger("herald")

PACE = Pace(burst=50, per_second=1)
"""As kube-controllers pace theirs, in all: what is beyond is in the journal alone."""
MOST_WAITING = 200
MOST_OPEN = 10_000
LONGEST = 1024
"""Characters of a message, as the API server allows."""
NOT_ALLOWED = 600.0
"""Seconds without a try after the API server said that the account may not."""
HOME = "default"
"""The namespace of Events about what has none."""


class Said(Value, frozen=True):
    """What one Event says."""

    target: Target
    type: str
    reason: str
    message: str


class Herald:
    """Is told of every record that becomes durable (`saw`), and writes Events about targets that were written to.

    In observe mode nothing is written to the cluster, Events neither.
    """

    def __init__(self, cluster: Cluster, clock: Clock, instance: str, pace: Pace = PACE) -> None:
        self._cluster, self._clock, self._instance = cluster, clock, instance
        self._waiting: asyncio.Queue[Said] = asyncio.Queue(MOST_WAITING)
        self._intents: OrderedDict[str, Intent | Undo] = OrderedDict()
        self._rate = Rate(pace)

    def saw(self, record: Record) -> None:
        """Note what is to be said of a record; drops what is too much."""
        said = self._said(record)
        if said is None or record.event.mode not in (Mode.APPROVE, Mode.ENFORCE):
            return
        if not self._waiting.full() and self._rate.take():
            self._waiting.put_nowait(said)

    async def run(self) -> None:
        """Write Events, one after the other, until cancelled."""
        while True:
            said = await self._waiting.get()
            try:
                await self._cluster.write(self._event(said))
            except Forbidden as error:
                log.warning("no Events: the account lacks create on events (core)", problem=error.message)
                await self._clock.sleep(NOT_ALLOWED)
            except ClusterError as error:
                log.debug("an Event was not taken", problem=error.message)

    def _said(self, record: Record) -> Said | None:
        event, data = record.event, record.event.data
        if isinstance(data, Intent | Undo):
            self._intents[data.id] = data
            if len(self._intents) > MOST_OPEN:
                self._intents.popitem(last=False)
        tell = _TOLD.get(type(data))
        told = tell(self, data) if tell else None
        if told is None or event.target is None or not is_kind(event.target.kind):
            return None
        kind, reason, text = told
        message = f"{text} (rule {event.rule}, incident {event.incident})"
        return Said(event.target, kind, reason, cut(printable(message), LONGEST))

    def _outcome(self, data: Outcome) -> tuple[str, str, str] | None:
        intent = self._intents.pop(data.intent, None)
        if intent is None:
            return None
        what = f"{intent.action}: {intent.change.summary}"
        if data.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED):
            reason = "RemediationUndone" if isinstance(intent, Undo) else "Remediated"
            return "Normal", reason, f"{what}, remediation {intent.id}"
        if data.status in (OutcomeStatus.FAILED, OutcomeStatus.REFUSED):
            return "Warning", "RemediationFailed", f"{what}: {data.detail}"
        return None

    def _verification(self, data: Verification) -> tuple[str, str, str] | None:
        return ("Warning", "RemediationIneffective", data.detail) if data.result == "failed" else None

    def _escalated(self, data: Escalated) -> tuple[str, str, str] | None:
        if data.status != "requested":
            return None
        return "Warning", "RemediationEscalated", f"{data.receiver} is asked for help: {data.reason}"

    def _closed(self, data: IncidentClosed) -> tuple[str, str, str] | None:
        return ("Normal", "RemediationHelped", data.detail) if data.reason is CloseReason.RECOVERED else None

    def _event(self, said: Said) -> Change:
        target, now = said.target, self._clock.now()
        home = target.namespace or HOME
        name = f"{target.name[:200]}.{secrets.token_hex(8)}"
        at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        body: Json = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": home},
            "involvedObject": _reference(target),
            "type": said.type,
            "reason": said.reason,
            "message": said.message,
            "source": {"component": "remediator"},
            "reportingComponent": "remediator.io/remediator",
            "reportingInstance": self._instance[:128],
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }
        return Change(Verb.CREATE, Ref(KINDS["Event"], home, name), body, Precondition("", ""))


def _reference(target: Target) -> Json:
    kind, version = bare(target.kind), resource(target.kind).api_version
    found = {"apiVersion": version, "kind": kind, "name": target.name, "uid": target.uid}
    return found | ({"namespace": target.namespace} if target.namespace else {})


_TOLD: dict[type, Callable[..., tuple[str, str, str] | None]] = {
    Outcome: Herald._outcome,
    Verification: Herald._verification,
    Escalated: Herald._escalated,
    IncidentClosed: Herald._closed,
}
