"""What all models of files share: strict fields, durations, and pydantic's errors in words of ours.

Imported only when files are read: pydantic is slow to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    field_validator,
)
from pydantic.json_schema import WithJsonSchema
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError

from remediator import __version__
from remediator.config.document import Document
from remediator.config.problems import Loc, Problems, described, meant
from remediator.core.durations import GRAMMAR, DurationError, parse_duration
from remediator.core.model import Mode


class Shape(BaseModel):
    """Base of all models: unknown keys are mistakes, nothing is converted, a key without a value is a mistake.

    `later` are keys that the docs promise and this version refuses: a guard that is ignored is worse than none.
    `refused` are keys that other programs know and this one leaves to somebody else, with what to write instead.
    `renamed` are keys that people try, with the right one. `secrets` are keys that would put a secret into the file,
    with the one that names a file instead.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)
    later: ClassVar[frozenset[str]] = frozenset()
    refused: ClassVar[Mapping[str, str]] = {}
    renamed: ClassVar[Mapping[str, str]] = {}
    secrets: ClassVar[Mapping[str, str]] = {}

    @field_validator("*", mode="before")
    @classmethod
    def _written(cls, value: Any) -> Any:
        """A default stands for a key that is not there, never for one without a value."""
        if value is None:
            raise said("has no value", "write one, or take the key out")
        return value


def one_of(*keys: str) -> ConfigDict:
    """For `schema.py`: exactly one of these keys is needed."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in keys]})


def any_of(*keys: str) -> ConfigDict:
    """For `schema.py`: at least one of these keys is needed."""
    return ConfigDict(json_schema_extra={"anyOf": [{"required": [key]} for key in keys]})


def not_both(key: str, other: str) -> ConfigDict:
    """For `schema.py`: at most one of these keys."""
    return ConfigDict(json_schema_extra={"not": {"required": [key, other]}})


def together(key: str, other: str) -> ConfigDict:
    """For `schema.py`: one key needs the other."""
    return ConfigDict(json_schema_extra={"dependentRequired": {key: [other]}})


def said(message: str, remedy: str, offset: int = 0, at: Loc = ()) -> PydanticCustomError:
    """A mistake found by a validator, at a character of the text or a place inside of the value."""
    context = {"message": message, "remedy": remedy, "offset": offset, "at": at}
    return PydanticCustomError("said", "{message}; {remedy}", context)


def not_yet(what: str) -> tuple[str, str]:
    """Message and remedy for what the docs promise and this version does not do."""
    return f"`{what}` is not supported yet by version {__version__}", "take it out: it would not be obeyed"


def _seconds(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and value == 0:
        return 0.0
    if not isinstance(value, str):
        example = f"write `{value}s` if seconds are meant" if number else "write one, as in 90s or 1h30m"
        raise said(f"is {described(value)}, not a duration", example)
    try:
        return parse_duration(value)
    except DurationError as error:
        raise said(error.message, error.remedy) from None


def _mode(value: Any) -> Mode:
    try:
        return Mode(value)
    except ValueError:
        raise said(f"is {described(value)}, not a mode", "the modes are off, observe, approve and enforce") from None


def _above_zero(value: float) -> float:
    if value <= 0:
        raise said("is no time at all", "write a duration longer than 0")
    return value


class Also:
    """Marks a field that may be written in other forms too, which a validator brings into its own."""

    def __init__(self, *forms: dict[str, Any]) -> None:
        self.forms = forms

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """For `schema.py`."""
        return {"anyOf": [*self.forms, handler(core)]}


DURATION = {
    "anyOf": [{"type": "string", "pattern": f"^(?:0|(?=[0-9]){GRAMMAR})$", "examples": ["30s", "1h30m"]}, {"const": 0}]
}
Seconds = Annotated[float, BeforeValidator(_seconds), WithJsonSchema(DURATION)]
"""A Prometheus duration, as seconds."""

LongSeconds = Annotated[Seconds, AfterValidator(_above_zero)]
"""A Prometheus duration longer than 0, as seconds."""

Text = Annotated[str, Field(min_length=1)]
"""A text that is not empty."""

ModeName = Annotated[Mode, BeforeValidator(_mode)]
"""One of the modes."""

S = TypeVar("S", bound=Shape)


def read(shape: type[S], document: Document, problems: Problems, context: Any = None) -> S | None:
    """A document as a model; None where it has mistakes, which go to `problems`. Validators are handed the context."""
    try:
        return shape.model_validate(document.value, context=context)
    except ValidationError as error:
        report(document, problems, shape, (), error)
        return None


def report(document: Document, problems: Problems, shape: type[Shape], base: Loc, error: ValidationError) -> None:
    """Pydantic's errors as problems; `base` is where in the document the shape stands."""
    errors = error.errors(include_url=False)
    extra = [each for each in errors if each["type"] == "extra_forbidden"]
    renamed = {_right_key(shape, each) for each in extra}
    elsewhere = {each["loc"][:-1] for each in extra if str(each["loc"][-1]) in _owner(shape, each).refused}
    for each in errors:
        if each["type"] == "missing" and (each["loc"] in renamed or each["loc"][:-1] in elsewhere):
            continue  # it is there, under a wrong name that is told, or all of it is meant for somebody else
        _report(document, problems, shape, base, each)


