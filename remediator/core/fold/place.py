"""How an incident's new form is put in place, with its hold on the target; and the keys of observe mode."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from remediator.core.model import Mode, Phase
from remediator.core.state import Incident, State


def keep(state: State, incident: Incident) -> State:
    """Put an incident's new form in place, and its hold on the target with it."""
    incident = _up_to_date(state, incident)
    key, hands = incident.target.key, state.hands
    if incident.in_hand:
        hands = hands.set(key, incident.id)
    elif hands.get(key) == incident.id:
        hands = hands.delete(key)
    return replace(state, incidents=state.incidents.set(incident.id, incident), hands=hands)


def _up_to_date(state: State, incident: Incident) -> Incident:
    """A pending incident follows its rule as it is now; what is in hand ends under the rule it was begun with."""
    rule = state.rules.get(incident.definition.name)
    if rule is None or incident.phase is not Phase.PENDING or rule == incident.definition:
        return incident
    if incident.step < len(rule.do):
        return replace(incident, definition=rule, said=None)
    return replace(incident, definition=rule, said=None, step=len(rule.do) - 1, phase=Phase.RESTING)


def shadow(mode: Mode | None) -> str:
    """Prefix of the keys under which observe mode spends."""
    return "shadow:" if mode is Mode.OBSERVE else ""


def without(mapping: Any, key: str) -> Any:
    """The mapping without a key, whether or not it has it."""
    return mapping.delete(key) if key in mapping else mapping
