"""The composition root: settings → adapters → controller and server, running until the end is asked for."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable

from remediator import __version__, logs, metrics, views
from remediator.clock import SystemClock
from remediator.config import ConfigErrors, Settings, load_rules
from remediator.controller import Controller
from remediator.core.events import Record
from remediator.core.model import Value
from remediator.core.observations import Reloaded
from remediator.core.rules import Itself, Rule
from remediator.narrate import narrate
from remediator.ports import Clock, Cluster, ClusterError, Fenced, Journal, JournalError, Notifier
from remediator.server.access import shut_doors
from remediator.server.app import build
from remediator.server.run import Serving, serve
from remediator.server.service import Check, Page

log = logs.logger("app")

PROBE = 10.0
"""Seconds for which an answer of the API server counts as news in `/readyz`."""


class World(Value, frozen=True):
    """What the service stands on: one adapter for each port."""

    journal: Journal
    cluster: Cluster
    notifier: Notifier
    clock: Clock


class Installation:
    """One running remediator: the controller, the server before it, and what both are asked for."""

    def __init__(
        self,
        settings: Settings,
        rules: tuple[Rule, ...],
        world: World,
        probe: Callable[[], object] | None = None,
        watchers: tuple[Callable[[Record], None], ...] = (),
    ) -> None:
        self.settings, self.journal, self.clock = settings, world.journal, world.clock
        self._rules, self._probe = rules, probe
        self._closing = "starting: the journal is being read"
        self._cluster_seen = ("not asked yet", 0.0)
        self.controller = Controller(
            world.journal, world.cluster, world.notifier, world.clock, _identity(), __version__, watchers
        )

    async def run(self, stop: asyncio.Event, started: Callable[[Serving], None] = lambda serving: None) -> None:
        """Serve and decide until `stop` is set; then finish the writes under way within `shutdown_grace`."""
        web = self.settings.web
        for door in shut_doors(web):
            log.warning(door)
        serving = await serve(build(self, web), web.listen)
        deciding = asyncio.create_task(self.controller.run(self._reloaded(self._rules), self._opened))
        stopping = asyncio.create_task(stop.wait())
        try:
            started(serving)
            await asyncio.wait({deciding, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self._closing = "shutting down"
            await serving.stop()
            await self._finish(deciding)
        finally:
            stopping.cancel()
            deciding.cancel()

    async def _finish(self, deciding: asyncio.Task[None]) -> None:
        """Let writes under way come to their outcome; what does not is found again at the next start."""
        if not deciding.done():
            await self.controller.stop()
            await asyncio.wait({deciding}, timeout=self.settings.shutdown_grace)
        if deciding.done():
            deciding.result()

    def _opened(self) -> None:
        self._closing = ""

    def _reloaded(self, rules: tuple[Rule, ...]) -> Reloaded:
        return Reloaded(self.settings.policy(itself()), rules)

    def refusing(self) -> str:
        """See `server.service.Service`."""
        if not self.controller.writable:
            return "the journal cannot be written"
        return self._closing

    def received(self) -> None:
        """See `server.service.Service`."""
        self.controller.arrivals.set()

    async def checks(self) -> tuple[Check, ...]:
        """See `server.service.Service`."""
        refusing = self.refusing()
        rules = len(self.controller.state.rules)
        problem = await self._cluster_problem()
        return (
            Check("rules", not self._closing, f"{rules} rules" if rules else "no rules: nothing will be done"),
            Check("journal", not refusing, refusing),
            Check("cluster", not problem, problem),
        )

    async def _cluster_problem(self) -> str:
        """What is wrong with the API server; asked at most every `PROBE` seconds."""
        if self._probe is None:
            return ""
        problem, at = self._cluster_seen
        now = asyncio.get_running_loop().time()
        if problem or now - at > PROBE:
            try:
                await asyncio.wait_for(self._probe(), timeout=5)  # type: ignore[arg-type]
                problem = ""
            except (ClusterError, TimeoutError) as error:
                problem = f"the API server does not answer: {error}"
            self._cluster_seen = (problem, now)
        return problem

    async def status(self) -> object:
        """See `server.service.Service`."""
        return {"version": __version__, **views.status_view(self.controller.state, self.controller.seq)}

    async def incidents(self, after: str, limit: int) -> Page:
        """See `server.service.Service`: open incidents, newest first; a mark is the id of the last one shown."""
        found = views.incident_views(self.controller.state)[::-1]
        if after:
            places = [place for place, view in enumerate(found) if view.id == after]
            if not places:
                raise ValueError(f"{after[:50]!r} is no open incident any more; begin again without it")
            found = found[places[0] + 1 :]
        page = tuple(found[:limit])
        return Page(page, page[-1].id if len(found) > limit else "")

    async def incident(self, id_: str) -> object | None:
        """See `server.service.Service`."""
        found = self.controller.state.incidents.get(id_)
        return views.incident_view(found) if found else None

    async def reload(self, actor: str) -> tuple[str, ...]:
        """See `server.service.Service`: the last good rules stay where the new ones have mistakes."""
        try:
            rules = await asyncio.to_thread(load_rules, self.settings)
        except ConfigErrors as errors:
            mistakes = tuple(str(problem) for problem in errors.problems)
            await self.controller.tell(Reloaded(self.settings.policy(itself()), error="\n".join(mistakes)))
            log.error("rules rejected; the last good ones stay", by=actor, mistakes=mistakes)
            return mistakes
        await self.controller.tell(self._reloaded(rules))
        log.info("rules read", by=actor, rules=len(rules))
        return ()


async def run(settings: Settings, rules: tuple[Rule, ...]) -> int:
    """The service of `remediator run`; answers the exit code."""
    from remediator.clients import kubernetes
    from remediator.journal import connect
    from remediator.notify.receivers import Receivers

    logs.configure(settings.log.level, settings.log.format)
    try:
        journal = connect(settings.storage.url)
    except JournalError as error:
        log.error("the journal cannot be opened", problem=str(error))
        return 2
    cluster = kubernetes.connect(settings.kubernetes.kubeconfig, settings.kubernetes.context)
    notifier = Receivers(settings.receivers)
    installation = Installation(
        settings,
        rules,
        World(journal, cluster, notifier, SystemClock()),
        probe=cluster.version,
        watchers=(metrics.observe, log_record),
    )
    try:
        return await _until_signalled(installation)
    finally:
        await notifier.close()
        await cluster.close()
        await journal.close()


async def _until_signalled(installation: Installation) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(installation.reload("signal:SIGHUP")))
    try:
        await installation.run(stop, lambda serving: log.info("listening", url=serving.url))
    except Fenced as error:
        log.error("another remediator writes this journal; ending so that only one acts", problem=str(error))
        return 1
    log.info("ended")
    return 0


def log_record(record: Record) -> None:
    """One log line for each record that became durable."""
    event = record.event
    line = narrate(event)
    log.info(
        f"{line.word}: {line.text}",
        seq=record.seq,
        kind=event.kind,
        incident=event.incident,
        rule=event.rule,
        target=str(event.target or ""),
    )


def itself() -> Itself:
    """The remediator's own place, from the downward API."""
    return Itself(os.environ.get("POD_NAMESPACE", ""), os.environ.get("POD_NAME", ""))


def _identity() -> str:
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}"