def _owner(shape: type[Shape], error: ErrorDetails) -> type[Shape]:
    """The model of the mapping that a mistake is in."""
    return shape_at(shape, error["loc"][:-1]) or shape


def _right_key(shape: type[Shape], error: ErrorDetails) -> Loc:
    """The place of the key that an unknown one was meant for."""
    *above, key = error["loc"]
    owner = _owner(shape, error)
    right = {**owner.renamed, **owner.secrets}.get(str(key), "")
    return (*above, right.split(".")[0].split(":")[0])


def _report(document: Document, problems: Problems, shape: type[Shape], base: Loc, error: ErrorDetails) -> None:
    loc, context = error["loc"], error.get("ctx", {})
    message, remedy = _words(shape, loc, error)
    at_key = error["type"] == "extra_forbidden"
    where = loc[:-1] if error["type"] == "missing" else (*loc, *context.get("at", ()))
    problems.add(document.problem(base + where, message, remedy, at_key=at_key, offset=context.get("offset", 0)))


def _words(shape: type[Shape], loc: Loc, error: ErrorDetails) -> tuple[str, str]:
    context, kind = error.get("ctx", {}), error["type"]
    if kind == "said":
        return context["message"], context["remedy"]
    if kind == "missing":
        return f"`{loc[-1]}` is missing", f"write `{loc[-1]}: …`"
    if kind == "extra_forbidden":
        return unknown_key(shape_at(shape, loc[:-1]) or shape, str(loc[-1]))
    return _type_words(kind, context, error["input"])


def _type_words(kind: str, context: dict[str, Any], value: Any) -> tuple[str, str]:
    got = described(value)
    match kind:
        case "string_type":
            return f"is {got}, not text", f"put it in quotes: '{value}'" if _scalar(value) else "write a text"
        case "bool_type":
            return f"is {got}, not true or false", "write true or false"
        case "int_type" | "int_from_float" | "float_type":
            return f"is {got}, not a number", "write a number, without quotes"
        case "list_type" | "tuple_type":
            return f"is {got}, not a list", "write entries that begin with `- `, or [one, another]"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"is {got}, not a mapping", "write `key: value`"
        case "literal_error" | "enum":
            return f"is {got}", f"write {context['expected']}"
        case "string_too_short":
            return "is empty", "write a text"
        case "too_short":
            return "is empty", "write at least one"
        case "greater_than":
            return f"is {got}", f"must be more than {context['gt']}"
        case "greater_than_equal":
            return f"is {got}", f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"is {got}", f"must be at most {context['le']}"
        case _:
            return f"is {got}, which is not valid ({kind})", "compare with the examples in the docs"


def _scalar(value: Any) -> bool:
    return isinstance(value, int | float)


def unknown_key(shape: type[Shape], key: str) -> tuple[str, str]:
    """Message and remedy for a key that a model does not have."""
    if key in shape.later:
        return not_yet(key)
    if key in shape.refused:
        return f"`{key}` is not supported", shape.refused[key]
    if key in shape.secrets:
        right = shape.secrets[key]
        form = right if ":" in right else f"{right}: …"
        return f"`{key}` is a secret, and secrets are read from files only", f"write `{form}`"
    if key in shape.renamed:
        return f"unknown key `{key}`", f"did you mean `{shape.renamed[key]}`?"
    return f"unknown key `{key}`", meant(key, [*keys_of(shape), *shape.later])


def keys_of(shape: type[Shape]) -> list[str]:
    """The keys of a model as they are written in files."""
    return [field.alias or name for name, field in shape.model_fields.items()]


def shape_at(shape: type[Shape], loc: Loc) -> type[Shape] | None:
    """The model of the value at a place inside of another model's."""
    here: Any = shape
    named = False  # the next part is a name that users chose, inside of a `dict[str, X]`
    for part in loc:
        if named or not isinstance(part, str):
            named = False
        elif isinstance(here, type) and issubclass(here, Shape):
            fields = {field.alias or name: field for name, field in here.model_fields.items()}
            annotation = fields[part].annotation if part in fields else None
            here, named = model_in(annotation), _is_mapping(annotation)
    return here


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is dict or any(map(_is_mapping, get_args(annotation)))


def model_in(annotation: Any) -> type[Shape] | None:
    """The model inside of `X`, `X | None`, `list[X]`, `tuple[X, ...]` or `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return annotation
    nested = get_args(annotation) if get_origin(annotation) or isinstance(annotation, UnionType) else ()
    found = (model_in(each) for each in nested if each not in (NoneType, Ellipsis, Union))
    return next(filter(None, found), None)
