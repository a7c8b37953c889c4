"""cel-cpp's complaints in words that say where and what to do: of compiling as mistakes, of evaluating as reasons."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from remediator.conditions.names import MESSAGES, NAMES
from remediator.core.model import Value

FUNCTIONS = frozenset(
    re.findall(
        r"\S+",
        "all bool bytes contains double duration dyn endsWith exists exists_one filter getDate getDayOfMonth "
        "getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds has hasValue "
        "int map matches optional.none optional.of or orValue quantity ready size startsWith string timestamp type "
        "uint value",
    )
)
"""CEL's own functions and macros, those of the optional types, and ours: what a misspelt name may have meant."""

_SPELLED_OTHERWISE = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "True": "true",
    "False": "false",
    "None": "null",
    "nil": "null",
    "len": "size",
}
_SIGNS = {"=": "write `==` to compare", "&": "write `&&` for and", "|": "write `||` for or"}
_OPERATORS = {"@in": "in", "_?_:_": "? :", "!_": "!", "-_": "-", "_[_]": "[ ]"}
_TYPES = {
    "int64": "int",
    "null_type": "null",
    "google.protobuf.Duration": "duration",
    "google.protobuf.Timestamp": "timestamp",
}

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '(.+?)' \(in container")
_FIELD = re.compile(r"undefined field '(.+?)' not found in struct '(?:remediator\.)?(.+?)'")
_OVERLOAD = re.compile(r"[Nn]o matching overloads? (?:found : (.+?)\((.*)\)|for '(.+?)' applied to '\((.*)\)')")
_SYNTAX = re.compile(
    r"Syntax error: (?:token recognition error at: |extraneous input |mismatched input )'(.*?)'(?: expect.*)?$"
)
_MISSING_SIGN = re.compile(r"missing '(.)' at")
_SELECT = re.compile(r"expression of type '(.+?)' cannot be the operand of a select operation")
_MISSING_KEY = re.compile(r'Key not found in map : "?([^"]*)"?')
_MISSING_NAME = re.compile(r'No value with name "(.+?)"')


class Mistake(Value, frozen=True):
    """One thing wrong with a source: what, what would be right, and at which character (from 0)."""

    message: str
    remedy: str
    offset: int


class ConditionError(ValueError):
    """A source that is no condition. `mistakes` is all that is wrong with it, in the source's order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda each: each.offset))
        super().__init__("; ".join(each.message for each in self.mistakes))

    @property
    def message(self) -> str:
        """What is wrong first."""
        return self.mistakes[0].message

    @property
    def column(self) -> int:
        """At which character it is, from 1, line breaks counted like any other."""
        return self.mistakes[0].offset + 1


def mistakes_of(said: str, source: str) -> tuple[Mistake, ...]:
    """What the compiler said of a source."""
    wrong = [each for each in _ERROR.findall(said) if "*error*" not in each[2]]  # those follow from another one
    found = [_mistake(what, _offset(source, int(line), int(column)), source) for line, column, what in wrong]
    if "Syntax error" in said:  # what comes after the first one follows from it
        return (found[0],)
    return tuple(found) or (Mistake(_bare(said), "write it shorter or simpler", 0),)


def reason_of(said: str, source: str) -> str:
    """Why a condition has no answer, from what the evaluation said."""
    if match := _MISSING_KEY.search(said):
        key = re.escape(match[1])
        path = re.search(rf"""[\w.\]\[]+(\.\??{key}\b|\[['"]{key}['"]\])""", source)
        return f"{path[0] if path else match[1]} is missing"
    if match := _MISSING_NAME.search(said):
        return f"{match[1]} is not known here"
    if match := _OVERLOAD.search(said):
        return _applied(match)
    return _bare(said)


def _mistake(what: str, offset: int, source: str) -> Mistake:
    if match := _UNDECLARED.search(what):
        return _unknown_name(match[1], offset, source)
    if match := _FIELD.search(what):
        at = source.find(match[1], offset)
        return _unknown_field(match[1], match[2], offset if at < 0 else at)
    if match := _OVERLOAD.search(what):
        remedy = "compare values of one type: int(), double(), string() and duration() convert"
        return Mistake(_applied(match), remedy, offset)
    if match := _SELECT.search(what):
        remedy = "a name with dots or dashes is written in brackets: labels['app.kubernetes.io/name']"
        return Mistake(f"a value of type {_type(match[1])} has no fields", remedy, offset)
    if match := _SYNTAX.search(what):
        return _syntax(match[1], offset, source)
    if match := _MISSING_SIGN.search(what):
        return Mistake(f"`{match[1]}` is missing", f"write `{match[1]}`", offset)
    return Mistake(what.removeprefix("Syntax error: "), "compare with the examples in docs/rules.md", offset)


def _unknown_field(field: str, owner: str, at: int) -> Mistake:
    return Mistake(f"`{field}` is not known", _meant(field, MESSAGES.get(owner, ())), at)


def _unknown_name(name: str, offset: int, source: str) -> Mistake:
    """An unknown variable or function. The compiler tells the place of the last dot or bracket; people the word's."""
    root = name.split(".")[0]
    words = [match.start() for match in re.finditer(rf"(?<![\w]){re.escape(root)}(?!\w)", source)]
    at = max((start for start in words if start <= offset), default=offset)
    if root in _SPELLED_OTHERWISE:
        return Mistake(f"`{root}` is not known", f"write `{_SPELLED_OTHERWISE[root]}`", at)
    called = source[at + len(root) :].lstrip().startswith("(")
    return Mistake(f"`{root}` is not known", _meant(root, FUNCTIONS if called else NAMES), at)


def _syntax(token: str, offset: int, source: str) -> Mistake:
    token = token.strip()
    if token == "<EOF>":
        return Mistake("ends too early", "write what comes after the last sign", offset)
    before = source[:offset].split()[-1:]
    if before and before[0] in _SPELLED_OTHERWISE:
        token, offset = before[0], source.rindex(before[0], 0, offset)
    if token[:1] in _SIGNS:
        return Mistake(f"`{token[:1]}` is not expected here", _SIGNS[token[:1]], offset)
    remedy = "close each quote, and write && or || between conditions"
    if token in _SPELLED_OTHERWISE:
        remedy = f"write `{_SPELLED_OTHERWISE[token]}`"
    return Mistake(f"`{token}` is not expected here", remedy, offset)


def _applied(match: re.Match[str]) -> str:
    operator = match[1] or match[3]
    types = ", ".join(_type(each) for each in (match[2] or match[4]).split(", "))
    return f"`{_OPERATORS.get(operator, operator.strip('_'))}` does not go with {types}"


def _type(name: str) -> str:
    return _TYPES.get(name, name.removeprefix("remediator."))


def _meant(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(names)}"


def _offset(source: str, line: int, column: int) -> int:
    before = source.split("\n")[: max(line - 1, 0)]
    return min(max(sum(len(each) + 1 for each in before) + column - 1, 0), len(source))


def _bare(said: str) -> str:
    """A message without the codes around it."""
    first = said.split("\n")[0]
    return re.sub(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$", "", first) or "it cannot be worked out"
