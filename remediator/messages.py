"""What a person is told: one message from an incident, with the same key for every retry. Pure."""

from __future__ import annotations

from remediator.core.state import Incident, State
from remediator.ports import Delivery


def message(state: State, incident: Incident) -> Delivery:
    """The escalation of an incident as its receiver gets it."""
    escalation = incident.escalation
    assert escalation is not None, "only an escalating incident has something to tell"
    rule = incident.definition
    return Delivery(
        escalation.receiver,
        f"{incident.id}-escalated-{incident.step}",
        {
            "version": "1",
            "incident": incident.id,
            "rule": rule.name,
            "target": {
                "kind": incident.target.kind,
                "namespace": incident.target.namespace,
                "name": incident.target.name,
            },
            "cause": escalation.cause,
            "reason": escalation.reason,
            "tried": [step.action for step in rule.do[: incident.step]],
            "opened_at": incident.opened_at,
            "labels": {**state.policy.external_labels, **incident.labels, **rule.labels},
            "annotations": {**incident.annotations, **rule.annotations},
        },
    )
