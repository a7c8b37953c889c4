"""What Prometheus answers to a query: a vector, one number, or that it is not known. Bytes in, values out.

Prometheus, Thanos, Mimir and VictoriaMetrics speak alike; whoever may have left something out has not answered.
"""

from __future__ import annotations

import math
from typing import Literal, NoReturn, TypeAlias

import msgspec

from remediator.core.model import Value

_LONGEST = 300
"""Characters kept of what a server says."""


class Sample(Value, frozen=True):
    """One series at the instant that was asked for. `value` is None for a histogram; it may be NaN or infinite."""

    labels: dict[str, str]
    value: float | None

    @property
    def known(self) -> bool:
        """Whether the value is a finite number."""
        return self.value is not None and math.isfinite(self.value)


class Vector(Value, frozen=True):
    """All series of the result, each label set once; none is the answer that there are none."""

    samples: tuple[Sample, ...]


class Scalar(Value, frozen=True):
    """One number without a series."""

    value: float


class Unknown(Value, frozen=True):
    """No answer that anything may be concluded from. `reached`: the server answered, and other queries may be well;
    `refused`: it is this query that cannot be answered, by its form or by what it was asked to join.
    """

    reason: str
    reached: bool = False
    refused: bool = False

    def __bool__(self) -> NoReturn:
        raise TypeError("an unknown answer is neither true nor false: use isinstance(answer, Unknown)")


Answer: TypeAlias = Vector | Scalar | Unknown


class _Series(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: tuple[float, str] | None = None
    histogram: msgspec.Raw = msgspec.Raw(b"")


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    result_type: str = ""
    result: msgspec.Raw = msgspec.Raw(b"")


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    status: Literal["success", "error"]
    data: _Data = _Data()
    error_type: str = ""
    error: str = ""
    warnings: list[str] = []
    is_partial: bool = False


_body = msgspec.json.Decoder(_Body)
_vector = msgspec.json.Decoder(list[_Series])
_number = msgspec.json.Decoder(tuple[float, str])


def read_answer(status: int, body: bytes) -> Answer:
    """The answer in a response of `/api/v1/query`, whatever it holds; never raises."""
    try:
        said = _body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Unknown(f"answered {status}: {one_line(body) or 'nothing'}")
    if said.status == "error" or not 200 <= status < 300:
        reached = said.error_type not in ("", "unavailable", "internal") and status not in (401, 403, 429)
        refused = reached and said.error_type in ("bad_data", "execution")
        return Unknown(f"answered {status} {said.error_type}: {_short(said.error)}", reached=reached, refused=refused)
    if said.warnings:
        return Unknown(f"the answer may be partial: {_short('; '.join(said.warnings))}", reached=True)
    if said.is_partial:
        return Unknown("the answer is partial", reached=True)
    try:
        return _result(said.data)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return Unknown(f"the answer is not understood: {_short(str(error))}", reached=True)


def _result(data: _Data) -> Answer:
    if data.result_type == "scalar":
        return Scalar(float(_number.decode(data.result)[1]))
    if data.result_type != "vector":
        kind = {"string": "a text", "matrix": "a range of values"}.get(data.result_type, _short(data.result_type))
        return Unknown(f"the result is {kind or 'missing'}, not series with a value", reached=True)
    samples = tuple(_sample(series) for series in _vector.decode(data.result))
    if len({frozenset(sample.labels.items()) for sample in samples}) < len(samples):
        return Unknown("the result has two series of the same labels", reached=True)
    return Vector(samples)


def _sample(series: _Series) -> Sample:
    if series.value is None and not series.histogram:
        raise ValueError("a series has no value")
    return Sample(series.metric, float(series.value[1]) if series.value else None)


def one_line(text: bytes) -> str:
    """The beginning of a text, on one line, without what could steer a terminal."""
    return _short(text[: 4 * _LONGEST].decode("utf-8", "replace"))


def _short(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST]).strip()
