"""The bytes that are hashed: one JSON value, one spelling, in every program that follows docs/journal.md.

Events become plain JSON here before they are chained, and lines of exports are read here before they are checked.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

import msgspec

Line: TypeAlias = dict[str, Any]
"""A journal line as plain JSON; see docs/journal.md for its fields."""

_DIGITS_END = 1e21  # from here on ECMAScript writes an exponent
_EXACT = 2.0**53  # below this every integral float is that integer
_STEERING = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # also the controls and direction marks JSON allows
_NO_NUMBER = re.compile(
    rb"\xcb[\x7f\xff][\xf0-\xff]"
)  # a NaN or an infinity in MessagePack; in no text, which is UTF-8
_LEAVES = frozenset((str, int, bool, type(None)))  # plain as they are


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value: keys sorted by code point, no white space, UTF-8, numbers as ECMAScript.

    Raises `TypeError` or `ValueError` for what is not JSON, such as a lone surrogate. NaN and the infinities are
    not seen here: `plain` and `parse` let none through.
    """
    return _sorted.encode(_spelled.decode(_sorted.encode(value)))


def spelled(value: Any) -> Line:
    """The fields of a value of the product as `canonical_of` takes them: the same bytes as `canonical(plain(value))`,
    without a walk through it in Python where it holds no NaN and no infinity. Most hold none.
    """
    try:
        strange = _NO_NUMBER.search(_packed.encode(value)) is not None
    except OverflowError:  # a whole number that MessagePack has no room for
        strange = True
    found: Line = _spelled.decode(_sorted.encode(plain(value) if strange else value))
    return found


def canonical_of(fields: Line) -> bytes:
    """As `canonical`, of an object whose numbers with a fraction are `msgspec.Raw` of what is canonical."""
    return _sorted.encode(fields)


def text_of(value: Any) -> str:
    """JSON for people and files: spelled as in `canonical`, but keys in the order they are in.

    Characters that break lines or steer terminals are escaped, so that one record is one harmless line.
    """
    text = _as_given.encode(_spelled.decode(_as_given.encode(value))).decode()
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(value: Any) -> Any:
    """A value of the product as JSON that reads back as itself.

    Integral floats become integers. NaN and the infinities, which JSON has not, become the strings that
    Prometheus writes for them. Raises `TypeError` or `ValueError` for what cannot be said in JSON.
    """
    return _plain(msgspec.to_builtins(value, str_keys=True, order="sorted"))


def parse(text: str) -> Any:
    """Read JSON; `ValueError` where it is none, or holds a doubled key, NaN, Infinity or a lone surrogate.

    A doubled key is refused since readers differ in which of the two they take.
    """
    try:
        if _as_given.encode(_spelled.decode(text)).decode() == text:  # as this program writes it: nothing was doubled
            return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError):
        pass  # the strict reader names the mistake
    found = _strict.decode(text)
    _as_given.encode(found)  # no lone surrogates
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item if type(item) in _LEAVES else _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [item if type(item) in _LEAVES else _plain(item) for item in value]
    return _plain_float(value) if isinstance(value, float) else value


def _plain_float(value: float) -> int | float | str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if value.is_integer() and abs(value) < _DIGITS_END:
        return int(value) if abs(value) < _EXACT else int(_number(value))
    return value


def _spell(literal: str) -> msgspec.Raw:
    return msgspec.Raw(_number(_finite(literal)).encode())


def _number(value: float) -> str:
    """A float as ECMAScript's Number.prototype.toString spells it (RFC 8785, section 3.2.2.3)."""
    shortest = repr(value)
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < _DIGITS_END:
        return format(Decimal(shortest.removesuffix(".0")), "f")
    return shortest.replace("e-0", "e-")


def _once(pairs: list[tuple[str, Any]]) -> Line:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _finite(literal: str) -> float:
    value = float(literal)
    return value if math.isfinite(value) else _no_constant(literal)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_strict = json.JSONDecoder(object_pairs_hook=_once, parse_float=_finite, parse_constant=_no_constant)
_sorted = msgspec.json.Encoder(order="sorted")
_packed = msgspec.msgpack.Encoder()
_as_given = msgspec.json.Encoder()
_spelled = msgspec.json.Decoder(float_hook=_spell)
