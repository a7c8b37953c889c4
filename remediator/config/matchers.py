"""The signal of a rule as text to matchers: `KubeFoo{namespace!~"kube-.*", severity="page"}`.

The part in braces follows Alertmanager's UTF-8 matchers (prometheus/alertmanager `matcher/parse`): names and values
bare or in double quotes, a comma at the end allowed, braces optional. The name before the braces is ours and means
`alertname="KubeFoo"`. Regexps are RE2, anchored at both ends, as there.
"""

from __future__ import annotations

import functools
from typing import Any

from remediator.config.tokens import Token, TokenError, tokens
from remediator.core.rules import Matcher, MatchOp

ALERT_NAME = "alertname"
"""The label that holds an alert's name."""

LONGEST = 4096
"""Characters of a signal; longer ones are refused."""


class MatcherError(ValueError):
    """A text that is no signal: what is wrong, at which character (from 0), and what would be right."""

    def __init__(self, message: str, offset: int, remedy: str) -> None:
        super().__init__(message)
        self.message, self.offset, self.remedy = message, offset, remedy


@functools.lru_cache(maxsize=1 << 14)
def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of a signal, the alert's name first where one is given.

    Raises `MatcherError`, also where the matchers would take every alert: as with Alertmanager's silences, at least
    one must refuse the empty value.
    """
    if len(text) > LONGEST:
        raise MatcherError(f"is longer than {LONGEST} characters", 0, "split it into several rules")
    try:
        matchers = _Reader(tokens(text)).signal()
    except TokenError as error:
        raise MatcherError(error.message, error.offset, error.remedy) from None
    if not any(_refuses_empty(matcher) for matcher in matchers):
        raise MatcherError("takes every alert", 0, 'name an alert, as in KubePodCrashLooping{severity!="info"}')
    return matchers


class _Reader:
    """Reads one signal from its tokens, one method a part of the grammar."""

    def __init__(self, read: list[Token]) -> None:
        self._tokens = read
        self._at = 0

    def signal(self) -> tuple[Matcher, ...]:
        name = self._name()
        braces = self._accept("{") is not None
        found = list(self._list(braces))
        if braces and not self._accept("}"):
            raise self._unexpected("the closing `}`")
        if self._next.kind != "end":
            raise self._unexpected("the end", "write all matchers in one pair of braces")
        if name:
            self._only_name(name, found)
            found.insert(0, Matcher(ALERT_NAME, MatchOp.EQUAL, name.text))
        return tuple(found)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _accept(self, *kinds: str) -> Token | None:
        token = self._next
        if token.kind not in kinds:
            return None
        self._at += 1
        return token

    def _name(self) -> Token | None:
        """The alert's name: a word that no operator follows."""
        if self._next.kind != "word" or self._tokens[self._at + 1].kind not in ("{", "end"):
            return None
        if not self._next.text:
            raise MatcherError("the alert's name is empty", self._next.offset, "write the name, or matchers alone")
        return self._accept("word")

    def _list(self, braces: bool) -> list[Matcher]:
        found: list[Matcher] = []
        while self._next.kind not in ("end", "}"):
            found.append(self._matcher())
            if not self._accept(",") and self._next.kind not in ("end", "}"):
                raise self._unexpected("a comma or the closing `}`" if braces else "a comma")
        return found

    def _matcher(self) -> Matcher:
        name = self._accept("word")
        if name is None:
            raise self._unexpected("a label's name")
        if not name.text:
            raise MatcherError("the label's name is empty", name.offset, "write the label's name")
        op = self._accept("operator")
        if op is None:
            raise self._unexpected("`=`, `!=`, `=~` or `!~`")
        value = self._accept("word")
        if value is None:
            raise self._unexpected("the label's value", 'put it in double quotes, as in severity="page"')
        matcher = Matcher(name.text, MatchOp(op.text), value.text)
        self._check_regex(matcher, value)
        return matcher

    def _check_regex(self, matcher: Matcher, value: Token) -> None:
        if matcher.op not in (MatchOp.REGEX, MatchOp.NOT_REGEX):
            return
        wrong = regex_mistake(matcher.value)
        if wrong:
            remedy = "write an RE2 regexp as in Prometheus: no look-around, no back references"
            raise MatcherError(f"`{matcher.value}` is not a regexp: {wrong}", value.offset, remedy)

    def _only_name(self, name: Token, found: list[Matcher]) -> None:
        if any(matcher.name == ALERT_NAME for matcher in found):
            remedy = f"write {name.text}{{…}} without alertname, or {{alertname=…}} alone"
            raise MatcherError("the alert's name is given twice", name.offset, remedy)

    def _unexpected(self, wanted: str, remedy: str = "") -> MatcherError:
        got = "the end" if self._next.kind == "end" else f"`{self._next.source}`"
        example = 'the form is KubeFoo{namespace!~"kube-.*", severity="page"}'
        return MatcherError(f"{wanted} is expected, not {got}", self._next.offset, remedy or example)


def _refuses_empty(matcher: Matcher) -> bool:
    """Whether an alert without the label is no match."""
    if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
        return (matcher.value == "") is (matcher.op is MatchOp.NOT_EQUAL)
    matches_empty = _compiled(matcher.value).fullmatch("") is not None
    return matches_empty is (matcher.op is MatchOp.NOT_REGEX)


def regex_mistake(source: str) -> str:
    """Why a text is not an RE2 regexp; empty where it is one."""
    import re2

    try:
        _compiled(source)
    except re2.error as error:
        said: Any = error.args[0] if error.args else ""
        return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return ""


@functools.lru_cache(maxsize=1024)
def _compiled(source: str) -> Any:
    """A compiled regexp. RE2 takes time in proportion to its input, whatever the pattern: label values are hostile."""
    import re2

    options = re2.Options()
    options.log_errors = False
    return re2.compile(source, options)
