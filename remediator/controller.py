"""The loop: observe → evaluate → decide → execute → verify → record, driven by one mailbox.

Everything that is seen arrives as an observation; `decide` turns it into events; they are made durable; and what the
incidents then want is begun. After a crash the same loop goes on where the journal stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from remediator.agenda import backoff
from remediator.chronicle import Chronicle
from remediator.core.events import Dropped, Record
from remediator.core.model import Value
from remediator.core.observations import Elected, Observation, Reloaded
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.courier import Courier
from remediator.decide import Ruling
from remediator.elector import Elector
from remediator.errands import Errands
from remediator.intake import Intake
from remediator.logs import logger
from remediator.mailbox import Mail, Mailbox
from remediator.ports import Broken, Clock, Cluster, Fenced, Journal, JournalError, Notifier
from remediator.retention import Kept, Retention
from remediator.sources.inquiries import Inquiries
from remediator.sources.looks import Looks
from remediator.sources.objects import MAX_AGE, Objects
from remediator.sources.queries import Ask, Queries
from remediator.sources.reads import Reads
from remediator.sources.reconciliation import Alerting, Reconciliation
from remediator.upkeep import EVERY, Upkeep
from remediator.work import Holds, Seeing, Work

log = logger("controller")

FOLLOW_EVERY = 1.0
"""Seconds between two looks at a journal that another replica writes."""


class Ports(Value, frozen=True):
    """What a controller stands on: an adapter for each port. `ask` answers the queries of rules, without it such rules
    never fire; `alerting` is who is asked about alerts: without it, what webhooks say is believed.
    """

    journal: Journal
    cluster: Cluster
    notifier: Notifier
    clock: Clock
    ask: Ask | None = None
    alerting: Alerting | None = None


class Habits(Value, frozen=True):
    """Who a controller is and how it works: queries are asked each `every` seconds, records `kept` for ever unless it
    is said how long, the state written down after `checkpoint` of them, and what is known of the cluster's objects is
    relied on for `max_age` seconds.
    """

    identity: str
    version: str = ""
    every: float = 30.0
    kept: Kept | None = None
    checkpoint: int = EVERY
    max_age: float = MAX_AGE


class Controller:
    """One controller over one journal. `watchers` are told of every record that became durable, in order.

    With an `elector` others take payloads too, and it writes only while that holds office.
    """

    def __init__(
        self,
        ports: Ports,
        habits: Habits,
        watchers: tuple[Callable[[Record], None], ...] = (),
        elector: Elector | None = None,
    ) -> None:
        self.journal, self._ports, self._habits = ports.journal, ports, habits
        clock, state = ports.clock, lambda: self.state
        self._ending, self._mailbox = asyncio.Event(), Mailbox(clock)
        self._replies: set[asyncio.Future[Ruling]] = set()
        self.courier = Courier(ports.notifier, clock, state, self.tell)
        told = (lambda record: self.courier.saw(record.event), *watchers)
        self._chronicle = Chronicle(ports.journal, clock, Upkeep(habits.checkpoint), told, self._ending)
        reads, alerting = Reads(ports.cluster, clock), ports.alerting or Alerting()
        self._alerts = Reconciliation(alerting, reads, clock, state, self.tell)
        hearing = (self._bring, alerting.doubt, self._alerts.heard)
        self.intake = Intake(ports.journal, reads, clock, state, *hearing, shared=elector is not None)
        self.queries = Queries(ports.ask, ports.cluster, clock, state, self.tell, habits.every) if ports.ask else None
        self.objects = Objects(ports.cluster, clock, state, self.tell, habits.max_age)
        kept = habits.kept
        self._retention = Retention(ports.journal, clock, state, self._announce, kept) if kept else None
        self._is_followed = elector is not None
        self._errands = self._errands_of(reads, elector.holds if elector else lambda: True)

    def _errands_of(self, reads: Reads, holds: Holds) -> Errands:
        """What looks at targets and writes, while this replica `holds` office."""
        cluster, clock, state, ask = self._ports.cluster, self._ports.clock, lambda: self.state, self._ports.ask
        is_asked = self._ports.alerting is not None and self._ports.alerting.alertmanagers
        outside = {Need.SILENCES: self._alerts.silences} if is_asked else {}
        anew = {Need.SILENCES: self._alerts.silences_now} if is_asked else {}
        looks = Looks(cluster, clock, Inquiries(ask, clock), outside, anew)
        work = Work(cluster, self._ports.notifier, clock, state, Seeing(looks, reads, self.queries), holds)
        return Errands(clock, state, work, self._mailbox)

    @property
    def identity(self) -> str:
        """This process, among those that share a journal."""
        return self._habits.identity

    @property
    def state(self) -> State:
        """The state as the journal has it."""
        return self._chronicle.state

    @property
    def seq(self) -> int:
        """The last record that was folded."""
        return self._chronicle.seq

    @property
    def writable(self) -> bool:
        """Whether the journal could be written when it was last tried."""
        return self._chronicle.writable

    async def run(self, rules: Reloaded, opened: Callable[[], None] = lambda: None) -> None:
        """Recover, take office with these rules, call `opened`, then loop until stopped or cancelled.

        Raises `Fenced` where another writer took over.
        """
        await self._chronicle.catch_up()
        await self._settle([Mail(Elected(self.identity, self._habits.version))])
        await self._settle([Mail(rules)])
        opened()
        self._errands.take_up()
        feeding = self._begin_feeding()
        try:
            while not self._stopping or self._errands.are_writing:
                _demand_alive(feeding)
                if not self._stopping:
                    self._errands.begin_due()
                await self._settle(await self._next_mails())
                await self._chronicle.keep_up()
            await self._close()
        except JournalError as error:
            if isinstance(error, Fenced) or not self._stopping:
                raise
            log.error("ended without the journal; the next start looks up what it lacks", problem=str(error))
        finally:
            await self._end((*feeding, *self._errands.tasks))

    async def stop(self) -> None:
        """Begin nothing new; `run` returns once the outcomes of all writes under way are durable, or at once where the
        journal cannot be written.
        """
        self._ending.set()
        self._mailbox.wake()

    async def follow(self, begun: Callable[[], None]) -> None:
        """Keep the state as the journal has it, which another replica writes, and the objects that its rules speak of,
        until cancelled. Decides nothing.
        """
        misses = 0
        try:
            while True:
                try:
                    await self._follow()
                    misses = 0
                    begun()
                except Broken:
                    raise
                except JournalError as error:
                    log.warning("the journal cannot be followed; trying again", problem=str(error), misses=misses)
                    misses += 1
                wait = backoff(misses).total_seconds() if misses else 0.0
                await self._ports.clock.sleep(max(FOLLOW_EVERY, wait))
        finally:
            if self._stopping:
                await self.objects.end()

    async def tell(self, observation: Observation) -> None:
        """Put an observation of the outside (a reload, an operator's word) before the loop."""
        await self._mailbox.put(Mail(observation))

    async def ask(self, observation: Observation) -> Ruling:
        """As `tell`, and answer what was decided, once it is durable. Raises `JournalError` where the term ends."""
        reply = asyncio.get_running_loop().create_future()
        self._replies.add(reply)
        reply.add_done_callback(self._replies.discard)
        await self._mailbox.put(Mail(observation, reply=reply))
        return await reply

    @property
    def _stopping(self) -> bool:
        return self._ending.is_set()

    async def _settle(self, mails: Sequence[Mail]) -> None:
        """Decide, make durable, fold, and note what is wanted next. Nothing is begun that is not durable."""
        for mail, ruling in zip(mails, await self._chronicle.commit(mails), strict=True):
            if isinstance(mail.observation, Reloaded):
                self.objects.follow()
                if self.queries:
                    self.queries.follow()
            self._errands.note(mail, ruling)
            if mail.reply is not None and not mail.reply.done():
                mail.reply.set_result(ruling)

    async def _next_mails(self) -> list[Mail]:
        """What waits by now, or comes first; an empty mail where something is due before that."""
        if self._chronicle.needs_upkeep and self._mailbox.is_empty:
            self._mailbox.wake()
        is_busy = self._stopping or self._errands.are_full
        return await self._mailbox.take(None if is_busy else self._errands.next_at())

    def _begin_feeding(self) -> list[asyncio.Task[None]]:
        """All that brings observations, each in a task of its own."""
        feeders = (self.intake, self._alerts, self.queries, self.objects, self._retention, self.courier)
        feeding = [asyncio.create_task(each.run()) for each in feeders if each]
        for task in feeding:
            task.add_done_callback(lambda _: self._mailbox.wake())
        return feeding

    async def _follow(self) -> None:
        rules = self.state.rules
        await self._chronicle.catch_up()
        if self.state.rules is not rules:
            self.objects.warm()

    async def _bring(self, seen: Observation, receipt: int) -> None:
        await self._mailbox.put(Mail(seen, (receipt,)))

    def _announce(self, dropped: Dropped) -> None:
        self._chronicle.announce(dropped)
        self._mailbox.wake()

    async def _close(self) -> None:
        """Write a checkpoint, so that the next start is quick; not where another one knows the state, and waits."""
        if self._is_followed:
            return
        self._chronicle.close()
        while await self._chronicle.keep_up():
            self.objects.warm()

    async def _end(self, tasks: tuple[asyncio.Task[None], ...]) -> None:
        for task in tasks:
            task.cancel()
        self._mailbox.close()
        for reply in list(self._replies):
            reply.set_exception(JournalError("this replica is not in charge any more: ask again"))
        await asyncio.gather(*tasks, return_exceptions=True)


def _demand_alive(feeding: Sequence[asyncio.Task[None]]) -> None:
    """An intake that broke must not look like a quiet one: raises what ended it."""
    for task in feeding:
        if task.done():
            task.result()
