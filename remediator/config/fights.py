"""Rules that fight each other: opposite actions on the same target, for one signal or for alerts that both match."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from remediator.config.problems import Loc
from remediator.config.rules import RuleFile
from remediator.core.rules import Matcher, MatchOp, Rule, Step

OPPOSITES = (
    ("cordon", "uncordon"),
    ("drain", "uncordon"),
    ("taint", "untaint"),
    ("rollout_pause", "rollout_resume"),
    ("scale up", "scale down"),
)
"""What undoes what, in either order."""

Placed = tuple[RuleFile, Loc, Rule]
"""A rule, and where it stands."""

_WORDS = re.compile(r"\(?[\w:-]+(?:\|[\w:-]+)*\)?")
"""A regexp that is a list of words."""


def fights(placed: Iterable[Placed]) -> Iterator[tuple[Placed, tuple[str, str]]]:
    """Each rule that fights an earlier one, with what is wrong and what would be right."""
    known: dict[tuple[object, ...], list[Rule]] = defaultdict(list)
    for each in placed:
        rule = each[2]
        about = (rule.target, rule.when.query, rule.when.object)
        deeds = {_deed(step) for step in rule.do}
        opposed = [(pair, a, b) for one in OPPOSITES for pair, a, b in ((one, *one), (one, *one[::-1])) if a in deeds]
        found = next(((pair, other) for pair, _, b in opposed for other in known[b, about] if _meet(rule, other)), None)
        if found:
            pair = " and ".join(f"`{one}`" for one in found[0])
            what = f"fights the rule `{found[1].name}`: {pair} for the same signal"
            yield each, (what, "let one signal lead one way, or tell them apart in `when`")
        for deed in {a for _, a, _ in opposed}:
            known[deed, about].append(rule)


def _deed(step: Step) -> str:
    by = step.args.get("by") if step.action == "scale" else None
    return step.action if by is None else "scale down" if str(by).startswith("-") else "scale up"


def _meet(rule: Rule, other: Rule) -> bool:
    """Whether one alert can be the signal of both, for certain; those on one query or one kind of object do anyway."""
    names = {matcher.name for matcher in (*rule.when.alert, *other.when.alert)}
    return all(_shares(name, rule.when.alert, other.when.alert) for name in names)


def _shares(label: str, one: Sequence[Matcher], other: Sequence[Matcher]) -> bool:
    """Whether some value of a label satisfies both, as far as such a value is known."""
    mine, theirs = ({each for each in matchers if each.name == label} for matchers in (one, other))
    if not mine or not theirs or mine == theirs:
        return True
    values = ["", "any-other", *(value for each in mine | theirs for value in _values(each))]
    return any(all(each.matches({label: value}) for each in mine | theirs) for value in values)


def _values(matcher: Matcher) -> list[str]:
    """Values that a matcher names."""
    if matcher.op is MatchOp.EQUAL:
        return [matcher.value]
    return matcher.value.strip("()").split("|") if _WORDS.fullmatch(matcher.value) else []
