"""What a plain YAML scalar means: the core schema of YAML 1.2, and where YAML 1.1 reads something else, a complaint.

`no`, `on`, `12:30`, `1_000` and dates are text, as YAML 1.2 says. Only numbers with a leading zero are refused: they
are octal to YAML 1.1 and to Go, decimal to YAML 1.2. Nothing here takes `.inf` or `.nan`: they are text.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(
    r"(?P<zero>[-+]?0[0-9]+)|(?P<int>[-+]?[0-9]+)|(?P<octal>0o[0-7]+)|(?P<hex>0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
)
_LONGEST = 20
"""Characters of a number; longer ones are text."""


class AmbiguousScalar(ValueError):
    """A scalar that YAML 1.1 and 1.2 read differently; `remedy` says how to write either."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


def plain(text: str) -> Scalar:
    """The value of a scalar without quotes. Raises `AmbiguousScalar`."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return text
    return _number(text, str(match.lastgroup))


def _number(text: str, form: str) -> Scalar:
    match form:
        case "zero":
            decimal = text.lstrip("+-0") or "0"
            message = f"`{text}` is octal to YAML 1.1 and decimal to YAML 1.2"
            raise AmbiguousScalar(message, f"write {decimal} for the number, '{text}' in quotes for the text")
        case "octal" | "hex":
            return int(text, 0)
        case "int":
            return int(text)
        case _:
            number = float(text)
            return number if math.isfinite(number) else text
