"""Conditions on objects of the cluster, `when.object.where`: about `object` and nothing else, asked when it changes.

What the API leaves out where it is zero counts as zero; any other value that is missing makes the answer unknown.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from remediator.conditions.condition import LONGEST, Condition, Unknown
from remediator.conditions.mistakes import ConditionError, Mistake, mistakes_of
from remediator.conditions.names import NAMES
from remediator.core.model import Json, Value
from remediator.core.omitted import completed

Path = tuple[str, ...]

_OBJECT = re.compile(r"(?<![.\w])object((?:\s*\.\s*[A-Za-z_]\w*)*)(\s*\()?")
_DEPTH = 2


class Where(Value, frozen=True):
    """A condition on objects of a kind; an empty source holds of all."""

    source: str
    kind: str

    def ask(self, obj: Json) -> bool | Unknown:
        """Whether it holds of an object, or why that cannot be known."""
        if not self.source:
            return True
        condition = compile_where(self.source)
        answer = condition.evaluate({"object": obj})
        return condition.evaluate({"object": completed(self.kind, obj)}) if isinstance(answer, Unknown) else answer

    @property
    def reads(self) -> frozenset[Path]:
        """The fields that it speaks of, two names deep at most (`spec.unschedulable`); `()` among them means all."""
        return paths(self.source)


@functools.lru_cache(maxsize=8192)
def compile_where(source: str) -> Condition:
    """A source as a condition on `object`. Raises `ConditionError` with all mistakes."""
    if len(source) > LONGEST:
        raise ConditionError((Mistake(f"is longer than {LONGEST} characters", "split it into several", 0),))
    try:
        program = _environment().compile(source)
        gives = program.return_type().name()
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConditionError(_only_of_object(mistakes_of(str(error), source))) from None
    if gives not in ("BOOL", "DYN"):
        raise ConditionError((Mistake(f"gives {gives.lower()}, not true or false", "compare it, as in … > 1", 0),))
    return Condition(source, program)


def _only_of_object(mistakes: tuple[Mistake, ...]) -> tuple[Mistake, ...]:
    """The names that other conditions know are answered with where they belong."""
    elsewhere = {f"`{name}` is not known": name for name in NAMES if name != "object"}
    remedy = "what else must hold goes into `if`, how long it must stand into `for`"
    return tuple(
        Mistake(f"`{elsewhere[each.message]}` is not known here: this is about `object` alone", remedy, each.offset)
        if each.message in elsewhere
        else each
        for each in mistakes
    )


@functools.cache
def _environment() -> Any:
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional

    from remediator.conditions.functions import FUNCTIONS

    return cel.NewEnv(variables={"object": cel.Type.DYN}, extensions=[ext_optional.ExtOptional()], functions=FUNCTIONS)


def paths(source: str) -> frozenset[Path]:
    """See `Where.reads`. Read off the text: what looks like a field and is none is read in vain, nothing is missed."""
    found: set[Path] = set()
    for names, called in _OBJECT.findall(source):
        path = tuple(name.strip() for name in names.split(".")[1:])
        found.add(path[: -1 if called else None][:_DEPTH])
    return frozenset(found)
