"""Problems as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from remediator import __version__
from remediator.core.text import printable

if TYPE_CHECKING:
    from remediator.config import Problem
    from remediator.inspection.finding import Firing

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

RULES = {
    "mistake": "A file that cannot be used as it is",
    "warning": "What is allowed and probably not meant",
    "now": "What a rule has signals of at present",
}


def sarif(problems: Sequence[Problem], warnings: Sequence[Problem], now: Sequence[Firing] = ()) -> dict[str, Any]:
    """One run; mistakes are errors, what rules have signals of are notes. Paths are relative to the working directory
    where they lie in it.
    """
    results = [_result("mistake", "error", each) for each in problems]
    results += [_result("warning", "warning", each) for each in warnings]
    results += [_result("now", "note", _note(each)) for each in now]
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()]
    driver = {"name": "remediator check", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _note(firing: Firing) -> Problem:
    """How many signals a rule has now, as something told at its place."""
    from remediator.config import Problem

    led = f", which lead to {', '.join(firing.targets)}" if firing.targets else ""
    said = f"{firing.signals} signals now{led}" if firing.signals is not None else f"not known: {firing.reason}"
    return Problem(firing.file, firing.line, firing.column, "", f"rule {firing.rule}: {said}")


def _result(rule: str, level: str, problem: Problem) -> dict[str, Any]:
    where: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
    if problem.line:
        where["region"] = {"startLine": problem.line, "startColumn": problem.column}
    said = f"{problem.message}; {problem.remedy}" if problem.remedy else problem.message
    text = printable(f"{problem.path}: {said}" if problem.path else said)
    return {"ruleId": rule, "level": level, "message": {"text": text}, "locations": [{"physicalLocation": where}]}


def _uri(file: str) -> str:
    path, here = Path(file).absolute(), Path.cwd()
    return quote(path.relative_to(here).as_posix()) if path.is_relative_to(here) else path.as_uri()
