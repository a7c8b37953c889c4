"""The models of rule test files, shaped as promtool's: what is given, what happens, what is expected and by when.

What a test says about rules (their names, their receivers) is looked up in `trials.py`, beside the rule files.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, PlainValidator, model_validator
from pydantic.json_schema import WithJsonSchema
from pydantic_core import CoreSchema

from remediator.config.expectation_shapes import ExpectShape, ObjectName, Where
from remediator.config.guard_shapes import PromQL
from remediator.config.notation import NotationError, parse_labels, parse_series, parse_values
from remediator.config.problems import described
from remediator.config.rule_shapes import signal
from remediator.config.settings_shapes import SettingsShape
from remediator.config.shapes import LongSeconds, ModeName, Seconds, Shape, Text, not_both, one_of, said
from remediator.core.kinds import KINDS
from remediator.core.model import Json
from remediator.core.rules import Matcher

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the time of a test begins that names no start: a Thursday, midnight, UTC."""

MOST_HOURS = 24 * 14
"""The longest that a test may last."""


def _noted(parse: Any) -> Any:
    """A validator that reads a text of promtool's notation."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise said(f"is {described(value)}, not text", "write it in quotes")
        try:
            return parse(value)
        except NotationError as error:
            raise said(error.message, error.remedy, error.offset) from None

    return read


def _instant(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        raise said(f"is {described(value)}, not an instant", "write it as 2026-01-05T09:00:00Z")
    return found.astimezone(UTC)


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if value in ("NaN", "+Inf", "-Inf", "Inf"):
        return float(value)
    raise said(f"is {described(value)}, not a value", "write a number, NaN, +Inf or -Inf")


SERIES = {"type": "string"}
NUMBER = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "+Inf", "-Inf", "Inf"]}]}
INSTANT = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[-+][0-9]{2}:?[0-9]{2})$"}
Instant = Annotated[datetime, PlainValidator(_instant), WithJsonSchema(INSTANT)]
LABELS = {"type": "object", "required": ["alertname"], "additionalProperties": {"type": "string"}}
AlertLabels = Annotated[dict[str, str], WithJsonSchema(LABELS)]


class InputSeriesShape(Shape):
    """An entry of `input_series`, as in promtool."""

    series: Annotated[dict[str, str], PlainValidator(_noted(parse_series)), WithJsonSchema(SERIES)]
    values: Annotated[tuple[float | str | None, ...], PlainValidator(_noted(parse_values)), WithJsonSchema(SERIES)]


class SampleShape(Shape):
    """A series of an answer, as promtool's `exp_samples`."""

    labels: Annotated[dict[str, str], PlainValidator(_noted(parse_labels)), WithJsonSchema(SERIES)]
    value: Annotated[
        float,
        PlainValidator(_number),
        WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "+Inf", "-Inf", "Inf"]}]}),
    ] = 1.0


class AnswerShape(Shape):
    """What Prometheus answers to a query from an instant on, until the next entry for the same query."""

    model_config = not_both("unknown", "samples")
    renamed: ClassVar = {"expr": "query", "eval_time": "at", "exp_samples": "samples"}

    query: PromQL
    at: Seconds = 0.0
    samples: list[SampleShape] = []
    unknown: Text | None = None

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if self.unknown and self.samples:
            raise said("an answer that is unknown has no samples", "take one of them out", at=("unknown",))
        return self


class WhileShape(Shape):
    """`while` of an alert: it fires as long as this holds in the simulated cluster."""

    object: ObjectName
    where: Where
    for_: Seconds = Field(0.0, alias="for")


class AlertShape(Shape):
    """An alert as Alertmanager posts it: firing from `at` until `until`, or `while` something is so in the cluster."""

    model_config = not_both("until", "while")
    renamed: ClassVar = {"from": "at", "eval_time": "at", "exp_labels": "labels", "exp_annotations": "annotations"}

    labels: AlertLabels
    annotations: dict[str, str] = {}
    at: Seconds = 0.0
    until: Seconds | None = None
    while_: WhileShape | None = Field(None, alias="while")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if "alertname" not in self.labels:
            raise said("has no alertname", "write `alertname: …` among its labels", at=("labels",))
        if self.until is not None and self.while_ is not None:
            raise said("`until` and `while` are both given", "write one of them", at=("until",))
        if self.until is not None and self.until <= self.at:
            raise said("the alert ends before it fires", "write an `until` after `at`", at=("until",))
        return self


class SilenceShape(Shape):
    """A silence of Alertmanager, from `at` until `until` (exclusive; without it to the end of the test)."""

    renamed: ClassVar = {"from": "at", "startsAt": "at", "endsAt": "until", "alert": "matchers"}

    matchers: Annotated[tuple[Matcher, ...], PlainValidator(signal), WithJsonSchema({"type": "string"})]
    at: Seconds = 0.0
    until: Seconds | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.until is not None and self.until <= self.at:
            raise said("the silence ends before it begins", "write an `until` after `at`", at=("until",))
        return self


SHORT_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "Node", "Namespace")
"""Kinds that have a short form."""


