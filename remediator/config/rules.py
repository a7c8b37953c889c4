"""Rule files to the core's rules, all or nothing: `load_rules` answers every rule, or raises with every mistake.

A rule comes out with what its group says merged in, so that nothing downstream knows of groups.
"""

from __future__ import annotations

import functools
import glob
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from remediator.config.document import Document, read_document
from remediator.config.problems import Loc, Problem, Problems, unknown_interval
from remediator.core.guarding import GuardSettings, stricter
from remediator.core.kinds import target_kind_of
from remediator.core.model import Mode
from remediator.core.rules import ObjectSpec, Rule, TargetSpec, When

if TYPE_CHECKING:
    from remediator.config.ladder import Ladder
    from remediator.config.rule_shapes import GroupShape, GuardsShape, RuleFileShape, RuleShape
    from remediator.config.settings import Receiver, Settings


def load_rules(source: Settings | Iterable[Path | str], settings: Settings | None = None) -> tuple[Rule, ...]:
    """The rules of the files that settings name, or of the given files, in the order of files.

    With `settings` beside given files, receivers and servers are looked up there. Raises `ConfigErrors` with every
    mistake of every file. The same file given twice is read once.
    """
    from remediator.config.settings import Settings

    if isinstance(source, Settings):
        settings, paths = source, rule_paths(source)
    else:
        paths = [Path(each) for each in source]
    problems = Problems()
    files = read_files(paths, settings, problems)
    problems.raise_any()
    return tuple(rule for file in files for _, rule in file.rules)


def read_files(paths: Iterable[Path], settings: Settings | None, problems: Problems) -> list[RuleFile]:
    """As `load_rules`, of given files, whose mistakes go to `problems`: what is right is answered all the same."""
    receivers = {each.name: each for each in settings.receivers} if settings else None
    files = [_read(path, receivers, problems) for path in dict.fromkeys(paths)]
    _unique(files, problems)
    if settings:
        _known_intervals(files, frozenset(settings.time_intervals), problems)
        if settings.prometheus is None:
            _nobody_to_ask(files, problems)
    return files


def rule_paths(settings: Settings) -> list[Path]:
    """The files that the settings' patterns name, in the order of patterns, then of names.

    Raises `ConfigErrors` where a pattern names none: a folder that is gone must not read as "no rules".
    """
    found: list[Path] = []
    problems = Problems()
    for index, pattern in enumerate(settings.rule_files):
        matched = sorted(Path(each) for each in glob.glob(pattern, recursive=True) if Path(each).is_file())
        if not matched:
            remedy = "put a rule file there, or take the pattern out"
            problems.add(Problem(settings.file, 0, 0, f"rule_files[{index}]", f"`{pattern}` names no file", remedy))
        found += matched
    problems.raise_any()
    return list(dict.fromkeys(found))


class RuleFile:
    """One rule file as read: its models where they are right, the rest of its rules by place."""

    def __init__(self, document: Document | None) -> None:
        self.document = document
        self.shape: RuleFileShape | None = None
        self.ladders: dict[Loc, Ladder] = {}

    @functools.cached_property
    def rules(self) -> tuple[tuple[Loc, Rule], ...]:
        """Each rule with its place; none of a file with mistakes of form."""
        return tuple(self._rules())

    def _rules(self) -> Iterable[tuple[Loc, Rule]]:
        for g, group in enumerate(self.shape.groups if self.shape else ()):
            for r, rule in enumerate(group.rules):
                loc = ("groups", g, "rules", r)
                yield loc, _rule(group, rule, self.ladders[loc])


def _read(path: Path, receivers: dict[str, Receiver] | None, problems: Problems) -> RuleFile:
    from remediator.config.ladder import LadderReader
    from remediator.config.rule_shapes import RuleFileShape
    from remediator.config.shapes import read

    file = RuleFile(read_document(path, problems))
    if file.document is not None:
        file.shape = read(RuleFileShape, file.document, problems)
        reader = LadderReader(file.document, problems, receivers)
        file.ladders = {loc: reader.read(rule, loc) for loc, rule in written(file.document, "rules")}
    return file


