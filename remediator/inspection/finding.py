"""What an inspection finds: mistakes, warnings, and what each rule has signals of now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from remediator.config.problems import Loc, Problem
from remediator.config.rules import RuleFile
from remediator.core.model import Value
from remediator.core.observations import Sighting
from remediator.core.rules import Rule


class Firing(Value, frozen=True):
    """A rule, where it is written, and how many signals it would have now; None where that is not known, with the
    `reason`. `targets` are those that the signals lead to, where the cluster was asked.
    """

    rule: str
    file: str
    line: int
    column: int
    signals: int | None = None
    reason: str = ""
    targets: tuple[str, ...] = ()


class Found(Value, frozen=True):
    """All that was found, in the order of rules."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    now: tuple[Firing, ...] = ()


class Placed(Value, frozen=True):
    """A rule and where its name is written."""

    rule: Rule
    at: Problem

    def told(self, message: str, remedy: str) -> Problem:
        """Something about the rule as a whole."""
        return replace(self.at, message=message, remedy=remedy)

    def firing(self, seen: list[Sighting] | int | None, reason: str = "") -> Firing:
        """What it has signals of now: of sightings also what they lead to."""
        number = len(seen) if isinstance(seen, list) else seen
        led = {str(each.target) for each in seen if each.target} if isinstance(seen, list) else set[str]()
        return Firing(self.rule.name, self.at.file, self.at.line, self.at.column, number, reason, tuple(sorted(led)))

    def lost(self, seen: Iterable[Sighting]) -> Problem | None:
        """The warning about signals of now that lead to no target; None where all do."""
        reasons = [each.reason for each in seen if each.target is None]
        if not reasons:
            return None
        what = f"{len(reasons)} of its signals now lead to no target: {reasons[0]}"
        return self.told(what, "see target.kind, target.label and target.namespace_label, or narrow `when`")


def together(found: Iterable[Found]) -> Found:
    """What several inspections found, as one."""
    found = list(found)
    return Found(
        tuple(problem for each in found for problem in each.problems),
        tuple(problem for each in found for problem in each.warnings),
        tuple(sorted((firing for each in found for firing in each.now), key=lambda each: (each.file, each.line))),
    )


def placed(files: Iterable[RuleFile]) -> Iterator[Placed]:
    """All rules of files without mistakes of form."""
    for file in files:
        for loc, rule in file.rules if file.document else ():
            assert file.document is not None, "the loop is empty without one"
            name: Loc = (*loc, "name")
            yield Placed(rule, file.document.problem(name, "", ""))
