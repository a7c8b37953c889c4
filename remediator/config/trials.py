"""Rule test files to trials that can be played: the file, its rule files and settings, every mistake of all at once.

A trial is one test of a file. What it expects of rules, guards, actions and receivers must exist.
"""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from remediator.actions import ACTIONS
from remediator.config.document import Document, read_document
from remediator.config.problems import ConfigErrors, Loc, Problems, meant
from remediator.config.rules import read_files
from remediator.config.settings import PrometheusSource, Settings, load_settings, settings_of
from remediator.core.model import Mode, Value
from remediator.core.rules import Rule
from remediator.guards import GUARDS

if TYPE_CHECKING:
    from remediator.config.trial_shapes import TrialFileShape, TrialShape

NOWHERE = PrometheusSource("http://prometheus.invalid")
"""Stands in the settings of a test, so that queries may be asked; who answers is the test's to say."""


class Trial(Value, frozen=True):
    """One test: what it says, the rules and settings that it is about, and where it stands."""

    file: str
    line: int
    says: TrialShape
    rules: tuple[Rule, ...]
    settings: Settings
    every: float

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.says.name

    @property
    def asks(self) -> bool:
        """Whether its rules or settings ask Prometheus anything."""
        asked = queries_of(self.rules, self.settings)
        return bool(asked.queries or asked.alerts)


class Asked(Value, frozen=True):
    """What rules and settings ask Prometheus: queries, and alerts that veto by their matchers."""

    queries: tuple[str, ...]
    alerts: tuple[str, ...]


def plain(query: str) -> str:
    """A query without what is only its layout: by this text answers are found."""
    return " ".join(query.split())


def queries_of(rules: Iterable[Rule], settings: Settings) -> Asked:
    """Everything that may be asked."""
    queries, guards = list[str](), [settings.guards]
    for rule in rules:
        guards.append(rule.guards)
        untils = [rule.until, *(step.until for step in rule.do if step.until)]
        proofs = [each.query.query for each in untils if each.query]
        queries += [rule.when.query, *(each.query for each in rule.queries), *proofs]
    vetoes = [each.veto for each in guards if each.veto is not None]
    queries += [query for each in guards for query in each.require]
    queries += [query for each in vetoes for query in each.queries]
    return Asked(tuple(filter(None, queries)), tuple(text for each in vetoes for text in each.alerts))


def load_trials(paths: Iterable[Path]) -> tuple[Trial, ...]:
    """Every test of these files, in their order. Raises `ConfigErrors` with every mistake of every file."""
    problems, found = Problems(), []
    for path in dict.fromkeys(paths):
        found += _read(path, problems)
    problems.raise_any()
    return tuple(found)


def _read(path: Path, problems: Problems) -> list[Trial]:
    from remediator.config.shapes import read
    from remediator.config.trial_shapes import TrialFileShape

    document = read_document(path, problems)
    shape = read(TrialFileShape, document, problems, path.parent) if document else None
    if document is None or shape is None:
        return []
    settings = _settings(document, shape, path, problems)
    rule_files = _rule_files(document, shape, path, problems)
    rules = tuple(rule for file in read_files(rule_files, settings, problems) for _, rule in file.rules)
    settings = settings or Settings(mode=Mode.ENFORCE)
    if not problems:
        _known_names(document, shape, rules, problems)
        _asked(document, shape, queries_of(rules, settings), problems)
    every = shape.evaluation_interval or settings.evaluation_interval
    return [_trial(document, index, each, rules, settings, every) for index, each in enumerate(shape.tests)]


def _trial(
    document: Document, index: int, says: TrialShape, rules: tuple[Rule, ...], settings: Settings, every: float
) -> Trial:
    """A test; where it names a mode, that is the one of settings and rules alike."""
    if says.mode is not None:
        settings = replace(settings, mode=says.mode)
        rules = tuple(replace(rule, mode=None) for rule in rules)
    at = document.problem(("tests", index), "", "")
    return Trial(at.file, at.line, says, rules, settings, every)


