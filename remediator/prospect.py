"""Prospect: the signals of rules at this moment, the state of the journal, and what foresight makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from remediator.clients.alertmanager import Alert, MalformedPayload, parse
from remediator.clients.alertmanager_api import Unanswered, merged
from remediator.core.events import Record
from remediator.core.kinds import KINDS, is_custom, ref_of
from remediator.core.model import Json, Target, Value
from remediator.core.naming import LABELS
from remediator.core.observations import Sighting
from remediator.core.rules import Policy, Rule
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need
from remediator.core.workload import zone_of
from remediator.foresight import Foresight, RulePlan
from remediator.journal import reading
from remediator.journal.chain import record_of
from remediator.ports import Clock, Cluster, ClusterError, JournalError, NotFound
from remediator.recovery import restore
from remediator.sources import alerts, present, watched
from remediator.sources.grants import targets_of
from remediator.sources.inquiries import Inquiries
from remediator.sources.looks import Looks
from remediator.sources.present import NotKnown
from remediator.sources.queries import Ask
from remediator.sources.reconciliation import Alerting, Reconciliation
from remediator.sources.series import fingerprint_of

if TYPE_CHECKING:
    from remediator.journal.database import Reading


class Plan(Value, frozen=True):
    """What would be done `at` an instant. `journal` is why nothing is known of earlier actions, empty where it was
    read.
    """

    at: datetime
    journal: str
    rules: tuple[RulePlan, ...]


class Wish(Value, frozen=True):
    """What is planned for: these rules, of one target where it is named; `payload` stands in for the alerts that
    fire.
    """

    rules: tuple[Rule, ...]
    target: str = ""
    payload: bytes | None = None


class Prospect:
    """Looks for signals once and plans on them. `ask` is None where the settings name no Prometheus."""

    def __init__(self, cluster: Cluster, clock: Clock, ask: Ask | None, alerting: Alerting) -> None:
        self._cluster, self._clock, self._ask, self._alerting = cluster, clock, ask, alerting
        self._assumed: frozenset[str] = frozenset()
        self._given = False

    async def plan(self, state: State, policy: Policy, rules: Sequence[Rule], wish: Wish, journal: str = "") -> Plan:
        """The plan for a wish, on a state. Never raises for what servers do."""
        at, self._given = self._clock.now(), wish.payload is not None
        looks = Looks(self._cluster, self._clock, Inquiries(self._ask, self._clock), {Need.SILENCES: self._silences})
        foresight = Foresight(state, policy, rules, looks, self._clock)
        planned: list[RulePlan] = []
        for rule in wish.rules:
            try:
                seen = await self._signals(foresight.state, rule, wish, at)
            except NotKnown as error:
                planned.append(RulePlan(rule.name, foresight.state.mode_of(rule), None, str(error)))
            else:
                planned.append(await foresight.plan(rule, seen, self._assumed))
        return Plan(at, journal, tuple(planned))

    async def _signals(self, state: State, rule: Rule, wish: Wish, at: datetime) -> list[Sighting]:
        """The signals of a rule; of one target where that is wished, an assumed one where none of it stands."""
        try:
            found = await self._standing(state, rule, wish, at)
        except NotKnown:
            if not wish.target:
                raise
            found = []
        if not wish.target:
            return found
        mine = [each for each in found if each.target and str(each.target) == wish.target]
        return mine or await self._assume(rule, wish.target, at)

    async def _standing(self, state: State, rule: Rule, wish: Wish, at: datetime) -> list[Sighting]:
        if rule.when.object:
            return await present.objects(self._cluster, rule, at)
        if rule.when.alert and wish.payload is not None:
            return await self._located(state, rule, _alerts_in(wish.payload))
        if rule.when.alert and self._alerting.alertmanagers:
            return await self._located(state, rule, await self._firing())
        if self._ask is None:
            who = "Prometheus" if rule.when.query else "Alertmanager or Prometheus"
            more = "" if rule.when.query else "; give the alerts by --alert"
            raise NotKnown(f"the settings name no {who} to ask{more}")
        samples = present.series(await self._ask(present.question(rule), at))
        return await present.sightings(self._cluster, rule, samples, at)

    async def _firing(self) -> list[Alert]:
        """The alerts that fire and are not silenced, by all Alertmanagers that answer."""
        holdings, problem = [], ""
        for each in self._alerting.alertmanagers:
            try:
                holdings.append(await each.holding())
            except Unanswered as error:
                problem = str(error)
        if not holdings:
            raise NotKnown(f"Alertmanager cannot be asked: {problem}")
        return [held.alert for held in merged(holdings).alerts.values() if held.told]

    async def _located(self, state: State, rule: Rule, firing: Sequence[Alert]) -> list[Sighting]:
        only = replace(state, rules=type(state.rules)({rule.name: rule}))
        try:
            return await alerts.sightings_of(self._cluster, only, [each for each in firing if each.status == "firing"])
        except ClusterError as error:
            raise NotKnown(f"the targets of its alerts cannot be read: {error.message}") from error

    async def _assume(self, rule: Rule, wanted: str, at: datetime) -> list[Sighting]:
        """A signal of a target for which none stands; none where the rule is not for its kind."""
        target = _target_of(wanted)
        if target.kind not in targets_of(rule):
            return []
        try:
            live = await self._cluster.get(ref_of(target))
        except NotFound as error:
            raise NotKnown(f"there is no {wanted}: {error.message}") from error
        except ClusterError as error:
            raise NotKnown(f"{wanted} cannot be read: {error.message}") from error
        target = replace(target, uid=live["metadata"]["uid"])
        self._assumed |= {target.key}
        return [_assumed(rule, target, live, at)]

    async def _silences(self, cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[str, ...]:
        """What Alertmanager says of an incident's alerts; nothing of alerts that it was not asked for."""
        if self._given or incident.target.key in self._assumed:
            return ()

        async def unheard(_: object) -> None:
            """Nobody listens."""

        heard = Reconciliation(self._alerting, cluster, self._clock, lambda: state, unheard)
        return await heard.silences(cluster, state, incident, live)


