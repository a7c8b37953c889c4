"""One running remediator: the controller, the server before it, and what the server asks of both."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from remediator import __version__, logs, metrics, views
from remediator.config import Settings
from remediator.config.settings import Storage
from remediator.controller import Controller, Habits, Ports
from remediator.core.events import Approval, Event, Pause, Record
from remediator.core.observations import Answered, Paused, Reloaded
from remediator.core.rules import Itself, Rule
from remediator.elector import Elector, NowhereToMeet, Terms
from remediator.hindsight import explain
from remediator.office import Office
from remediator.ports import ClusterError, JournalError
from remediator.relay import Relay
from remediator.repeat import Supposed
from remediator.retention import Kept
from remediator.server.access import shut_doors
from remediator.server.app import build
from remediator.server.certificate import Certificate
from remediator.server.reviews import Reviewer
from remediator.server.run import Serving, serve
from remediator.server.service import Check, Page
from remediator.sources.rule_files import RuleFiles
from remediator.switch import Switch, place

log = logs.logger("service")

PROBE = 10.0
"""Seconds for which an answer of the API server counts as news in `/readyz`."""


ENDING = "shutting down"


class World(Ports, frozen=True):
    """What the service stands on: that of the controller, and a `reviewer` for the tokens of operators that Kubernetes
    knows.
    """

    reviewer: Reviewer | None = None


class Installation:
    """One running remediator: the controller, the server before it, and what both are asked for.

    `watchers` are told of every record that becomes durable, `opened` is called whenever it has read its journal and
    begins to decide.
    """

    def __init__(
        self,
        settings: Settings,
        rules: tuple[Rule, ...],
        world: World,
        probe: Callable[[], Awaitable[object]] | None = None,
        watchers: tuple[Callable[[Record], None], ...] = (),
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings, self.journal, self.clock = settings, world.journal, world.clock
        self._rules, self._probe, self._ready = rules, probe, opened
        self._reviewer = world.reviewer
        self._closing = "starting: the journal is being read"
        self._cluster_seen = ("not asked yet", 0.0)
        self.files = RuleFiles(settings, world.clock, self._tell_rules)
        identity = _identity()
        elector = _elector(settings, world, identity)

        kept, age = _kept(settings.storage), settings.kubernetes.max_cache_age
        habits = Habits(identity, __version__, settings.evaluation_interval, kept, max_age=age)
        self.office = Office(lambda: Controller(world, habits, watchers, elector), world.clock, elector)
        self._looking_back = asyncio.Lock()
        self._switch = self._switch_of(world)
        self._relay = Relay(world.journal, world.clock)

    def _switch_of(self, world: World) -> Switch | None:
        """The ConfigMap that pauses everything; None outside of a cluster, or where the settings name none."""
        namespace, name = itself().namespace, self.settings.kubernetes.pause_configmap
        if not namespace or not name:
            return None
        ref = place(namespace, name)
        return Switch(world.cluster, world.clock, ref, lambda: self.controller, lambda: not self.refusing_to_decide)

    @property
    def refusing_to_decide(self) -> str:
        """Why nothing can be decided here now: starting, ending, standing by; empty where it can."""
        return self._closing or self.office.standing_by

    @property
    def controller(self) -> Controller:
        """The controller of the present term."""
        return self.office.controller

    async def run(self, stop: asyncio.Event, started: Callable[[Serving], None] = lambda serving: None) -> None:
        """Serve and decide until `stop` is set; then finish the writes under way within `shutdown_grace`."""
        web = self.settings.web
        for door in shut_doors(web):
            log.warning(door)
        certificate = Certificate(web.tls_config) if web.tls_config else None
        app = build(self, web, reviewer=self._reviewer)
        serving = await serve(app, web.listen, grace=self.settings.shutdown_grace, certificate=certificate)
        deciding = asyncio.create_task(self.office.run(lambda: self._reloaded(self._rules), self._opened))
        stopping, looking = asyncio.create_task(stop.wait()), asyncio.create_task(self.files.run())
        switching = asyncio.create_task(self._switch.run()) if self._switch else looking
        try:
            started(serving)
            await asyncio.wait({deciding, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self._closing = ENDING
            metrics.LEADER.set(0)
            await serving.stop()
            await self._finish(deciding)
        finally:
            for task in (stopping, looking, switching, deciding):
                task.cancel()

    async def _finish(self, deciding: asyncio.Task[None]) -> None:
        """Let writes under way come to their outcome; what does not is found again at the next start."""
        if not deciding.done():
            await self.office.stop()
            await asyncio.wait({deciding}, timeout=self.settings.shutdown_grace)
        if deciding.done():
            deciding.result()

    def _opened(self) -> None:
        self._closing = ""
        metrics.LEADER.set(0 if self.office.standing_by else 1)
        if self.office.standing_by:
            return
        for incident in self.controller.state.incidents.values():
            in_flight = incident.undo or incident.intent
            if in_flight is not None and incident.intended_at is not None:
                metrics.expect(in_flight, incident.intended_at)
        self._ready()

    def _reloaded(self, rules: tuple[Rule, ...]) -> Reloaded:
        return Reloaded(self.settings.policy(itself()), rules)

    def refusing(self) -> str:
        """See `server.service.Service`."""
        if not self.controller.writable:
            return "the journal cannot be written"
        return self._closing or self.office.out_of_reach

    def received(self) -> None:
        """See `server.service.Service`."""
        self.controller.intake.arrivals.set()

    async def checks(self) -> tuple[Check, ...]:
        """See `server.service.Service`."""
        refusing = self.refusing()
        rules = len(self.controller.state.rules)
        problem, unsynced = await self._cluster_problem(), self.controller.objects.unsynced()
        return (
            Check("rules", not self._closing, f"{rules} rules" if rules else "no rules: nothing will be done"),
            Check("journal", not refusing, refusing),
            Check("cluster", not problem, problem),
            Check("caches", not unsynced, "; ".join(unsynced)),
            Check("leader", True, self.office.standing_by or "in charge"),
        )

    def standing_by(self) -> str:
        """See `server.service.Service`."""
        return self.office.standing_by

    async def _cluster_problem(self) -> str:
        """What is wrong with the API server; asked at most every `PROBE` seconds."""
        if self._probe is None:
            return ""
        problem, at = self._cluster_seen
        now = asyncio.get_running_loop().time()
        if problem or now - at > PROBE:
            try:
                await asyncio.wait_for(self._probe(), timeout=5)
                problem = ""
            except (ClusterError, TimeoutError) as error:
                problem = f"the API server does not answer: {error}"
            self._cluster_seen = (problem, now)
            metrics.SOURCE_UP.labels("kubernetes").set(not problem)
        return problem

    async def status(self) -> views.StatusView:
        """See `server.service.Service`."""
        state = self.controller.state
        return views.StatusView(
            __version__,
            self.controller.identity,
            self.office.standing_by or "in charge",
            self.files.loaded_at,
            self.files.error,
            state.policy.mode,
            state.epoch,
            self.controller.seq,
            len(state.rules),
            views.phases(state),
            sum(views.waiting(state).values()),
            len(self.pauses()),
        )

    async def incidents(self, after: str, limit: int) -> Page:
        """See `server.service.Service`: open incidents, newest first."""
        found = views.incident_views(self.controller.state)[::-1]
        rest = views.after_mark(found, after) if after else found
        page = tuple(rest[:limit])
        return Page(page, views.mark_of(page[-1]) if len(rest) > limit else "")

    async def past(self, before: int | None, limit: int) -> Page:
        """See `server.service.Service`."""
        ends = await self.journal.latest("incident_closed", before, limit)
        begins = [await self.journal.story(line["incident"], 1) for line in ends]
        page = tuple(views.past_view([*begin, end]) for begin, end in zip(begins, ends, strict=True))
        return Page(page, str(ends[-1]["seq"]) if len(ends) == limit else "")

    async def incident(self, id_: str) -> views.IncidentView | None:
        """See `server.service.Service`."""
        state = self.controller.state
        if found := state.incidents.get(id_):
            return views.incident_story(state, found)
        lines = await self.journal.story(id_)
        ended = [place for place, line in enumerate(lines) if line["kind"] == "incident_closed"]
        return views.past_view(lines[: ended[-1] + 1]) if ended else None

    async def explain(
        self, name: str, at: datetime | None, supposed: Supposed | None = None
    ) -> views.Explanation | None:
        """See `server.service.Service`. One at a time: the past is folded again for it."""
        async with self._looking_back:
            return await explain(self.journal, self.controller.state, name, at, supposed)

    def rules(self) -> Sequence[views.RuleView]:
        """See `server.service.Service`."""
        return views.rule_views(self.controller.state)

    def head(self) -> int:
        """See `server.service.Service`."""
        return self.controller.seq

    def is_ending(self) -> bool:
        """See `server.service.Service`."""
        return self._closing == ENDING

    def measure(self) -> None:
        """See `server.service.Service`."""
        metrics.show_incidents(views.counts(self.controller.state))
        metrics.show_waiting(views.waiting(self.controller.state))
        metrics.show_breakers(views.breakers(self.controller.state))
        metrics.PAUSES.set(len(self.pauses()))
        metrics.WRITABLE.set(self.controller.writable and not self.office.out_of_reach)
        self.controller.objects.measure()

    async def answer(self, answered: Answered) -> str:
        """See `server.service.Service`."""
        if answered.incident not in self.controller.state.incidents:
            return "there is no open incident of this id"
        try:
            events = await self._followed(answered)
        except JournalError as error:
            return f"not counted: {error}"
        said = [each.data for each in events if isinstance(each.data, Approval) and each.actor != "controller"]
        if any(each.answer != "refused" for each in said):
            return ""
        return f"not counted: {said[0].reason if said else 'it came too late'}"

    def pauses(self) -> tuple[views.PauseView, ...]:
        """See `server.service.Service`."""
        return views.pause_views(self.controller.state, self.clock.now())

    async def pause(self, said: Paused) -> tuple[Pause, ...]:
        """See `server.service.Service`."""
        return tuple(event.data for event in await self._followed(said) if isinstance(event.data, Pause))

    async def _followed(self, word: Answered | Paused) -> tuple[Event, ...]:
        """What follows from an operator's word, durable: decided here, or by whoever is in charge."""
        if self.office.standing_by:
            return await self._relay.pass_on(word)
        return (await self.controller.ask(word)).events

    async def reload(self, actor: str) -> tuple[str, ...]:
        """See `server.service.Service`: the last good rules stay where the new ones have mistakes."""
        return await self.files.load(actor)

    async def _tell_rules(self, rules: tuple[Rule, ...], error: str) -> None:
        """Tell the controller in charge; on a standby they wait for its term."""
        self._rules = self._rules if error else rules
        if not self.office.standing_by:
            await self.controller.tell(Reloaded(self.settings.policy(itself()), rules, error))


def _elector(settings: Settings, world: World, identity: str) -> Elector | None:
    """Who takes part in the election; None where this replica is the only one.

    Raises `NowhereToMeet` where it is not known in which namespace the Lease is.
    """
    if not settings.elects:
        return None
    lease = settings.leader_election
    namespace = lease.namespace or itself().namespace
    if not namespace:
        raise NowhereToMeet("outside of a cluster write leader_election.namespace into the settings")
    terms = Terms(namespace, lease.lease, lease.duration, lease.renew, lease.retry)
    return Elector(world.cluster, world.clock, terms, identity)


def _kept(storage: Storage) -> Kept | None:
    """How long records are kept; None for ever."""
    if storage.retention is None:
        return None
    return Kept(storage.retention, Path(storage.archive) if storage.archive else None)


def itself() -> Itself:
    """The remediator's own place, from the downward API."""
    return Itself(*(os.environ.get(name, "") for name in ("POD_NAMESPACE", "POD_NAME", "NODE_NAME")))


def _identity() -> str:
    """This process, and no other life of its pod: a container that is restarted must not pass for its predecessor."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{secrets.token_hex(4)}"