def _settings(document: Document, shape: TrialFileShape, path: Path, problems: Problems) -> Settings | None:
    """The settings that the file gives or names. None where it does neither: then receivers may have any name."""
    if shape.settings is not None:
        settings = settings_of(shape.settings, str(path))
        settings = settings if shape.settings.mode else replace(settings, mode=Mode.ENFORCE)
    elif shape.settings_file is not None:
        try:
            settings = load_settings(path.parent / shape.settings_file)
        except ConfigErrors as error:
            for problem in error.problems:
                problems.add(problem)
            return None
    else:
        return None
    return replace(settings, prometheus=settings.prometheus or NOWHERE)


def _rule_files(document: Document, shape: TrialFileShape, path: Path, problems: Problems) -> Sequence[Path]:
    """The files that the patterns name, relative to the test file."""
    found: list[Path] = []
    for index, pattern in enumerate(shape.rule_files):
        matched = sorted(Path(each) for each in glob.glob(str(path.parent / pattern), recursive=True))
        if not matched:
            remedy = "give the rule files' place, relative to this file"
            problems.add(document.problem(("rule_files", index), f"`{pattern}` names no file", remedy))
        found += matched
    return list(dict.fromkeys(found))


def _known_names(document: Document, shape: TrialFileShape, rules: Sequence[Rule], problems: Problems) -> None:
    """Tests have names of their own, and what they speak of exists: an expectation of a typing error is never met."""
    known = {
        "rule": ("rule", [rule.name for rule in rules]),
        "action": ("action", list(ACTIONS)),
        "guard": ("guard", [*(guard.name for guard in GUARDS), "plan", "rehearsal"]),
    }
    for loc, kind, name in _names(shape):
        what, names = known[kind]
        if name not in names:
            problems.add(
                document.problem(loc, f"there is no {what} `{name}`", meant(name, names), at_key=kind == "guard")
            )
    first: dict[str, int] = {}
    for index, trial in enumerate(shape.tests):
        if first.setdefault(trial.name, index) != index:
            where = ("tests", index, "name")
            problems.add(document.problem(where, f"the name `{trial.name}` is taken", "choose another name"))


def _asked(document: Document, shape: TrialFileShape, asked: Asked, problems: Problems) -> None:
    """An answer to what nobody asks is a typing error, or the rule has changed. `ALERTS` may be given for vetoes."""
    known = {plain(each) for each in asked.queries}
    for t, trial in enumerate(shape.tests):
        for a, answer in enumerate(trial.answers):
            if plain(answer.query) not in known:
                problems.add(
                    document.problem(
                        ("tests", t, "answers", a, "query"), "no rule asks this query", _likest(answer.query, known)
                    )
                )


def _likest(query: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(plain(query), known, n=1, cutoff=0.3)
    return f"write it as the rule has it: `{close[0]}`" if close else "the rules of this file ask none"


def _names(shape: TrialFileShape) -> Iterator[tuple[Loc, str, str]]:
    """Every name that is spoken of, with its place and what it is of."""
    for t, trial in enumerate(shape.tests):
        for c, change in enumerate(trial.changes):
            here: Loc = ("tests", t, "changes", c)
            yield from (((*here, key), "rule", name) for key in ("approve", "deny") if (name := getattr(change, key)))
            for key in ("pause", "resume"):
                scope = getattr(change, key)
                if scope is not None and scope.rule:
                    yield (*here, key, "rule"), "rule", scope.rule
        for e, expected in enumerate(trial.expect):
            for key in ("incidents", "decisions", "writes", "outcomes", "verifications", "messages"):
                for i, entry in enumerate(getattr(expected, key) or ()):
                    here = ("tests", t, "expect", e, key, i)
                    for field in ("rule", "action"):
                        if name := getattr(entry, field, None):
                            yield (*here, field), field, name
                    yield from (((*here, "verdicts", name), "guard", name) for name in getattr(entry, "verdicts", ()))
