"""The models of `expect` in rule test files: what came about up to an instant, and how things stand then.

A key that is not there is not looked at; a list is whole and in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import WithJsonSchema
from pydantic_core import CoreSchema

from remediator.actions import ACTIONS
from remediator.config.rule_shapes import where_text
from remediator.config.shapes import Seconds, Shape, Text, any_of, said
from remediator.core.kinds import names_object
from remediator.core.message import Occasion
from remediator.core.model import CloseReason, OutcomeStatus, Phase


def _object(value: str) -> str:
    if not names_object(value):
        raise said(
            f"`{value}` is not an object's name", "write Kind/namespace/name, as Deployment/shop/web, or Node/name"
        )
    return value


NAME = {"type": "string", "pattern": "^[^/]+(/[^/]+){1,2}$"}
ObjectName = Annotated[Text, AfterValidator(_object), WithJsonSchema(NAME)]
"""`Kind/namespace/name`, or `Kind/name` of what is in no namespace."""

Where = Annotated[Text, AfterValidator(where_text)]
"""CEL about `object`."""


if TYPE_CHECKING:
    PhaseName = ReasonName = StatusName = OccasionName = ActionName = str
else:
    PhaseName, ReasonName = Literal[tuple(map(str, Phase))], Literal[tuple(map(str, CloseReason))]
    ActionName = Annotated[Text, WithJsonSchema({"enum": list(ACTIONS)})]
    StatusName, OccasionName = Literal[tuple(map(str, OutcomeStatus))], Literal[tuple(map(str, Occasion))]


class TimesShape(Shape):
    """When something is expected: at `at`, or not before `after` and not later than `by`; all inclusive."""

    at: Seconds | None = None
    after: Seconds | None = None
    by: Seconds | None = None


class IncidentShape(Shape):
    """An incident as it stands at that instant: open in a phase, or closed for a reason."""

    renamed: ClassVar = {"state": "phase", "close_reason": "reason", "closed": "reason"}

    rule: Text | None = None
    target: ObjectName | None = None
    phase: PhaseName | None = None
    reason: ReasonName | None = None
    detail: Text | None = None

    @model_validator(mode="after")
    def _closed(self) -> Self:
        if self.reason is not None and self.phase not in (None, Phase.CLOSED):
            raise said("only a closed incident has a reason", "write phase: closed, or leave it out", at=("phase",))
        return self


class VerdictShape(Shape):
    """A guard's answer."""

    verdict: Literal["allow", "hold", "deny"]
    reason: Text | None = None


def _verdict(value: Any) -> Any:
    return {"verdict": value} if isinstance(value, str) else value


VERDICT = {"enum": ["allow", "hold", "deny"]}


class _Verdict:
    """A verdict alone, or with its reason."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [VERDICT, handler(VerdictShape.__pydantic_core_schema__)]}


class DecisionShape(TimesShape):
    """A decision, in the order in which they were said."""

    rule: Text | None = None
    target: ObjectName | None = None
    result: Literal["act", "observe", "hold", "deny", "await_approval"] | None = None
    action: ActionName | None = None
    verdicts: dict[str, Annotated[VerdictShape, BeforeValidator(_verdict), _Verdict()]] = {}


class WriteShape(TimesShape):
    """A write that the API server carried out for the remediator, in its order: dry runs are none."""

    renamed: ClassVar = {"target": "object", "resource": "object", "body": "with", "patch": "with"}

    verb: Literal["patch", "create", "delete", "evict"] | None = None
    object: ObjectName | None = None
    action: ActionName | None = None
    with_: dict[str, Any] | None = Field(None, alias="with")


class OutcomeShape(TimesShape):
    """What became of an intent or of an undo."""

    rule: Text | None = None
    target: ObjectName | None = None
    action: ActionName | None = None
    status: StatusName | None = None
    undo: bool | None = None


class VerificationShape(TimesShape):
    """What fresh evidence said about a step."""

    rule: Text | None = None
    target: ObjectName | None = None
    result: Literal["healthy", "not_yet", "failed", "unknown"] | None = None
    then: Text | None = None


class MessageShape(TimesShape):
    """What a receiver was told."""

    receiver: Text | None = None
    rule: Text | None = None
    target: ObjectName | None = None
    occasion: OccasionName | None = None
    title: Text | None = None


class FinalShape(Shape):
    """An object as it stands at that instant: `has` these fields, `where` this holds, or it does not exist."""

    model_config = any_of("has", "where", "exists")
    renamed: ClassVar = {"like": "has", "fields": "has"}

    object: ObjectName
    exists: bool = True
    has: dict[str, Any] = {}
    where: Where | None = None

    @model_validator(mode="after")
    def _claims(self) -> Self:
        if not self.model_fields_set - {"object"}:
            raise said("says nothing of the object", "write `has: {…}`, `where: …` or `exists: false`")
        return self


EXPECTED = ("incidents", "decisions", "writes", "outcomes", "verifications", "messages", "objects")


class ExpectShape(Shape):
    """All that has come about from the beginning up to and including an instant. Lists are whole and in order; a key
    that is not there is not looked at, nor is a field of an entry.
    """

    model_config = any_of(*EXPECTED)
    renamed: ClassVar = {"eval_time": "at", "exp_alerts": "incidents", "steps": "outcomes", "state": "objects"}

    at: Seconds
    incidents: list[IncidentShape] | None = None
    decisions: list[DecisionShape] | None = None
    writes: list[WriteShape] | None = None
    outcomes: list[OutcomeShape] | None = None
    verifications: list[VerificationShape] | None = None
    messages: list[MessageShape] | None = None
    objects: list[FinalShape] = []

    @model_validator(mode="after")
    def _expects(self) -> Self:
        if not self.model_fields_set - {"at"}:
            raise said("expects nothing", "write `writes: []` where nothing may be written, incidents, decisions, …")
        return self