def written(document: Document, what: str) -> Iterable[tuple[Loc, Any]]:
    """The groups or rules of a file as far as it has its form, with their places."""
    groups = document.value.get("groups") if isinstance(document.value, dict) else None
    for g, group in enumerate(groups if isinstance(groups, list) else ()):
        if what == "groups":
            yield ("groups", g), group
            continue
        rules = group.get("rules") if isinstance(group, dict) else None
        yield from (
            (("groups", g, "rules", r), rule) for r, rule in enumerate(rules if isinstance(rules, list) else ())
        )


def _unique(files: Sequence[RuleFile], problems: Problems) -> None:
    """Names of rules are identities over all files, and so are names of groups."""
    for what in ("groups", "rules"):
        first: dict[str, tuple[Document, Loc]] = {}
        for document in (file.document for file in files if file.document):
            for loc, each in written(document, what):
                name = each.get("name") if isinstance(each, dict) else None
                if not isinstance(name, str) or first.setdefault(name, (document, loc)) == (document, loc):
                    continue
                holder = first[name][0].problem((*first[name][1], "name"), "", "")
                remedy = f"a {what[:-1]}'s name is its identity over all files, and {holder.file}:{holder.line} has it"
                problems.add(
                    document.problem((*loc, "name"), f"the name `{name}` is taken", f"{remedy}: choose another")
                )


def _known_intervals(files: Sequence[RuleFile], known: frozenset[str], problems: Problems) -> None:
    """Time intervals are named in the settings; one that is not there would never be open."""
    for document in (file.document for file in files if file.document):
        for loc, level in (*written(document, "groups"), *written(document, "rules")):
            guards = level.get("guards") if isinstance(level, dict) else None
            for key in ("active_time_intervals", "mute_time_intervals"):
                names = guards.get(key) if isinstance(guards, dict) else None
                for index, name in enumerate(names if isinstance(names, list) else ()):
                    if isinstance(name, str) and name not in known:
                        problems.add(document.problem((*loc, "guards", key, index), *unknown_interval(name, known)))


def _nobody_to_ask(files: Sequence[RuleFile], problems: Problems) -> None:
    """A query without a Prometheus would never be asked."""
    from remediator.config.evidence import asked

    remedy = "write `prometheus: {url: …}` there"
    for document in (file.document for file in files if file.document):
        for loc, level in (*written(document, "groups"), *written(document, "rules")):
            for place in asked(level) if isinstance(level, dict) else ():
                problems.add(document.problem((*loc, *place), "the settings name no Prometheus to ask", remedy))


def _rule(group: GroupShape, rule: RuleShape, ladder: Ladder) -> Rule:
    from remediator.config.ladder import until_of

    said = [mode for mode in (group.mode, rule.mode) if mode is not None]
    return Rule(
        name=rule.name,
        group=group.name,
        when=When(rule.when.alert, rule.when.for_, rule.when.keep_firing_for, rule.when.query, _objects(rule)),
        target=TargetSpec(_target_kind(rule), rule.target.label, rule.target.namespace_label),
        do=ladder.steps,
        conditions=ladder.conditions,
        queries=ladder.queries,
        until=until_of(rule.until),
        guards=stricter(guard_settings(group.guards), guard_settings(rule.guards)),
        mode=Mode.lowest(*said) if said else None,
        labels=group.labels | rule.labels,
        annotations=rule.annotations,
        interval=group.interval if rule.when.query else None,
    )


def _objects(rule: RuleShape) -> ObjectSpec | None:
    shape = rule.when.object
    return ObjectSpec(shape.kind, shape.namespace, shape.selector, shape.where) if shape else None


def _target_kind(rule: RuleShape) -> str:
    """The kind of the target: an object is its own target, but for those that are followed to their owner."""
    if rule.target.kind or rule.when.object is None:
        return rule.target.kind
    return target_kind_of(rule.when.object.kind)


def guard_settings(shape: GuardsShape) -> GuardSettings:
    """What one level says about guards, as the core has it."""
    from remediator.config.guard_shapes import guards_of

    return msgspec.convert(guards_of(shape), GuardSettings)
