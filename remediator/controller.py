"""The loop: observe → evaluate → decide → execute → verify → record, driven by one mailbox.

Everything that is seen arrives as an observation; `decide` turns it into events; they are made durable; and what the
incidents then want is begun. After a crash the same loop goes on where the journal stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from msgspec.structs import replace

from remediator import metrics
from remediator.agenda import Agenda, Errand, backoff, wanted
from remediator.caller import Caller
from remediator.core.events import Dropped, Event, Intent, Record, Undo
from remediator.core.fold import apply, fold
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Phase, Verb
from remediator.core.observations import Carried, Elected, Looked, Observation, Paused, Reloaded, Ticked
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need
from remediator.courier import Courier
from remediator.decide import Ruling, decide
from remediator.elector import Elector
from remediator.executor import Executor
from remediator.intake import Intake
from remediator.logs import about, logger
from remediator.mailbox import Mail, Mailbox
from remediator.objections import objection
from remediator.pausing import held_back
from remediator.ports import Broken, Clock, Cluster, Fenced, Journal, JournalError, Notifier, Unavailable
from remediator.recovery import restore
from remediator.retention import Kept, Retention
from remediator.sources.inquiries import Inquiries
from remediator.sources.looks import Looks
from remediator.sources.objects import MAX_AGE, Objects
from remediator.sources.queries import Ask, Queries
from remediator.sources.reads import Reads
from remediator.sources.reconciliation import Alerting, Reconciliation
from remediator.upkeep import EVERY, Upkeep

log = logger("controller")

MOST_ERRANDS = 64
"""Reads and writes under way at once."""

FOLLOW_EVERY = 1.0
"""Seconds between two looks at a journal that another replica writes."""

FOLLOW_AGAIN = 5.0
"""Seconds at most until it is tried again where it could not be read: nobody is in charge before somebody can."""

VERIFYING_LOOKS = 50
"""Looks a second at targets in verification, all together: their polling must not take the API server from those whose
remediation is due.
"""


class Controller:
    """One controller over one journal. `watchers` are told of every record that became durable, in order.

    `ask` answers the queries of rules, by default each `every` seconds; without it such rules never fire. Records
    are `kept` for ever unless it is said how long; after `checkpoint` of them the state is written down. `alerting` is
    who is asked about alerts; nobody: what webhooks say is believed. What is known of the cluster's objects is relied
    on for `max_age` seconds. With an `elector` others take payloads too, and it writes only while that holds office.
    """

    def __init__(
        self,
        journal: Journal,
        cluster: Cluster,
        notifier: Notifier,
        clock: Clock,
        identity: str,
        version: str = "",
        watchers: tuple[Callable[[Record], None], ...] = (),
        ask: Ask | None = None,
        every: float = 30.0,
        kept: Kept | None = None,
        checkpoint: int = EVERY,
        alerting: Alerting | None = None,
        max_age: float = MAX_AGE,
        elector: Elector | None = None,
    ) -> None:
        self.journal, self.cluster, self.clock = journal, cluster, clock
        self.identity, self.version, self.watchers = identity, version, watchers
        holds = (elector.holds,) if elector else ()
        self.executor, self.reads = Executor(cluster, clock, self._objection, *holds), Reads(cluster, clock)
        self.state, self.seq = State(), 0
        self.writable = True
        alerting = alerting or Alerting()
        alerts = Reconciliation(alerting, self.reads, clock, lambda: self.state, self.tell)
        self.intake = Intake(
            journal,
            self.reads,
            clock,
            lambda: self.state,
            self._bring,
            alerting.doubt,
            alerts.heard,
            shared=elector is not None,
        )
        self._alerts = alerts
        self._looks = Looks(cluster, clock, Inquiries(ask, clock), {Need.SILENCES: alerts.silences})
        self.queries = Queries(ask, cluster, clock, lambda: self.state, self.tell, every) if ask else None
        self.caller = Caller(notifier, clock, lambda: self.state, self._objection, *holds)
        self.courier = Courier(notifier, clock, lambda: self.state, self.tell)
        self.objects = Objects(cluster, clock, lambda: self.state, self.tell, max_age)
        self._upkeep = Upkeep(checkpoint)
        self._retention = Retention(journal, clock, lambda: self.state, self._announce, kept) if kept else None
        self._mailbox = Mailbox(clock)
        self._agenda = Agenda()
        self._errands: dict[str, asyncio.Task[None]] = {}
        self._carrying: set[str] = set()
        self._issued: set[str] = set()
        self._writes: dict[str, Change] = {}
        self._stop_asked = asyncio.Event()
        self._misses: dict[str, int] = {}
        self._replies: set[asyncio.Future[Ruling]] = set()

    async def run(self, rules: Reloaded, opened: Callable[[], None] = lambda: None) -> None:
        """Recover, take office with these rules, call `opened`, then loop until stopped or cancelled.

        Raises `Fenced` where another writer took over.
        """
        await self._catch_up()
        await self._settle([Mail(Elected(self.identity, self.version))])
        await self._settle([Mail(rules)])
        opened()
        for incident in self.state.incidents.values():
            self._schedule(incident)
        feeders = (self.intake, self._alerts, self.queries, self.objects, self._retention, self.courier)
        feeding = [asyncio.create_task(each.run()) for each in feeders if each]
        for task in feeding:
            task.add_done_callback(lambda _: self._mailbox.wake())
        try:
            while not (self._stopping and not self._carrying):
                for task in feeding:
                    if task.done():
                        task.result()  # an intake that broke must not look like a quiet one
                self._begin_due()
                await self._settle(await self._next_mails())
                await self._keep_up()
            await self._close()
        except JournalError as error:
            if isinstance(error, Fenced) or not self._stopping:
                raise
            log.error("ended without the journal; the next start looks up what it lacks", problem=str(error))
        finally:
            await self._end((*feeding, *self._errands.values()))

    async def stop(self) -> None:
        """Begin nothing new; `run` returns once the outcomes of all writes under way are durable, or at once where the
        journal cannot be written.
        """
        self._stop_asked.set()
        self._mailbox.wake()

    @property
    def _stopping(self) -> bool:
        return self._stop_asked.is_set()

    async def recover(self) -> None:
        """Read the journal: the state is as it was when the last event became durable."""
        restored = await restore(self.journal)
        self.state, self.seq = restored.state, restored.seq
        self._upkeep.begin(restored.since, restored.size)

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
                await self.clock.sleep(backoff(misses, FOLLOW_AGAIN).total_seconds() if misses else FOLLOW_EVERY)
        finally:
            if self._stopping:
                await self.objects.end()

    async def _follow(self) -> None:
        rules = self.state.rules
        await self._catch_up()
        if self.state.rules is not rules:
            self.objects.warm()

    async def _catch_up(self) -> None:
        """Fold what was appended since the journal was read last, or all of it. Others wrote it: nobody is told."""
        if not self.seq:
            await self.recover()
        while records := await self.journal.read(after=self.seq):
            for record in records:
                self.state, self.seq = apply(self.state, record.event), record.seq
                self._upkeep.saw(record.event)

    async def tell(self, observation: Observation) -> None:
        """Put an observation of the outside (a reload, an operator's word) before the loop."""
        await self._mailbox.put(Mail(observation))

    async def _bring(self, seen: Observation, receipt: int) -> None:
        await self._mailbox.put(Mail(seen, (receipt,)))

    async def ask(self, observation: Observation) -> Ruling:
        """As `tell`, and answer what was decided, once it is durable. Raises `JournalError` where the term ends."""
        reply = asyncio.get_running_loop().create_future()
        self._replies.add(reply)
        reply.add_done_callback(self._replies.discard)
        await self._mailbox.put(Mail(observation, reply=reply))
        return await reply

    async def _next_mails(self) -> list[Mail]:
        """What waits by now, or comes first; an empty mail where something is due before that."""
        if self._upkeep.is_due and self._mailbox.is_empty:
            self._mailbox.wake()
        return await self._mailbox.take(None if self._is_busy else self._agenda.next_at())

    async def _rest(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as the end is asked for."""
        either = [asyncio.create_task(each) for each in (self.clock.sleep(seconds), self._asked_to_stop())]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in either:
                each.cancel()

    async def _asked_to_stop(self) -> None:
        await self._stop_asked.wait()

    async def _settle(self, mails: Sequence[Mail]) -> None:
        """Decide, make durable, fold, and note what is wanted next. Nothing is begun that is not durable."""
        for mail, ruling in zip(mails, await self._commit(mails), strict=True):
            if mail.errand:  # only now may the incident have another: what this one brought is durable
                self._errands.pop(mail.errand, None)
                self._carrying.discard(mail.errand)
            self._note_wanted(mail, ruling)
            if mail.reply is not None and not mail.reply.done():
                mail.reply.set_result(ruling)

    def _note_wanted(self, mail: Mail, ruling: Ruling) -> None:
        """Put what an observation touched onto the agenda, or off it."""
        about = getattr(mail.observation, "incident", "")
        touched = {event.incident for event in ruling.events if event.incident}
        if isinstance(mail.observation, Reloaded):
            self.objects.follow()
            if self.queries:
                self.queries.follow()
        if isinstance(mail.observation, Reloaded) and ruling.events:
            touched |= set(self.state.incidents)  # what was held by the old rules may be allowed by the new ones
        if isinstance(mail.observation, Paused) and mail.observation.pause.lifted and ruling.events:
            touched |= held_back(self.state)
        for incident_id in touched | ({about} if about else set()):
            incident = self.state.incidents.get(incident_id)
            if incident is None:
                self._agenda.drop(incident_id)
                self._misses.pop(incident_id, None)
            elif incident_id not in self._errands:
                self._schedule(incident, ruling if incident_id == about else None, mail)

    async def _commit(self, mails: Sequence[Mail]) -> list[Ruling]:
        """Append what follows from observations, one after the other, in one transaction: the disk is waited for once.

        Where the journal cannot be written, wait for it and do nothing; then decide anew. At the end it is tried once
        more and not waited for: raises `JournalError`.
        """
        receipts = [receipt for mail in mails for receipt in mail.receipts]
        misses = 0
        while True:
            rulings, state = self._decided(mails)
            events = [event for ruling in rulings for event in ruling.events]
            if not events and not receipts:
                return rulings
            try:
                with metrics.APPEND_SECONDS.time():
                    records = await self.journal.append(events, after=self.seq, consume=receipts)
                break
            except Fenced:
                raise
            except JournalError as error:
                self.writable = False
                if self._stopping:
                    raise
                log.error("journal cannot be written; nothing is done until it can", problem=str(error))
                await self._rest(backoff(misses).total_seconds())
                misses += 1
        self.writable = True
        for ruling in rulings:
            self._writes |= ruling.writes
        as_decided = all(record.event == event for record, event in zip(records, events, strict=True))
        self._fold(records, state if as_decided else fold((record.event for record in records), self.state))
        return rulings

    def _decided(self, mails: Sequence[Mail]) -> tuple[list[Ruling], State]:
        """What follows from each observation, given what follows from those before it, and the state after all of it.
        Changes nothing here.
        """
        state, rulings = self.state, []
        for mail in mails:
            rulings.append(decide(state, mail.observation, self.clock.now()))
            state = fold(rulings[-1].events, state)
        return rulings, state

    async def _keep_up(self) -> bool:
        """Append one thing that the journal needs for itself; whether that was done. Decisions come in between."""
        wanted = self._upkeep.next(self.state, self.seq)
        if wanted is None:
            return False
        try:
            records = await self.journal.append([Event(self.clock.now(), wanted)], after=self.seq)
            self._fold(records, fold((record.event for record in records), self.state))
        except Fenced:
            raise
        except JournalError as error:
            self._upkeep.give_up()
            log.warning("no checkpoint can be written now; a start reads more records", problem=str(error))
            return False
        return True

    async def _close(self) -> None:
        """Write a checkpoint, so that the next start is quick."""
        self._upkeep.close()
        while await self._keep_up():
            self.objects.warm()

    def _announce(self, dropped: Dropped) -> None:
        self._upkeep.announce(dropped)
        self._mailbox.wake()

    def _fold(self, records: Sequence[Record], state: State) -> None:
        """Take over the state after records that became durable: whoever is to hear of them does."""
        self.state = state
        for record in records:
            self.seq = record.seq
            self._upkeep.saw(record.event)
            self.courier.saw(record.event)
            for watcher in self.watchers:
                watcher(record)

    def _schedule(self, incident: Incident, ruling: Ruling | None = None, mail: Mail | None = None) -> None:
        want = wanted(incident)
        if want is None:
            return self._agenda.drop(incident.id)
        at = max(want[1], ruling.again_at) if ruling and ruling.again_at else want[1]
        if incident.phase is Phase.VERIFYING:
            many = len(self.state.hands)
            turn = many / VERIFYING_LOOKS if many > VERIFYING_LOOKS else 0.0
            at = max(at, self.clock.now() + timedelta(seconds=turn))
        if mail is not None and _missed(mail):
            self._misses[incident.id] = self._misses.get(incident.id, -1) + 1
            at = max(want[1], self.clock.now() + backoff(self._misses[incident.id]))
        elif mail is not None:
            self._misses.pop(incident.id, None)
        return self._agenda.put(incident.id, at)

    @property
    def _is_busy(self) -> bool:
        """Whether no errand may be begun now: enough are under way, or the end is near."""
        return self._stopping or len(self._errands) >= MOST_ERRANDS

    def _begin_due(self) -> None:
        while not self._is_busy and (incident_id := self._agenda.take(self.clock.now())):
            incident = self.state.incidents.get(incident_id)
            want = wanted(incident) if incident else None
            if incident is not None and want is not None and incident_id not in self._errands:
                self._errands[incident_id] = asyncio.create_task(self._run_errand(incident, want[0]))
                if want[0] is Errand.CARRY and not _is_call(incident):
                    self._carrying.add(incident_id)

    async def _run_errand(self, incident: Incident, errand: Errand) -> None:
        about(incident=incident.id, rule=incident.definition.name)
        try:
            mail = Mail(await _ERRANDS[errand](self, incident), errand=incident.id)
        except Exception as error:  # one object that breaks our code must not stop what is done about the others
            log.error("errand failed", errand=errand, problem=f"{type(error).__name__}: {error}")
            mail = Mail(Ticked(incident.id), errand=incident.id, missed=True)
        if errand is Errand.CARRY or incident.phase is Phase.VERIFYING:
            self._mailbox.put_patient(mail)
        else:
            await self._mailbox.put(mail)

    async def _look(self, incident: Incident) -> Looked:
        fresh = incident.phase is Phase.PENDING and incident.serial == 0
        before = self.reads.take(ref_of(incident.target)) if fresh else None
        incident = self.queries.with_value(incident) if self.queries else incident
        return await self._looks.look(self.state, incident, before)

    async def _carry(self, incident: Incident) -> Carried:
        """An intent of this process is carried out; one found in the journal is settled first."""
        intent = incident.undo if incident.phase is Phase.UNDOING else incident.intent
        assert intent is not None, "acting and undoing incidents have an intent"
        about(remediation=intent.id)
        change = self._writes.pop(intent.id, intent.change)
        of_old = intent.epoch != self.state.epoch or intent.id in self._issued
        if isinstance(intent, Intent) and intent.change.verb is Verb.CALL:
            self._issued.add(intent.id)
            return await self.caller.carry_out(incident.id, intent, asked_before=of_old)
        if of_old:
            return await self.executor.settle(incident.id, intent)
        self._issued.add(intent.id)
        return await self.executor.carry_out(incident.id, replace(intent, change=change))

    async def _objection(self, incident_id: str, intent: Intent | Undo, waited: bool) -> str:
        """What speaks against writing an intent now. Raises `Unavailable` where that cannot be read."""
        incident, facts = self.state.incidents.get(incident_id), None
        if waited and incident is not None and isinstance(intent, Intent):
            incident = self.queries.with_value(incident) if self.queries else incident
            facts = await self._looks.look_again(self.state, incident)
            if facts.unknown:
                raise Unavailable(facts.unknown)
        return objection(self.state, incident_id, intent, facts, self.clock.now())

    async def _tick(self, incident: Incident) -> Ticked:
        return Ticked(incident.id)

    async def _end(self, tasks: tuple[asyncio.Task[None], ...]) -> None:
        for task in tasks:
            task.cancel()
        self._mailbox.close()
        for reply in list(self._replies):
            reply.set_exception(JournalError("this replica is not in charge any more: ask again"))
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_call(incident: Incident) -> bool:
    """Whether an outside system is being asked: nothing to be waited for at the end, it is asked again by its key."""
    return incident.intent is not None and incident.intent.change.verb is Verb.CALL


def _missed(mail: Mail) -> bool:
    """Whether an errand brought nothing back: an unreadable target, a fault of ours."""
    if isinstance(mail.observation, Looked):
        return bool(mail.observation.snapshot.facts.unknown)
    return mail.missed


_ERRANDS: dict[Errand, Callable[[Controller, Incident], Awaitable[Observation]]] = {
    Errand.LOOK: Controller._look,
    Errand.CARRY: Controller._carry,
    Errand.TICK: Controller._tick,
}
