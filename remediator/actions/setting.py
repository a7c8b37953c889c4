"""What actions share that set single fields: the change with its prior state, whether it still stands, and its undo.

The prior state is the list of fields that were set, with what they were before. An undo gives back those that are still
ours; where somebody else has set one of them since, the change is contended and nothing is touched.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from remediator.actions.action import Order, UndoOrder, annotated, precondition_of
from remediator.core.events import Intent
from remediator.core.fields import Field, fields_set, is_ours, restoring, shown, value_at
from remediator.core.hiding import without_secrets
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, PatchType, Refusal, Verb, as_json


def setting(order: Order, body: Json, summary: str, patch_type: PatchType = PatchType.MERGE) -> Change | None:
    """The change that patches the target so; None where everything is so already."""
    fields = fields_set(body, order.snapshot.live, by_key=patch_type is PatchType.STRATEGIC)
    if not fields:
        return None
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(body, order.id),
        precondition_of(order.snapshot.live),
        patch_type,
        prior=prior_of(fields),
        summary=summary,
    )


def set_paused(order: Order, paused: bool | None) -> Change | None:
    """A Deployment's roll-out paused, or (None) resumed, as `kubectl rollout` does; None where it is so already."""
    verb = "pause" if paused else "resume"
    return setting(order, {"spec": {"paused": paused}}, f"{verb} the roll-out of {order.target}", PatchType.STRATEGIC)


def prior_of(fields: tuple[Field, ...]) -> Json:
    """The fields as the journal keeps them with the intent: without what looks like a secret."""
    return {"fields": as_json(tuple(without_secrets(field) for field in fields))}


def stands(intent: Intent, live: Json) -> bool:
    """Whether nobody has put back one of the fields as it was before; admission may have made ours another value."""
    return all(value_at(live, field.path) != field.before for field in _fields(intent.prior))


def restore(order: UndoOrder) -> Change | Refusal:
    """A merge patch of the fields that were set; refused as contended where one of them is no longer ours."""
    return giving_back(order, order.intent.prior, f"undo the {order.intent.action} of {order.target}")


def giving_back(order: Order | UndoOrder, prior: Json, summary: str) -> Change | Refusal:
    """The patch that makes the fields of a prior state again what they were; refused where one is no longer ours."""
    live, fields = order.snapshot.live, _fields(prior)
    others = [shown(field.path) for field in fields if not is_ours(live, field)]
    if others:
        return contended(", ".join(others))
    lost = [shown(field.path) for field in fields if field.secret and field.before is not UNSET]
    if lost:
        reason = f"{', '.join(lost)} held what looks like a secret, which the journal does not keep"
        return Refusal(reason, "give it back by hand; keep secrets in Secrets")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(restoring(live, fields), order.id),
        precondition_of(live),
        PatchType.MERGE,
        summary=summary,
    )


def contended(what: str) -> Refusal:
    """The answer of an undo where somebody else has changed since what it would give back."""
    return Refusal(f"{what} was changed by somebody else since", "look who changed it before undoing", contended=True)


def _fields(prior: Json) -> tuple[Field, ...]:
    return msgspec.convert(prior["fields"], tuple[Field, ...])
