"""One scope of objects under watch: of which of them the rules' conditions hold, and the sightings that makes.

Only who an object is and what was answered is kept, and that only of objects for which something holds or is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from remediator.conditions import Unknown, Where
from remediator.core.kinds import resource
from remediator.core.model import Target, Value
from remediator.core.observations import Sighting
from remediator.core.rules import Rule
from remediator.core.state import State, open_key, told_key
from remediator.core.workload import zone_of
from remediator.logs import logger
from remediator.ports import Clock, Cluster, ClusterError, Forbidden, Invalid, NotFound
from remediator.sources.forms import Form, Identity, Key
from remediator.sources.named import LABELS
from remediator.sources.reflector import Changes, Reflector, Scope
from remediator.sources.series import TRY_AGAIN, fingerprint_of
from remediator.sources.targets import Located, Unresolved, follow

log = logger("objects")

SOURCE = "kubernetes"

AT_ONCE = 16
"""Objects whose owners are looked up together."""

NOTHING: frozenset[str] = frozenset()


class Held(Value, frozen=True):
    """An object for which something holds: the rules whose condition is true of it, and those of which it is unknown.

    `since` is when the first of them began to hold, as far as this process has seen; `mark` is its fingerprint.
    """

    who: Identity
    mark: str
    since: datetime
    firing: frozenset[str]
    unknown: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """The rules of which it is not known that they do not hold."""
        return self.firing | self.unknown


def labels_of(scope: Scope, who: Identity) -> dict[str, str]:
    """The labels of the signal that an object is: `kind`, `namespace`, `name` and the well-known one of its kind."""
    kind = scope.resource.kind
    place = {"namespace": who.namespace} if who.namespace else {}
    return {"kind": kind, "name": who.name, **place, **({LABELS[kind]: who.name} if kind in LABELS else {})}


def fingerprint(kind: str, namespace: str, name: str, uid: str) -> str:
    """What tells one object from another, its successor of the same name too."""
    return fingerprint_of({"kind": kind, "namespace": namespace, "name": name, "uid": uid})


class Watched:
    """Follows one scope for the rules that speak of it. `bring` is told what changed, `state` is the latest."""

    def __init__(
        self,
        scope: Scope,
        rules: tuple[Rule, ...],
        cluster: Cluster,
        clock: Clock,
        state: Callable[[], State],
        bring: Callable[[list[Sighting]], Any],
        jitter: Callable[[], float],
    ) -> None:
        self.scope, self.rules = scope, rules
        self._cluster, self._clock, self._state, self._bring = cluster, clock, state, bring
        self._wheres = {
            rule.name: Where(rule.when.object.where, scope.resource.kind) for rule in rules if rule.when.object
        }
        self._form = Form(scope.resource, [path for where in self._wheres.values() for path in where.reads])
        self._rules = {rule.name: rule for rule in rules}
        self._sets: dict[frozenset[str], frozenset[str]] = {NOTHING: NOTHING}
        self.held: dict[Key, Held] = {}
        self.reflector = Reflector(cluster, clock, scope, self._form, self._take, jitter)

    async def _take(self, changes: Changes) -> None:
        """What changed in the cluster, and what that changes for rules."""
        ended: list[Sighting] = []
        begun: list[tuple[Rule, Held]] = []
        for key in changes.gone:
            ended += self._ends(self.held.pop(key, None), NOTHING)
        for who, obj in changes.changed:
            firing, unknown = self._answers(obj)
            before = self.held.get(who.key)
            if before is None and not firing and not unknown:
                continue  # as of nearly all
            after = self._kept(before, who, firing, unknown)
            same = before is not None and before.who.uid == after.who.uid
            ended += self._ends(before, after.all if same else NOTHING)
            known = before.firing if before is not None and same else NOTHING
            begun += [(self._rules[name], after) for name in sorted(after.firing - known)]
        if found := [*ended, *await self._sighted(begun)]:
            await self._bring(found)

    def _answers(self, obj: Any) -> tuple[list[str], list[str]]:
        """The rules whose condition is true of an object, and those of which it is unknown."""
        view, firing, unknown = self._form.view(obj), [], []
        for name, where in self._wheres.items():
            answer = where.ask(view)
            if answer is True:
                firing.append(name)
            elif isinstance(answer, Unknown):
                unknown.append(name)
        return firing, unknown

    def _kept(self, before: Held | None, who: Identity, firing: list[str], unknown: list[str]) -> Held:
        """What holds now of an object; only where something does is it kept."""
        answers = self._shared(frozenset(firing)), self._shared(frozenset(unknown))
        if before is not None and before.who.uid == who.uid:
            after = Held(who, before.mark, before.since, *answers)
        else:
            mark = fingerprint(self.scope.resource.kind, who.namespace, who.name, who.uid)
            after = Held(who, mark, self._clock.now(), *answers)
        if after.all:
            self.held[who.key] = after
        else:
            self.held.pop(who.key, None)
        return after

    def _shared(self, names: frozenset[str]) -> frozenset[str]:
        """One value for all equal ones: most objects have the same answers."""
        return self._sets.setdefault(names, names)

    def _ends(self, before: Held | None, still: frozenset[str]) -> list[Sighting]:
        """What is over for the rules that do not hold any more."""
        if before is None:
            return []
        labels = labels_of(self.scope, before.who)
        return [Sighting(SOURCE, "resolved", name, before.mark, labels) for name in sorted(before.all - still)]

    async def news(self, every: float) -> list[Sighting]:
        """What holds and the journal does not know, and what it takes for firing and holds no more. Called each
        `every` seconds: one that speaks of no target is tried again from time to time.
        """
        state, at = self._state(), self._clock.now()
        firing = [
            (self._rules[name], held)
            for held in self.held.values()
            for name in sorted(held.firing)
            if self._is_news(state, name, held, at, every)
        ]
        return [*self._absent(state), *await self._sighted(firing)]

    def _is_news(self, state: State, name: str, held: Held, at: datetime, every: float) -> bool:
        key = told_key(name, held.mark)
        if key in state.noted:
            return (at - held.since) % TRY_AGAIN < timedelta(seconds=every)
        return state.told.get(key, "") not in state.incidents

    def _absent(self, state: State) -> list[Sighting]:
        """The ends of all signals whose object is gone or does not meet its rule."""
        there = {(name, held.mark) for held in self.held.values() for name in held.all}
        found = [
            Sighting(SOURCE, "resolved", incident.definition.name, seen.fingerprint, seen.labels)
            for incident in state.incidents.values()
            for seen in incident.signals
            if incident.definition.name in self._rules
            and not seen.resolved
            and (incident.definition.name, seen.fingerprint) not in there
        ]
        noted = [key.rpartition("|") for key in sorted(state.noted)]
        found += [
            Sighting(SOURCE, "resolved", name, mark)
            for name, _, mark in noted
            if name in self._rules and (name, mark) not in there
        ]
        return found

    async def _sighted(self, firing: list[tuple[Rule, Held]]) -> list[Sighting]:
        found: list[Sighting] = []
        for begin in range(0, len(firing), AT_ONCE):
            some = firing[begin : begin + AT_ONCE]
            found += filter(None, await asyncio.gather(*(self._sighting(*each) for each in some)))
        return found

    async def _sighting(self, rule: Rule, held: Held) -> Sighting | None:
        """One object that fires; None where its owners cannot be asked for now: it is tried again."""
        try:
            found = await self._located(rule, held.who)
        except ClusterError as error:
            log.warning("the target of an object cannot be read; trying again", rule=rule.name, problem=str(error))
            return None
        return Sighting(
            SOURCE,
            "firing",
            rule.name,
            held.mark,
            labels_of(self.scope, held.who),
            starts_at=self._since(rule, held, found),
            target=found.target if isinstance(found, Located) else None,
            reason=found.reason if isinstance(found, Unresolved) else "",
            zone=found.zone if isinstance(found, Located) else "",
        )

    async def _located(self, rule: Rule, who: Identity) -> Located | Unresolved:
        """The object itself, or its live owner of the wanted kind."""
        kind = self.scope.resource.kind
        start = Target(kind, who.namespace, who.name, who.uid)
        if rule.target.kind == kind:
            return Located(start, zone_of({"kind": kind, "metadata": {"labels": who.labels}}))
        try:
            return await follow(self._cluster, start, rule.target.kind)
        except NotFound as error:
            return Unresolved(f"{start} cannot be followed to a target: {error.message}")
        except (Forbidden, Invalid) as error:
            return Unresolved(f"{start} cannot be read: {error.message}")

    def _since(self, rule: Rule, held: Held, found: Located | Unresolved) -> datetime:
        """Since when it holds. Before the first list is whole the last incident tells: its own echo opens no other."""
        blank = self.reflector.current_at is None and isinstance(found, Located)
        past = self._state().pasts.get(open_key(rule.name, found.target)) if blank else None  # type: ignore[union-attr]
        before = [one.starts_at for one in past.signals if one.fingerprint == held.mark] if past else []
        return next(filter(None, before), held.since)


def scopes(rules: Iterable[Rule]) -> dict[Scope, tuple[Rule, ...]]:
    """What rules speak of, each scope once, with the rules that speak of it."""
    found: dict[Scope, list[Rule]] = {}
    for rule in rules:
        if spec := rule.when.object:
            found.setdefault(Scope(resource(spec.kind), spec.namespace, spec.selector), []).append(rule)
    return {scope: tuple(some) for scope, some in found.items()}
