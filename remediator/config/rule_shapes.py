"""The models of rule files. A key of docs/rules.md is a field here, or in `later` until this version does it.

Rungs of the ladder and conditions are read in `ladder.py`: what they may say depends on the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, PlainValidator, model_validator
from pydantic.json_schema import WithJsonSchema
from pydantic_core import CoreSchema

from remediator.actions import ACTIONS
from remediator.conditions import ConditionError, compile_where
from remediator.config.guard_shapes import GuardsShape, Names, PromQL
from remediator.config.matchers import MatcherError, parse_matchers
from remediator.config.problems import described, meant
from remediator.config.shapes import LongSeconds, ModeName, Seconds, Shape, Text, any_of, one_of, said, together
from remediator.core.kinds import CUSTOM, KINDS, is_kind, resource
from remediator.core.rules import Matcher
from remediator.core.selector import SelectorError, requirements
from remediator.core.template import mistakes

LONGEST_NAME = 200


def _name(value: str) -> str:
    if value != value.strip() or not value.isprintable() or len(value) > LONGEST_NAME:
        raise said("is no name", f"up to {LONGEST_NAME} printable characters without spaces at the ends")
    return value


def signal(value: Any) -> tuple[Matcher, ...]:
    """Alerts as `when.alert` names them."""
    if not isinstance(value, str):
        remedy = "write the alert's name or matchers in quotes, as in 'KubeFoo{severity=\"page\"}'"
        raise said(f"is {described(value)}, not a signal", remedy)
    try:
        return parse_matchers(value)
    except MatcherError as error:
        raise said(error.message, error.remedy, error.offset) from None


def _kind(value: str) -> str:
    if not is_kind(value):
        remedy = meant(value, KINDS)
        if not remedy.startswith("did you mean"):
            remedy += "; a custom one is written in full, as Certificate.v1.cert-manager.io"
        raise said(f"`{value}` is not a kind that can be a target", remedy)
    return value


def _listed(value: Any) -> Any:
    """`if` may be one condition instead of a list."""
    return [value] if isinstance(value, str | Mapping) else value


def _templates(written: dict[str, str]) -> dict[str, str]:
    """Annotations whose `{{ names }}` some incident can fill in."""
    for name, text in written.items():
        for mistake in mistakes(text):
            raise said(mistake.message, mistake.remedy, mistake.at, (name,))
    return written


KIND = {"type": "string", "anyOf": [{"enum": sorted(KINDS)}, {"pattern": CUSTOM}]}
Name = Annotated[Text, AfterValidator(_name)]
Kind = Annotated[
    str,
    AfterValidator(_kind),
    WithJsonSchema(KIND),
]
Labels = dict[str, str]
Annotations = Annotated[dict[str, str], AfterValidator(_templates)]


def _selector(value: str) -> str:
    try:
        requirements(value)
    except SelectorError as error:
        remedy = "write `app=web`, `tier in (a, b)`, `!canary`, several with commas; leave it out for all of the kind"
        raise said(error.message, remedy, error.offset) from None
    return value


def where_text(value: str) -> str:
    """A condition on one object, as it is written, where it compiles."""
    try:
        compile_where(value)
    except ConditionError as error:
        first = error.mistakes[0]
        raise said(first.message, first.remedy, first.offset) from None
    return value


def _of_kind(value: Any) -> Any:
    """`object: Node` is a kind alone."""
    return {"kind": value} if isinstance(value, str) else value


class ObjectShape(Shape):
    """`when.object`: objects of the cluster, each of which is a signal. A kind alone is no signal: all would be one."""

    model_config = any_of("selector", "where")
    renamed: ClassVar = {"labels": "selector", "labelSelector": "selector", "condition": "where", "if": "where"}

    kind: Kind
    namespace: Text = ""
    selector: Annotated[str, AfterValidator(_selector)] = ""
    where: Annotated[Text, AfterValidator(where_text)] = ""

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if not self.selector and not self.where:
            remedy = "write `where: …`, or `selector: …` where the labels alone are the signal"
            raise said(f"every {self.kind} would be a signal", remedy)
        if self.namespace and not resource(self.kind).namespaced:
            raise said(f"a {self.kind} is in no namespace", "take it out", at=("namespace",))
        return self


class WhenShape(Shape):
    """`when`: the signal, and how long it must stand."""

    model_config = one_of("alert", "query", "object")
    renamed: ClassVar = {
        "expr": "query",
        "matchers": "alert",
        "alertname": "alert",
        "keep_firing": "keep_firing_for",
        "where": "object.where",
        "selector": "object.selector",
        "kind": "object.kind",
    }

    alert: Annotated[tuple[Matcher, ...], PlainValidator(signal), WithJsonSchema({"type": "string"})] = ()
    query: PromQL = ""
    object: Annotated[ObjectShape, BeforeValidator(_of_kind)] | None = None
    for_: Seconds = Field(0.0, alias="for")
    keep_firing_for: Seconds = 0.0

    @model_validator(mode="after")
    def _one_signal(self) -> Self:
        given = [key for key in ("alert", "query", "object") if getattr(self, key)]
        if not given:
            raise said("no signal is given", "write `alert: …`, `query: …` or `object: …`")
        if len(given) > 1:
            remedy = "write one of them: two rules for two signals"
            raise said(f"`{given[0]}` and `{given[1]}` are both given", remedy, at=(given[1],))
        return self


class TargetShape(Shape):
    """`target`: which object a signal is about."""

    model_config = together("label", "kind")

    kind: Kind = ""
    label: Text = ""
    namespace_label: Text = "namespace"

    @model_validator(mode="after")
    def _label_of_kind(self) -> Self:
        if self.label and not self.kind:
            remedy = "write the kind of object that the label names"
            raise said("`label` is given without `kind`", remedy, at=("label",))
        return self


class QueryShape(Shape):
    """An entry of `if` that asks Prometheus."""

    renamed: ClassVar = {"expr": "query", "on": "match", "labels": "match"}

    query: PromQL
    match: Names = []


class UntilShape(Shape):
    """`until`: what proves that a step helped."""

    model_config = together("match", "query")
    renamed: ClassVar = {"timeout": "within", "on": "match", "condition": "check", "cel": "check"}

    ready: bool = True
    query: PromQL = ""
    match: Names = []
    check: Text = ""
    alert: Literal["resolved"] | None = None
    for_: Seconds = Field(60.0, alias="for")
    within: LongSeconds = 600.0
    on_failure: Literal["undo", "keep"] = "keep"

    @model_validator(mode="after")
    def _can_be_proven(self) -> Self:
        if not (self.ready or self.query or self.check or self.alert):
            remedy = "write ready: true, or query, check or alert"
            raise said("nothing is left that could prove that a step helped", remedy, at=("ready",))
        if self.match and not self.query:
            raise said("`match` is given without `query`", "write the query whose series it is about", at=("match",))
        if self.for_ > self.within:
            remedy = "make `within` the longer one"
            raise said("`for` is longer than `within`: it could never be proven", remedy, at=("for",))
        return self


class _Conditions:
    """The entries of `if`, which `evidence.py` reads, as a schema has them."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        one = {"anyOf": [{"type": "string"}, handler(QueryShape.__pydantic_core_schema__)]}
        return {"anyOf": [one, {"type": "array", "items": one}]}


