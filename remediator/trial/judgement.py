"""What was expected beside what came about: matched in order, and every difference with its place on the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from remediator.conditions.condition import Unknown
from remediator.conditions.where import Where
from remediator.core.durations import format_duration
from remediator.core.model import Json, Value
from remediator.trial.facts import Fact, facts_of
from remediator.trial.stage import Stage

if TYPE_CHECKING:
    from remediator.config.expectation_shapes import ExpectShape, FinalShape

TIMES = ("at", "after", "by")
CONTAINED = ("detail", "title")
"""Texts of which an expectation gives a part."""

END = 1 << 31
"""The place behind the whole timeline."""

UNSEEN = 0.0005
"""Seconds by which instants may differ: durations are written to the millisecond."""


class Difference(Value, frozen=True):
    """Something expected that is missing (`-`), or something that came and was not expected (`+`).

    `kind` is the key of `expect`, `place` where on the timeline it belongs, `at` when it came, None where it did not.
    """

    kind: str
    sign: str
    place: int
    text: str
    at: float | None = None


def differences(stage: Stage, expected: ExpectShape) -> list[Difference]:
    """All differences at this instant, in the order of the timeline."""
    facts, found = facts_of(stage, expected.at), list[Difference]()
    for kind, got in facts.items():
        entries = getattr(expected, kind)
        if entries is not None:
            written = [each.model_dump(by_alias=True, exclude_unset=True) for each in entries]
            found += _compared(kind, written, got)
    for each in expected.objects:
        found += _of_object(stage, each, expected.at)
    return sorted(found, key=lambda each: each.place)


def _compared(kind: str, expected: Sequence[Json], got: Sequence[Fact]) -> Iterator[Difference]:
    """What came beside, and what is missing: it stands with what came in its stead, or behind what it follows."""
    pairs = aligned(expected, got)
    for index, (wanted, fact) in enumerate(pairs):
        if wanted is None and fact is not None:
            yield Difference(kind, "+", fact.place, _shown(fact.fields, expected), fact.at)
        elif fact is None and wanted is not None:
            yield Difference(kind, "-", _place(pairs, index), _shown(wanted, (wanted,)))


def _place(pairs: Sequence[tuple[Json | None, Fact | None]], index: int) -> int:
    """Where something missing belongs."""
    following = next(((wanted, fact) for wanted, fact in pairs[index:] if fact is not None), None)
    if following is not None and following[0] is None:
        return following[1].place
    before = [fact.place for _, fact in pairs[:index] if fact is not None]
    if before:
        return before[-1]
    return following[1].place - 1 if following is not None else END


def aligned(expected: Sequence[Json], got: Sequence[Fact]) -> list[tuple[Json | None, Fact | None]]:
    """As many as possible matched in order (the longest common subsequence); None stands for what has no match."""
    rows, columns = len(expected), len(got)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            skipped = max(best[i + 1][j], best[i][j + 1])
            best[i][j] = max(skipped, best[i + 1][j + 1] + 1) if fits(expected[i], got[j]) else skipped
    pairs: list[tuple[Json | None, Fact | None]] = []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and fits(expected[i], got[j]) and best[i][j] == best[i + 1][j + 1] + 1:
            pairs.append((expected[i], got[j]))
            i, j = i + 1, j + 1
        elif j == columns or (i < rows and best[i + 1][j] >= best[i][j + 1]):
            pairs.append((expected[i], None))
            i += 1
        else:
            pairs.append((None, got[j]))
            j += 1
    return pairs


def fits(expected: Json, got: Fact) -> bool:
    """Whether a fact is as expected, in every field that is written."""
    return _in_time(expected, got.at) and all(
        _is_as(name, value, got.fields.get(name)) for name, value in expected.items() if name not in TIMES
    )


def _in_time(expected: Json, at: float) -> bool:
    low, high = expected.get("after", 0.0), expected.get("by", float("inf"))
    exact = expected.get("at")
    return low - UNSEEN <= at <= high + UNSEEN and (exact is None or abs(at - exact) <= UNSEEN)


def _is_as(name: str, expected: Any, got: Any) -> bool:
    if name in CONTAINED:
        return expected in (got or "")
    if name == "verdicts":
        return all(_answered(each, (got or {}).get(guard)) for guard, each in expected.items())
    if name == "with":
        return next(unlike(expected, got), None) is None
    return expected == got


def _answered(expected: Json, got: Json | None) -> bool:
    """Whether a guard answered so."""
    return got is not None and expected["verdict"] == got["verdict"] and expected.get("reason", "") in got["reason"]


def unlike(expected: Any, got: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The places at which plain JSON is not as expected, with both values: of mappings what is written, lists whole."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            yield from unlike(value, got.get(key), f"{path}.{key}" if path else key)
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from unlike(one, other, f"{path}[{index}]")
    elif expected != got or isinstance(expected, bool) is not isinstance(got, bool):
        yield path, expected, got


def _of_object(stage: Stage, expected: FinalShape, at: float) -> Iterator[Difference]:
    """How an object stands otherwise than expected."""
    end, live = len(stage.records), stage.live(expected.object)

    def told(wanted: str, is_: str) -> Iterator[Difference]:
        yield Difference("objects", "-", end, f"{expected.object} {wanted}")
        yield Difference("objects", "+", end, f"{expected.object} {is_}", at)

    if live is None or not expected.exists:
        if (live is not None) is not expected.exists:
            words = ("exists", "does not exist")
            yield from told(*(words if expected.exists else words[::-1]))
        return
    for path, wanted, is_ in unlike(expected.has, live):
        yield from told(f"{path}: {wanted!r}", f"{path}: {is_!r}")
    if expected.where:
        answer = Where(expected.where, live["kind"]).ask(live)
        if answer is not True:
            unknown = f"is unknown: {answer.reason}" if isinstance(answer, Unknown) else "does not hold"
            yield from told(f"where {expected.where}", f"where {expected.where}: {unknown}")


def _shown(fields: Json, expected: Sequence[Json]) -> str:
    """Fields in one line: all that some expectation of the list speaks of, else what tells most."""
    names = list(dict.fromkeys(name for each in expected for name in each)) or [
        each for each in fields if each != "with"
    ]
    parts = [_part(name, fields[name], expected) for name in names if fields.get(name) not in (None, "", {})]
    return " ".join(filter(None, parts))


def _part(name: str, value: Any, expected: Sequence[Json]) -> str:
    if name in TIMES:
        return f"{name} {format_duration(value)}"
    if name == "verdicts":
        return _verdicts(value, {guard for each in expected for guard in each.get("verdicts", ())})
    return f"{name}={value!r}" if " " in str(value) and isinstance(value, str) else f"{name}={value}"


def _verdicts(value: Json, asked: set[str]) -> str:
    """The answers that are asked for, and those that do not allow."""
    told = {guard: each for guard, each in value.items() if guard in asked or each["verdict"] != "allow"}
    said = (f"{guard}={each['verdict']}{_because(each)}" for guard, each in told.items())
    return f"verdicts: {', '.join(said)}" if told else ""


def _because(verdict: Json) -> str:
    return f" ({verdict['reason']})" if verdict.get("reason") else ""
