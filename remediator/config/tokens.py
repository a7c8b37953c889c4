"""The tokens of Alertmanager's matchers (prometheus/alertmanager `matcher/parse/lexer.go`): words, operators, signs.

A word is bare (anything but white space and reserved characters) or in double quotes with the escapes of Go strings.
"""

from __future__ import annotations

import re

from remediator.core.model import Value

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as Go's `unicode.IsSpace` knows it."""

_TOKEN = re.compile(
    rf"""(?P<space>[{_SPACE}]+)
    |(?P<sign>[{{}},])
    |(?P<operator>=~|!~|!=|=)
    |(?P<quoted>"(?:[^"\\]|\\.)*")
    |(?P<word>[^{_SPACE}{{}}!=~,\\"'`]+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r'\\(?:(?P<simple>[abfnrtv\\"])|(?P<octal>[0-3][0-7]{2})|x(?P<byte>[0-9a-fA-F]{2})'
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<unknown>.))",
    re.DOTALL,
)
_SIMPLE = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))


class TokenError(ValueError):
    """A text that has no tokens: what is wrong, at which character (from 0), and what would be right."""

    def __init__(self, message: str, offset: int, remedy: str) -> None:
        super().__init__(message)
        self.message, self.offset, self.remedy = message, offset, remedy


class Token(Value, frozen=True):
    """One token. `kind` is word, operator, one of `{ } ,`, or end; `source` is it as written."""

    kind: str
    text: str
    source: str
    offset: int


def tokens(text: str) -> list[Token]:
    """All tokens of a text and an `end`. Raises `TokenError`."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _no_token(text, at)
        found += _token(match)
        at = match.end()
    return [*found, Token("end", "", "", len(text))]


def _token(match: re.Match[str]) -> list[Token]:
    source, offset = match.group(), match.start()
    match match.lastgroup:
        case "space":
            return []
        case "sign":
            return [Token(source, source, source, offset)]
        case "quoted":
            return [Token("word", _unquoted(source, offset), source, offset)]
        case kind:
            return [Token(str(kind), source, source, offset)]


def _no_token(text: str, at: int) -> TokenError:
    if text[at] == '"':
        return TokenError("a quoted text does not end", at, 'close it with `"`')
    if text[at] in "'`":
        return TokenError(f"`{text[at]}` is no quote here", at, 'use double quotes, as in severity="page"')
    if text[at] == "\\":
        return TokenError("a backslash stands outside of quotes", at, r'quote the value, as in name=~"a\\.b"')
    return TokenError(f"`{text[at]}` is not expected", at, "the operators are `=`, `!=`, `=~` and `!~`")


def _unquoted(source: str, offset: int) -> str:
    """What a quoted text means. Escapes may give single bytes; together they must be UTF-8."""
    if "\n" in source:
        raise TokenError("a quoted text goes over the end of the line", offset, r"write `\n` for a line break")
    inner, read, at = source[1:-1], bytearray(), 0
    for match in _ESCAPE.finditer(inner):
        read += inner[at : match.start()].encode() + _escaped(match, offset + 1)
        at = match.end()
    read += inner[at:].encode()
    try:
        return read.decode()
    except UnicodeDecodeError:
        raise TokenError("the bytes of a quoted text are not UTF-8", offset, "write the text itself") from None


def _escaped(match: re.Match[str], base: int) -> bytes:
    if match["simple"]:
        return _SIMPLE[match["simple"]].encode()
    if match["byte"] or match["octal"]:
        return bytes([int(match["byte"], 16) if match["byte"] else int(match["octal"], 8)])
    point = match["short"] or match["long"]
    if point and (int(point, 16) < 0xD800 or 0xE000 <= int(point, 16) <= 0x10FFFF):
        return chr(int(point, 16)).encode()
    remedy = r"write `\\` for one backslash, as in `web\\.hook`"
    raise TokenError(f"`{match.group()}` is no escape", base + match.start(), remedy)