def _alerts_in(payload: bytes) -> Sequence[Alert]:
    try:
        return parse(payload).alerts
    except MalformedPayload as error:
        raise NotKnown(f"the payload is none of Alertmanager's: {error}") from error


def _target_of(text: str) -> Target:
    """`Kind/namespace/name` or `Kind/name`, whose form was checked."""
    kind, *names = text.split("/")
    namespaced = len(names) == 2 and (is_custom(kind) or KINDS[kind].namespaced)
    return Target(kind, names[0] if namespaced else "", names[-1])


def _assumed(rule: Rule, target: Target, live: Json, at: datetime) -> Sighting:
    place = {"namespace": target.namespace} if target.namespace else {}
    labels = {**place, **({LABELS[target.kind]: target.name} if target.kind in LABELS else {})}
    mark = fingerprint_of(labels)
    if rule.when.object:
        labels = {"kind": target.kind, "name": target.name} | labels
        mark = watched.fingerprint(target.kind, target.namespace, target.name, target.uid)
    zone = zone_of({"kind": target.kind} | live)
    return Sighting(rule.when.source, "firing", rule.name, mark, labels, starts_at=at, target=target, zone=zone)


class _Outside:
    """A journal that is looked at from outside, as `recovery.restore` reads it."""

    def __init__(self, journal: Reading) -> None:
        self._journal = journal

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        return tuple(map(record_of, await self.lines(after, limit)))

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Json, ...]:
        """See `ports.Journal.lines`."""
        return self._journal.page(after, limit)

    async def checkpoint(self, before: int | None = None) -> Record | None:
        """See `ports.Journal.checkpoint`."""
        return self._journal.checkpoint(before)


async def state_of(url: str) -> tuple[State, str]:
    """The state of the journal at a URL, and why it could not be read (then nothing is known). Never writes to it."""
    try:
        with reading(url) as journal:
            return (await restore(_Outside(journal))).state, ""
    except JournalError as error:
        return State(), str(error)
