"""What a rule's decisions and proofs stand on: the entries of `if`, the CEL of `until`, and whether a proof is one.

Read from the plain values and not from the models, so that a mistake elsewhere in the rule hides none of these.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from remediator.conditions import ConditionError, compile_condition
from remediator.config.document import Document
from remediator.config.matchers import MatcherError, parse_matchers
from remediator.config.problems import Loc, Problems, described
from remediator.config.result_labels import labels_of
from remediator.config.rule_shapes import QueryShape
from remediator.config.shapes import report
from remediator.core.kinds import KINDS
from remediator.core.masks import mask_of
from remediator.core.naming import INSTANCE, LABELS, starts_of
from remediator.core.rules import Query, TargetSpec, When


class EvidenceReader:
    """Reads conditions and proofs of one document; what is wrong goes to the problems."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self._document, self._problems = document, problems

    def conditions(self, written: Any, loc: Loc, kind: str) -> tuple[tuple[str, ...], tuple[Query, ...]]:
        """The CEL texts and the queries of `if`, as far as they are right."""
        listed = isinstance(written, list)
        entries = {(*loc, i): each for i, each in enumerate(written)} if listed else {loc: written}
        sources: list[str | None] = []
        queries: list[Query | None] = []
        for at, entry in entries.items():
            if isinstance(entry, dict):
                queries.append(self._query(entry, at))
            elif entry is not None or listed:
                sources.append(self._source(entry, at, kind))
        return tuple(filter(None, sources)), tuple(filter(None, queries))

    def check(self, until: Any, loc: Loc, kind: str) -> None:
        """The CEL of an `until`."""
        if isinstance(until, dict) and isinstance(until.get("check"), str):
            self._source(until["check"], (*loc, "check"), kind)

    def masks(self, rule: Mapping[str, Any], loc: Loc) -> None:
        """`alert: resolved` proves nothing where the rung could have silenced the alert by itself."""
        when = _signal_of(rule.get("when"))
        for name, until, at in _proofs(rule, loc):
            mask = mask_of(name, when) if until.get("alert") == "resolved" else None
            if mask:
                what = f"proves nothing after `{name}`: {mask.alert} {mask.why}"
                self._complain((*at, "alert"), what, "take it out, and prove it by ready, query or check")

    def names(self, rule: Mapping[str, Any], loc: Loc, kind: str) -> None:
        """A series whose labels cannot name the target would never be about anything."""
        when, target = rule.get("when"), rule.get("target")
        query = when.get("query") if isinstance(when, dict) else None
        if not isinstance(query, str) or not isinstance(target, dict | None):
            return
        has, spec = labels_of(query), TargetSpec(kind, *_labels(target or {}))
        for wanted in naming(spec) if has is not None else ():
            if has is not None and has.isdisjoint(wanted):
                only = f"only the labels {', '.join(sorted(has))}" if has else "no labels"
                what = f"its result has {only}: nothing there names the {kind or 'target'}"
                named = " or ".join(f"`{each}`" for each in wanted if not each.startswith("exported_"))
                self._complain((*loc, "when", "query"), what, f"keep {named} in it, as in sum by ({wanted[0]}, …)")
                return

    def _query(self, written: Mapping[str, Any], loc: Loc) -> Query | None:
        try:
            shape = QueryShape.model_validate(written)
        except ValidationError as error:
            report(self._document, self._problems, QueryShape, loc, error)
            return None
        return Query(shape.query, tuple(shape.match))

    def _source(self, source: Any, loc: Loc, kind: str) -> str | None:
        if not isinstance(source, str):
            self._complain(loc, f"is {described(source)}, not a condition", "write a CEL text in quotes")
            return None
        try:
            compile_condition(source, kind)
        except ConditionError as error:
            for each in error.mistakes:
                self._complain(loc, each.message, each.remedy, offset=each.offset)
        return source

    def _complain(self, loc: Loc, message: str, remedy: str, offset: int = 0) -> None:
        self._problems.add(self._document.problem(loc, message, remedy, offset=offset))


def _labels(target: Mapping[str, Any]) -> tuple[str, str]:
    label, namespace_label = target.get("label"), target.get("namespace_label")
    return label if isinstance(label, str) else "", namespace_label if isinstance(namespace_label, str) else "namespace"


def naming(spec: TargetSpec) -> Iterator[tuple[str, ...]]:
    """Sets of labels of each of which one is needed to name the target: the object's, and its namespace's."""
    known = [LABELS[kind] for kind in starts_of(spec.kind) if kind in LABELS]
    names = [spec.label] if spec.label else known
    instance = [INSTANCE] if spec.kind == "Node" and not spec.label else []
    if names:
        yield (*names, *instance, *(f"exported_{each}" for each in names))
    if spec.kind in KINDS and KINDS[spec.kind].namespaced:
        yield spec.namespace_label, f"exported_{spec.namespace_label}"


def _proofs(rule: Mapping[str, Any], loc: Loc) -> Iterator[tuple[str, Mapping[str, Any], Loc]]:
    """Each rung by its action's name, with the `until` that counts for it and the place of that."""
    rungs = rule.get("do")
    for index, rung in enumerate(rungs if isinstance(rungs, list) else ()):
        name = next(iter(rung)) if isinstance(rung, dict) and len(rung) == 1 else rung
        args = rung[name] if isinstance(rung, dict) and isinstance(name, str) else None
        own = args.get("until") if isinstance(args, dict) else None
        until, at = (rule.get("until"), ()) if own is None else (own, ("do", index, name))
        if isinstance(name, str) and isinstance(until, dict):
            yield name, until, (*loc, *at, "until")


def _signal_of(when: Any) -> When:
    """The signal as far as it is right; an empty one concerns nothing."""
    if not isinstance(when, dict):
        return When()
    query, alert = when.get("query"), when.get("alert")
    if isinstance(query, str):
        return When(query=query)
    try:
        return When(alert=parse_matchers(alert)) if isinstance(alert, str) else When()
    except MatcherError:
        return When()


def queries_in(level: Any) -> Iterator[tuple[Loc, str]]:
    """The queries of a rule or group as it is written, with their places."""
    for place in asked(level) if isinstance(level, dict) else ():
        yield from _texts(functools.reduce(lambda value, part: value[part], place, level), place)


def _texts(value: Any, at: Loc) -> Iterator[tuple[Loc, str]]:
    """The queries of one place: one, a list of them, or those of `veto`."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, list):
        yield from (((*at, index), each) for index, each in enumerate(value) if isinstance(each, str))
    elif isinstance(value, dict):
        yield from _texts(value.get("queries"), (*at, "queries"))


def asked(rule: Mapping[str, Any]) -> Iterator[Loc]:
    """The places in a rule or group at which Prometheus is asked something."""
    if isinstance(when := rule.get("when"), dict) and "query" in when:
        yield "when", "query"
    entries = rule.get("if")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and "query" in entry:
            yield "if", index, "query"
    if isinstance(entries, dict) and "query" in entries:
        yield "if", "query"
    places = {at for _, until, at in _proofs(rule, ()) if "query" in until}
    yield from ((*at, "query") for at in sorted(places, key=str))
    guards = rule.get("guards")
    yield from (("guards", key) for key in ("require", "veto") if isinstance(guards, dict) and guards.get(key))