class ShortShape(Shape):
    """An object of `cluster` in few words; a manifest has `metadata` and is taken as it is."""

    renamed: ClassVar = {"apiVersion": "metadata"}

    kind: Annotated[Text, WithJsonSchema({"enum": SHORT_KINDS})]
    name: Text
    namespace: Text = ""
    image: Text = "app:1"
    replicas: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    spec: dict[str, Any] = {}
    pod: dict[str, Any] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.kind not in SHORT_KINDS:
            remedy = f"write its manifest, with `metadata`; those with one are {', '.join(SHORT_KINDS)}"
            raise said(f"`{self.kind}` has no short form", remedy, at=("kind",))
        if KINDS[self.kind].namespaced is not bool(self.namespace):
            message = "has no namespace" if not self.namespace else f"a {self.kind} is in no namespace"
            remedy = "write `namespace: …`" if not self.namespace else "take it out"
            raise said(message, remedy, at=("namespace",) if self.namespace else ())
        return self


def _cluster_object(value: Any) -> Json:
    """A manifest as it is, or a short form as a mapping of its fields."""
    if not isinstance(value, Mapping):
        raise said(f"is {described(value)}, not an object", "write {kind: Deployment, namespace: shop, name: web}")
    if "metadata" not in value:
        return ShortShape.model_validate(value).model_dump()
    for key in ("apiVersion", "kind"):
        if not isinstance(value.get(key), str):
            raise said(f"the manifest has no {key}", f"write `{key}: …`")
    metadata = value["metadata"]
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        raise said("the manifest has no metadata.name", "write `metadata: {name: …}`")
    return dict(value)


MANIFEST = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "properties": {"metadata": {"type": "object", "required": ["name"]}},
}


class _Objects:
    """The entries of `cluster` as a schema has them."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [MANIFEST, handler(ShortShape.__pydantic_core_schema__)]}


if TYPE_CHECKING:
    ClusterObject = Json
else:  # by its short form unknown keys are told
    ClusterObject = Annotated[ShortShape, PlainValidator(_cluster_object), _Objects()]


class PauseShape(Shape):
    """`pause` or `resume`: everything, or what is named."""

    rule: Text = ""
    namespace: Text = ""
    target: ObjectName | Literal[""] = ""


WHAT = ("create", "patch", "delete", "approve", "deny", "pause", "resume")
"""What may happen at one instant."""


class ChangeShape(Shape):
    """What somebody else does at an instant: to the cluster, or to the remediator."""

    model_config = one_of(*WHAT)
    renamed: ClassVar = {"apply": "create", "eval_time": "at"}

    at: Seconds
    create: ClusterObject | None = None
    patch: ObjectName | None = None
    with_: dict[str, Any] | None = Field(None, alias="with")
    delete: ObjectName | None = None
    approve: Text | None = None
    deny: Text | None = None
    pause: PauseShape | None = None
    resume: PauseShape | None = None
    by: Text = "alice"
    reason: Text = "as the test says"

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [what for what in WHAT if getattr(self, what) is not None]
        if len(given) != 1:
            message = f"`{given[0]}` and `{given[1]}` are both given" if given else "nothing happens"
            remedy = "write two entries" if given else f"write one of {', '.join(WHAT)}"
            raise said(message, remedy, at=(given[1],) if given else ())
        if (self.patch is None) is not (self.with_ is None):
            raise said("`patch` and `with` belong together", "write patch: Kind/namespace/name and with: {…}")
        return self

    @property
    def what(self) -> str:
        """Which of them."""
        return next(what for what in WHAT if getattr(self, what) is not None)


class TrialShape(Shape):
    """One test: a world of its own."""

    renamed: ClassVar = {
        "alert_rule_test": "expect",
        "promql_expr_test": "answers",
        "external_labels": "settings.external_labels",
        "manifests": "cluster",
        "objects": "cluster",
        "description": "name",
    }

    name: Text
    start: Instant = START
    mode: ModeName | None = None
    interval: LongSeconds = 60.0
    input_series: list[InputSeriesShape] = []
    answers: list[AnswerShape] = []
    alerts: list[AlertShape] = []
    silences: list[SilenceShape] = []
    nodes: Annotated[int, Field(ge=0, le=1000)] | None = None
    age: LongSeconds = 3600.0
    cluster: list[ClusterObject] = []
    changes: list[ChangeShape] = []
    expect: Annotated[list[ExpectShape], Field(min_length=1)]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        for index, each in enumerate(self.expect):
            if each.at > MOST_HOURS * 3600:
                raise said(f"is longer than {MOST_HOURS} hours", "make the test shorter", at=("expect", index, "at"))
        return self


class TrialFileShape(Shape):
    """A rule test file."""

    model_config = not_both("settings", "settings_file")
    renamed: ClassVar = {
        "rules": "rule_files",
        "config": "settings_file",
    }
    refused: ClassVar = {
        "group_eval_order": "take it out: groups do not depend on each other here",
        "groups": "this is a file of rules: name it under `rule_files` of a file of tests",
    }

    rule_files: Annotated[list[Text], Field(min_length=1)]
    settings_file: Text | None = None
    settings: SettingsShape | None = None
    evaluation_interval: LongSeconds | None = None
    tests: Annotated[list[TrialShape], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_settings(self) -> Self:
        if self.settings_file is not None and self.settings is not None:
            raise said("`settings_file` and `settings` are both given", "write one of them", at=("settings_file",))
        return self
