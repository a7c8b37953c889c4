"""The writes of a step of several onto the state: what each one leaves of the step, until the last is done."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from remediator.core.events import Event, Intent, Outcome
from remediator.core.model import OutcomeStatus, Phase
from remediator.core.progress import Progress, Written
from remediator.core.state import Incident

DONE = (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED)


def goes_on(incident: Incident, data: Outcome) -> bool:
    """Whether an outcome is that of one write of several, and the step began or goes on with it.

    Where the very first write comes to nothing, nothing was begun: that is the end of the intent and no more.
    """
    part = incident.intent.part if incident.intent else 0
    return part > 0 and (data.status in DONE or incident.under_way)


def written(incident: Incident, event: Event, data: Outcome) -> Incident:
    """The incident after one write of a step: what was done is noted, what was refused ends it.

    What was gone, conflicted or could not be reached is planned again from what is live then.
    """
    progress, intent = incident.progress, incident.intent
    assert progress is not None, "an intent with a part is in a step under way"
    assert intent is not None, "what was carried out was intended"
    if data.status in DONE:
        progress = replace(progress, done=(*progress.done, _note(intent, data)))
    if data.status is OutcomeStatus.REFUSED:
        progress = replace(progress, failed=data.detail)
    vain = data.status in (OutcomeStatus.CONFLICT, OutcomeStatus.NEVER_DONE)
    return replace(
        incident,
        phase=Phase.WORKING,
        progress=progress,
        carried_at=event.time if data.status in DONE else incident.carried_at,
        generation=data.generation if intent.change.precondition.uid == incident.target.uid else incident.generation,
        tries=incident.tries if vain else 0,
    )


def _note(intent: Intent, data: Outcome) -> Written:
    change = intent.change
    return Written(intent.id, change.verb, change.ref, change.precondition.uid, data.status, intent.prior)


def ended(incident: Incident, at: datetime) -> Incident:
    """The incident with the last write of its step done: from now on it is verified."""
    return replace(
        incident,
        phase=Phase.VERIFYING,
        progress=_marked(incident, ended=True),
        carried_at=at,
        verified=None,
        blind=0.0,
        blind_since=None,
    )


def given_up(incident: Incident, why: str) -> Incident:
    """The incident with its step given up, so that it stays so if the undo has to be planned again."""
    return replace(incident, progress=_marked(incident, failed=why)) if incident.under_way else incident


def _marked(incident: Incident, **fields: object) -> Progress | None:
    return replace(incident.progress, **fields) if incident.progress is not None else None
