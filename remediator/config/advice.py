"""What is allowed and probably not meant: warnings about rules that can be loaded. They refuse nothing."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from remediator.actions import ACTIONS
from remediator.config.barred import barred
from remediator.config.document import Document
from remediator.config.evidence import queries_in
from remediator.config.fights import fights
from remediator.config.problems import Loc, Problem
from remediator.config.promql import is_newer
from remediator.config.rules import RuleFile, written
from remediator.config.settings import Settings
from remediator.core.guarding import stricter
from remediator.core.model import Mode
from remediator.core.openings import HORIZON, next_open
from remediator.core.rules import Rule
from remediator.core.windows import TimeInterval

AHEAD = timedelta(days=4 * 366)
"""For how long an opening is looked for: a leap day comes within it."""


def advise(files: Iterable[RuleFile], settings: Settings | None, now: datetime) -> list[Problem]:
    """The warnings about all rules of files that have no mistakes of form, in the order of files."""
    placed = [(file, loc, rule) for file in files for loc, rule in file.rules]
    found = [_nobody_told(*each) for each in placed]
    found += [_warning(file, (*loc, *at), *told) for file, loc, rule in placed for at, *told in barred(rule, settings)]
    for (file, loc, _), told in fights(placed):
        found.append(_warning(file, (*loc, "do"), *told))
    if settings is not None:
        found += [_never_open(*each, settings, now) for each in placed]
        found += [_never_approved(*each, settings) for each in placed]
    return [each for each in found if each is not None]


def _warning(file: RuleFile, loc: Loc, message: str, remedy: str) -> Problem | None:
    return file.document.problem(loc, message, remedy) if file.document else None


def _nobody_told(file: RuleFile, loc: Loc, rule: Rule) -> Problem | None:
    """A ladder ends at a person, or what does not help ends in silence."""
    last = ACTIONS[rule.do[-1].action] if rule.do else None
    if last is None or last.tells or all(ACTIONS[step.action].looks for step in rule.do):
        return None
    what = f"nobody is told where `{last.name}` does not help"
    return _warning(file, (*loc, "do"), what, "end with `- escalate: {receiver: …}`")


def unjudged(files: Iterable[RuleFile]) -> list[Problem]:
    """Queries in syntax that nobody but a server can judge."""
    what = "is in syntax that this check does not know: whether it is right only a Prometheus can tell"
    remedy = "try it in the one that will be asked, by --prometheus"
    return [document.problem(loc, what, remedy) for document, loc, query in queries_of(files) if is_newer(query)]


def queries_of(files: Iterable[RuleFile]) -> Iterator[tuple[Document, Loc, str]]:
    """Every query of the files that have their form, where it is written."""
    for document in (file.document for file in files if file.document and file.shape):
        for loc, level in (*written(document, "groups"), *written(document, "rules")):
            yield from ((document, (*loc, *at), query) for at, query in queries_in(level))


def _never_approved(file: RuleFile, loc: Loc, rule: Rule, settings: Settings) -> Problem | None:
    """More people have to agree than there are; whom Kubernetes knows cannot be counted."""
    if Mode.lowest(settings.mode, rule.mode) is not Mode.APPROVE or settings.web.auth.kubernetes.enabled:
        return None
    said = stricter(settings.guards, rule.guards).approval
    quorum = (said and said.quorum) or 1
    people = sum(not {"approve", "admin"}.isdisjoint(each.roles) for each in settings.web.auth.operators)
    if quorum <= people:
        return None
    what = f"waits for {quorum} to approve, and the settings name {people} who may"
    return _warning(file, (*loc, "name"), what, "add operators with the role approve to web.auth, or lower the quorum")


def _never_open(file: RuleFile, loc: Loc, rule: Rule, settings: Settings, now: datetime) -> Problem | None:
    """A window that does not open for as long as a step may take, on any day to come."""
    said = stricter(settings.guards, rule.guards)
    levels, muted = said.active_time_intervals or (), said.mute_time_intervals or ()
    known = settings.time_intervals
    if not (levels or muted) or {*muted, *(name for level in levels for name in level)} - known.keys():
        return None

    def of(names: Iterable[str]) -> tuple[TimeInterval, ...]:
        return tuple(each for name in names for each in known[name])

    lasting = timedelta(seconds=min(rule.until_of(step).within for step in range(len(rule.do))))
    if _opens(tuple(of(level) for level in levels), of(muted), now, lasting):
        return None
    what = f"its windows never open for the {lasting.total_seconds():.0f} s that a step may take"
    return _warning(file, (*loc, "name"), what, "widen `active_time_intervals`, or make `until.within` shorter")


@functools.lru_cache(maxsize=256)
def _opens(
    levels: tuple[tuple[TimeInterval, ...], ...], muted: tuple[TimeInterval, ...], now: datetime, lasting: timedelta
) -> bool:
    """Whether these windows open for so long at any time to come; many rules have the same ones."""
    at = now
    while at < now + AHEAD:
        if next_open(levels, muted, at, lasting) is not None:
            return True
        at += HORIZON
    return False
