"""Compile a condition once, ask it often. It answers true, false or unknown, and never raises when asked.

Sources are checked against typed names and evaluated over plain values: a typed field that is missing would read as
0 or empty, a missing plain one is an error, and so unknown.
"""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import Any, NoReturn

from remediator.conditions.mistakes import ConditionError, Mistake, mistakes_of, reason_of
from remediator.conditions.names import NAMES, target_type
from remediator.core.model import Json, Value

LONGEST = 4096
"""Characters of a source."""


class Unknown(Value, frozen=True):
    """The answer where a value is missing or cannot be worked out. It is neither true nor false: ask by type."""

    reason: str

    def __bool__(self) -> NoReturn:
        raise TypeError("an unknown answer is neither true nor false: use isinstance(answer, Unknown)")


class Condition:
    """A compiled source. `evaluate` may be called from any thread."""

    def __init__(self, source: str, program: Any) -> None:
        self.source = source
        self._program = program

    def __repr__(self) -> str:
        return f"Condition({self.source!r})"

    def evaluate(self, view: Json) -> bool | Unknown:
        """Whether the condition holds for the values of a view, by the names of docs/rules.md.

        Durations are `timedelta`, instants aware `datetime`; what is not known is left out of the view. Missing
        values, wrong types and exceeded limits (10,000 iterations) are `Unknown` with the reason.
        """
        try:
            answer = self._program.eval(data=_values(view))
            kind, value = answer.type().name(), answer.value()
        except Exception as error:  # the library raises bare RuntimeError, and whatever a conversion meets
            return Unknown(reason_of(str(error), self.source))
        if isinstance(value, bool):
            return value
        if kind == "ERROR":
            return Unknown(reason_of(str(value), self.source))
        return Unknown(f"the answer is of type {kind.lower()}, not true or false")


@functools.lru_cache(maxsize=8192)
def compile_condition(source: str, kind: str = "") -> Condition:
    """A source as a condition on targets of a kind (any where empty). Raises `ConditionError` with all mistakes."""
    if len(source) > LONGEST:
        raise ConditionError((Mistake(f"is longer than {LONGEST} characters", "split it into several", 0),))
    from remediator.conditions.checker import checker
    from remediator.conditions.literals import literal_mistakes

    target = target_type(kind)
    try:
        gives = checker(target).compile(source).return_type().name()
        condition = checked_condition(source)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConditionError(mistakes_of(str(error), source)) from None
    if gives not in ("BOOL", "DYN"):
        raise ConditionError((Mistake(f"gives {gives.lower()}, not true or false", "compare it, as in … > 1", 0),))
    wrong = literal_mistakes(source, _evaluating())
    if wrong:
        raise ConditionError(wrong)
    return condition


@functools.lru_cache(maxsize=8192)
def checked_condition(source: str) -> Condition:
    """A source that `compile_condition` took when its rule was read: what only checking needs is not loaded again."""
    return Condition(source, _evaluating().compile(source, disable_check=True))


@functools.cache
def _evaluating() -> Any:
    """The environment that evaluates: every name is dynamic, so that what is missing is an error."""
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional

    from remediator.conditions.functions import FUNCTIONS

    variables = dict.fromkeys(NAMES, cel.Type.DYN) | {"now": cel.Type.TIMESTAMP}
    return cel.NewEnv(variables=variables, extensions=[ext_optional.ExtOptional()], functions=FUNCTIONS)


def _values(view: Json) -> Json:
    """A view as the library takes it. Raw objects are JSON already and are not walked."""
    return {
        name: value if name in ("object", "labels", "annotations", "now") else _plain(value)
        for name, value in view.items()
        if _known(value)
    }


def _known(value: Any) -> bool:
    """No comparison with NaN holds: it would read as false, so it is as good as missing."""
    return value is not None and value == value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if _known(each)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, timedelta):
        return _duration(value)
    return _timestamp(value) if isinstance(value, datetime) else value


def _duration(value: timedelta) -> Any:
    from google.protobuf.duration_pb2 import Duration

    message = Duration()
    message.FromTimedelta(value)
    return message


def _timestamp(value: datetime) -> Any:
    from google.protobuf.timestamp_pb2 import Timestamp

    message = Timestamp()
    message.FromDatetime(value)
    return message