STEP_MODES = ("observe", "approve", "enforce")
"""What a rung may say of itself: it lowers what stands above it, and is taken out rather than switched off."""


class _Rungs:
    """The entries of `do`, which `ladder.py` reads, as a schema has them: arguments are the actions' own to check."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        until = handler(UntilShape.__pydantic_core_schema__)
        arguments = {"type": ["object", "null"], "properties": {"until": until, "mode": {"enum": list(STEP_MODES)}}}
        named = {
            "type": "object",
            "properties": dict.fromkeys(ACTIONS, arguments),
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"type": "array", "minItems": 1, "items": {"anyOf": [{"enum": list(ACTIONS)}, named]}}


class RuleShape(Shape):
    """One rule."""

    renamed: ClassVar = {
        "on": "when",
        "alert": "when.alert",
        "expr": "when.query",
        "query": "when.query",
        "for": "when.for",
        "condition": "if",
        "conditions": "if",
        "action": "do",
        "actions": "do",
        "steps": "do",
        "verify": "until",
        "unless": "guards",
        "cooldown": "guards.cooldown",
        "budget": "guards.budget",
        "dry_run": "mode: observe",
        "severity": "labels.severity",
    }

    name: Name
    when: WhenShape
    target: TargetShape = TargetShape()
    if_: Annotated[list[Any], BeforeValidator(_listed), _Conditions()] = Field([], alias="if")
    do: Annotated[list[Any], Field(min_length=1), _Rungs()]
    until: UntilShape = UntilShape.model_validate({})
    guards: GuardsShape = GuardsShape()
    mode: ModeName | None = None
    labels: Labels = {}
    annotations: Annotations = {}


class GroupShape(Shape):
    """A group of rules, and what they share. `interval` is that of queries; alerts come when they come."""

    name: Name
    interval: LongSeconds | None = None
    mode: ModeName | None = None
    guards: GuardsShape = GuardsShape()
    labels: Labels = {}
    rules: list[RuleShape]


class RuleFileShape(Shape):
    """A rule file."""

    renamed: ClassVar = {"rules": "groups", "group": "groups", "spec": "groups"}
    refused: ClassVar = {"tests": "this is a file of rule tests: `remediator test` checks and plays it"}

    groups: list[GroupShape]
