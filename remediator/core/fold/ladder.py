"""From one rung of an incident's ladder to the next, or to the person at its end."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.model import Phase
from remediator.core.state import Incident

TELLS = "escalate"
"""The action that tells a person: the only one that a ladder may be cut short to."""


def go_on(incident: Incident, *, to_person: bool = False) -> Incident:
    """The incident on its next rung, or on the next one that tells a person; at rest where there is none."""
    steps = incident.definition.do
    following = range(incident.step + 1, len(steps))
    step = next((each for each in following if not to_person or steps[each].action == TELLS), None)
    return replace(
        incident,
        phase=Phase.RESTING if step is None else Phase.PENDING,
        step=incident.step if step is None else step,
        tries=0,
        undo_tries=0,
        reverts=0,
        intent=None,
        undo=None,
        verified=None,
        progress=None,
        approved="",
    )
