"""What a Prometheus says of rules: whether it takes their queries, has the series and labels, and what fires now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeAlias

from remediator.clients.prometheus import Prometheus
from remediator.clients.prometheus_api import NotTold
from remediator.clients.query_answer import Unknown
from remediator.config.advice import queries_of
from remediator.config.evidence import naming
from remediator.config.problems import Problem, nearest
from remediator.config.promql import grouped, selected
from remediator.config.result_labels import labels_of
from remediator.config.rules import RuleFile
from remediator.core.masks import ALERT_NAME
from remediator.core.rules import Rule
from remediator.inspection.finding import Firing, Found, Placed, placed
from remediator.inspection.knowledge import Knowledge, learn
from remediator.ports import Cluster
from remediator.sources import present
from remediator.sources.present import NotKnown

Said: TypeAlias = tuple[str, str]
"""A message and its remedy."""

MOST_NAMED = 12
"""Labels that a message names."""

_ABSENT = re.compile(r"\babsent(?:_over_time)?\s*\(")


async def inspect(
    files: Iterable[RuleFile], server: Prometheus, now: datetime, cluster: Cluster | None = None
) -> Found:
    """Everything about files of rules; where the server does not answer, nothing but that. With a `cluster` signals of
    now are followed to their targets.
    """
    files = list(files)
    asked = {query for _, _, query in queries_of(files)} | {present.question(each.rule) for each in placed(files)}
    try:
        known = await learn(server, asked - {""}, now)
    except NotTold as error:
        return Found((_silent(files, server, str(error)),))
    return await reviewed(files, known, now, cluster)


async def reviewed(files: Iterable[RuleFile], known: Knowledge, now: datetime, cluster: Cluster | None = None) -> Found:
    """What follows for files of rules from what a server knows."""
    files = list(files)
    rules = list(placed(files))
    problems, warnings = list[Problem](), list[Problem]()
    for document, loc, query in queries_of(files):
        refused, told = judge(query, known)
        problems += [document.problem(loc, *said) for said in refused]
        warnings += [document.problem(loc, *said) for said in told]
    warnings += [each.told(*said) for each in rules for said in _of_rule(each.rule, known)]
    firing, lost = [], list[Problem | None]()
    for each in rules:
        if not each.rule.when.object:
            one, gone = await _now(each, known, now, cluster)
            firing.append(one)
            lost.append(gone)
    return Found(tuple(problems), (*warnings, *filter(None, lost)), tuple(firing))


def _silent(files: list[RuleFile], server: Prometheus, reason: str) -> Problem:
    file = next((each.document.file for each in files if each.document), "")
    what = f"the Prometheus at {server.url} does not tell what was asked: {reason}"
    return Problem(file, 0, 0, "", what, "see that it can be reached from here, and asked without a password")


def judge(query: str, known: Knowledge) -> tuple[list[Said], list[Said]]:
    """What is wrong with a query by the server's word, and what is doubtful about it."""
    answer = known.answers[query]
    if isinstance(answer, Unknown) and answer.refused:
        return [(f"this Prometheus refuses it: {answer.reason}", "try it in its expression browser")], []
    told = list(_series(query, known))
    if isinstance(answer, Unknown):
        told.append(
            (f"its answer is none to go by: {answer.reason}", "see what the query costs, and what it leaves out")
        )
    return [], told


def _series(query: str, known: Knowledge) -> Iterator[Said]:
    """Metrics that are not there, and labels that their series lack."""
    if _ABSENT.search(query):
        return  # it is about what is not there
    for each in selected(query):
        if not each.metric:
            continue
        if each.metric not in known.metrics:
            near = nearest(each.metric, known.metrics)
            remedy = f"did you mean `{near}`?" if near else "see that its exporter is scraped"
            yield f"there was no series of `{each.metric}` in the last day", remedy
            continue
        has = known.labels[each.metric]
        for label in each.labels:
            if label not in has:
                yield f"no series of `{each.metric}` has a label `{label}`", _among(label, has)
    yield from _groups(query, known)


def _groups(query: str, known: Knowledge) -> Iterator[Said]:
    """Labels to group by that none of the series has: all of them end up in one group."""
    has = [known.labels.get(each.metric) for each in selected(query)]
    everything = frozenset().union(*(each for each in has if each))
    if None in has or not has:
        return
    for label in grouped(query):
        if label not in everything:
            yield f"none of its series has the label `{label}` that it groups by", _among(label, everything)


def _among(label: str, has: frozenset[str]) -> str:
    near = nearest(label, has)
    more = f", and {len(has) - MOST_NAMED} more" if len(has) > MOST_NAMED else ""
    return f"did you mean `{near}`?" if near else f"they have {', '.join(sorted(has)[:MOST_NAMED])}{more}"


def _of_rule(rule: Rule, known: Knowledge) -> Iterator[Said]:
    """Alerts that nobody raises, and series that cannot name the target."""
    yield from _alert(rule, known)
    has = labels_of(rule.when.query, known.labels.get) if rule.when.query else None
    for wanted in naming(rule.target) if has is not None else ():
        if has is not None and has.isdisjoint(wanted):
            told = ", ".join(sorted(has)[:MOST_NAMED]) or "none"
            named = " or ".join(f"`{each}`" for each in wanted if not each.startswith("exported_"))
            what = f"the series of its query have the labels {told}: none names the {rule.target.kind or 'target'}"
            yield what, f"keep {named} in it, or say in target.label which one does"
            return


def _alert(rule: Rule, known: Knowledge) -> Iterator[Said]:
    names = [each for each in rule.when.alert if each.name == ALERT_NAME]
    if not names or known.alerts is None:
        return
    if any(all(each.matches({ALERT_NAME: alert}) for each in names) for alert in known.alerts):
        return
    near = nearest(names[0].value, known.alerts)
    what = f"this Prometheus has no alerting rule `{names[0].value}`"
    yield what, f"did you mean `{near}`?" if near else "see that another server has it"


async def _now(
    placed: Placed, known: Knowledge, now: datetime, cluster: Cluster | None
) -> tuple[Firing, Problem | None]:
    """What a rule has signals of now, and the warning about those that lead nowhere."""
    try:
        samples = present.series(known.answers[present.question(placed.rule)])
    except NotKnown as error:
        return placed.firing(None, str(error)), None
    if cluster is None:
        return placed.firing(len(samples)), None
    seen = await present.sightings(cluster, placed.rule, samples, now)
    return placed.firing(seen), placed.lost(seen)
