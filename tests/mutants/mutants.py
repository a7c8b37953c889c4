"""The list of planted bugs. One whose text is gone fails loudly: write it anew for what stands there now."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant


def _one(name: str, file: str, old: str, new: str, **more: object) -> Mutant:
    """A mutant of a single edit."""
    return Mutant(name, (Edit(file, old, new),), **more)  # type: ignore[arg-type]


MUTANTS: tuple[Mutant, ...] = (
    _one(
        "effect before its intent is durable",
        "controller.py",
        "            try:\n                with metrics.APPEND_SECONDS.time():",
        "            for each in events:\n"
        "                if each.kind == 'intent' and each.mode == 'enforce':\n"
        "                    try:\n"
        "                        await self.cluster.write(each.data.change)\n"
        "                    except Exception:\n"
        "                        pass\n"
        "            try:\n                with metrics.APPEND_SECONDS.time():",
    ),
    _one(
        "no precondition on the version",
        "actions/action.py",
        'return Precondition(meta["uid"], meta["resourceVersion"])',
        'return Precondition(meta["uid"], "")',
    ),
    _one(
        "cooldown counted from the start of an action",
        "core/fold/steps.py",
        "    ended = Ended(event.time, incident.id)",
        "    ended = Ended(incident.intended_at or event.time, incident.id)",
    ),
    _one(
        "budget in memory: gone after a restart",
        "core/fold/sources.py",
        "return replace(state, epoch=data.epoch, dark=",
        "return replace(state, epoch=data.epoch, spent=type(state.spent)(), dark=",
        options=("--about", "crash"),
    ),
    _one(
        "an unreadable target taken for a deleted one",
        "sources/looks.py",
        'return Snapshot(Facts(taken_at, unknown=f"{type(error).__name__}: {error.message}"))',
        "return Snapshot(Facts(taken_at, exists=False))",
    ),
    _one(
        "an unknown condition taken for a true one",
        "guards/confirm.py",
        "        if answer.holds is None:",
        "        if answer.holds is None:\n            continue\n        if answer.holds is None:",
    ),
    _one(
        "guards skipped on a second try",
        "propose.py",
        "    if not request.writes_nothing:\n        return GUARDS\n",
        "    if not request.writes_nothing:\n        return () if request.incident.tries else GUARDS\n",
    ),
    _one(
        "undo of what somebody else has changed since",
        "actions/rollback.py",
        "    if changed or (has_books and not all(is_ours(snapshot.live, each) for each in fields)):",
        "    if False:",
    ),
    _one(
        "no fence before an intent is closed as never done",
        "executor.py",
        "            await self._write(_fence(change.ref, live, intent.id))\n",
        "            pass\n",
    ),
    _one(
        "adopted without looking",
        "executor.py",
        "            except OutcomeUnknown:\n                return await self.settle(incident, intent)",
        "            except OutcomeUnknown:\n                return Carried(incident, intent.id, OutcomeStatus.ADOPTED)",
        options=("--about", "kind=l"),
    ),
    _one(
        "a lost answer taken for a failure",
        "executor.py",
        "            except OutcomeUnknown:\n                return await self.settle(incident, intent)\n",
        "",
    ),
    _one(
        "receipts consumed before what follows is durable",
        "controller.py",
        "            rulings, state = self._decided(mails)\n",
        "            if receipts:\n"
        "                try:\n"
        "                    await self.journal.append((), after=self.seq, consume=receipts)\n"
        "                except Fenced:\n"
        "                    raise\n"
        "                except JournalError:\n"
        "                    pass\n"
        "            rulings, state = self._decided(mails)\n",
        options=("--about", "part=journal"),
    ),
    _one(
        "success by a 200",
        "verify.py",
        "    if until.ready and not facts.healthy:\n        return _not_healthy(",
        "    if until.ready and not facts.healthy:\n"
        '        return Judgement("proven", "written", now)\n        return _not_healthy(',
    ),
    _one(
        "said at every look",
        "weigh.py",
        "    return said is not None and _gist(decision) == _gist(said)",
        "    return False",
    ),
    _one(
        "intents of an earlier term carried out again",
        "controller.py",
        "        of_old = intent.epoch != self.state.epoch or intent.id in self._issued",
        "        of_old = intent.id in self._issued",
        options=("--about", "crash"),
    ),
    _one(
        "an echo opens the cured incident again",
        "evaluate.py",
        "        if _is_aftermath(state, sighting, target, now):\n            return\n",
        "",
    ),
    _one(
        "protected namespaces touched",
        "guards/protected.py",
        "    if target.namespace in protected.namespaces:",
        "    if False:",
    ),
    _one(
        "observe mode spends what is enforced",
        "core/fold/place.py",
        'return "shadow:" if mode is Mode.OBSERVE else ""',
        'return ""',
    ),
    _one(
        "observe mode writes",
        "decide.py",
        "    if proposal.request.mode is not Mode.OBSERVE:\n        return events",
        "    return events",
    ),
    _one(
        "a mode lowered by the settings is not heeded",
        "core/state.py",
        "return Mode.lowest(self.policy.mode, rule.mode, present.mode if present else None)",
        "return rule.mode or self.policy.mode",
    ),
    _one(
        "two hands on one target",
        "guards/one_hand.py",
        "    if holder is None or holder == request.incident.id:",
        "    if True:",
    ),
    _one(
        "a successor's health proves its predecessor's cure",
        "verify.py",
        "    gone = not facts.exists or facts.uid != incident.target.uid",
        "    gone = not facts.exists",
    ),
    _one(
        "no data fails a verification",
        "verify.py",
        '    if facts.unknown:\n        return Judgement("unknown", facts.unknown)',
        '    if facts.unknown:\n        return Judgement("failed", facts.unknown)',
    ),
    _one(
        "a fenced writer tries again for ever",
        "controller.py",
        "            except Fenced:\n                raise\n            except JournalError as error:",
        "            except JournalError as error:",
        options=("--about", "double"),
    ),
    _one(
        "open incidents forgotten at a restart",
        "controller.py",
        "        for incident in self.state.incidents.values():\n            self._schedule(incident)\n",
        "",
    ),
    _one(
        "what the journal refuses is decided all the same",
        "controller.py",
        "                await self._rest(backoff(misses).total_seconds())\n                misses += 1\n        self.writable = True",
        "                return rulings\n        self.writable = True",
    ),
    _one(
        "`for` not waited for",
        "core/state.py",
        "        return self.since + timedelta(seconds=self.definition.when.for_)",
        "        return self.since",
    ),
    _one(
        "acts after the signal is gone",
        "guards/confirm.py",
        "    if request.incident.cleared_at is not None and not request.under_way:",
        "    if False:",
    ),
    _one(
        "2xx before the payload is durable",
        "server/webhook.py",
        "            await self._service.journal.receive(SOURCE, body, self._service.clock.now())",
        "            self._kept = asyncio.ensure_future(\n"
        "                self._service.journal.receive(SOURCE, body, self._service.clock.now())\n"
        "            )",
        options=("--about", "part=journal"),
    ),
    _one(
        "health need not hold",
        "verify.py",
        "    if now - since >= timedelta(seconds=until.for_):",
        "    if True:",
    ),
    _one(
        "an approval for any plan",
        "decide.py",
        "    if incident.approved == plan:",
        "    if incident.approved:",
        found_by="tests/unit/decide/test_approval.py",
    ),
    _one(
        "an answer to another plan counts",
        "bookkeeping.py",
        "incident.phase is not Phase.AWAITING or incident.plan != seen.plan:",
        "incident.phase is not Phase.AWAITING:",
        found_by="tests/unit/decide/test_approval.py",
    ),
    _one(
        "an opt-out is not heeded",
        "guards/opt_out.py",
        "    if not against:",
        "    if True:",
    ),
    _one(
        "places in flight are not counted",
        "guards/max_in_flight.py",
        "request.limits.max_in_flight",
        "request.limits.max_in_flight + 1",
    ),
    _one(
        "a checkpoint forgets when actions ended",
        "core/frozen_state.py",
        "_MAPS = {name: get_args(hint)[1] for name, hint in _hints.items() if get_origin(hint) is Map}",
        "_MAPS = {name: get_args(hint)[1] for name, hint in _hints.items() if get_origin(hint) is Map and name != 'ended'}",
        options=("--about", "crash"),
    ),
    _one(
        "cancelled for good: an alert that comes back is not heard",
        "core/fold/steps.py",
        "        told = without(told, told_key(incident.definition.name, seen.fingerprint))\n",
        "        pass\n",
    ),
    _one(
        "a reverted change is made again for ever",
        "conclude.py",
        "if incident.reverts + 1 < MOST_REVERTS else",
        "if True else",
        options=("--about", "meddle"),
    ),
    _one(
        "an unknown answer to a query taken for no",
        "sources/inquiries.py",
        "    if isinstance(answer, Unknown):\n        return None, answer.reason\n",
        "    if isinstance(answer, Unknown):\n        return False, answer.reason\n",
        options=("--about", "part=prometheus"),
    ),
    _one(
        "a query that fails ends what it showed",
        "sources/queries.py",
        "    async def _conclude(self, asking: Asking, answer: Answer, at: datetime) -> None:\n",
        "    async def _conclude(self, asking: Asking, answer: Answer, at: datetime) -> None:\n"
        "        answer = Vector(()) if isinstance(answer, Unknown) else answer\n",
        options=("--about", "part=prometheus"),
    ),
    _one(
        "an exporter that is gone ends what it measured",
        "sources/queries.py",
        "            for each, why in zip(gone, reasons, strict=True)\n",
        "            for each, why in zip(gone, [''] * len(gone), strict=True)\n",
        options=("--about", "part=prometheus"),
    ),
    _one(
        "an eviction without a precondition",
        "actions/action.py",
        "        precondition_of(pod),\n        prior=",
        '        Precondition("", ""),\n        prior=',
    ),
    _one(
        "the cordon of somebody else lifted",
        "actions/uncordon.py",
        '    if not is_ours(live) and not order.args.get("foreign", False):',
        "    if False:",
    ),
    _one(
        "an undone drain lifts a cordon that was there before",
        "actions/drain.py",
        '    if not any("unschedulable" in each.prior for each in order.done):',
        "    if False:",
        found_by="tests/unit/actions/test_drain.py",
    ),
    _one(
        "a drain evicts the pods of DaemonSets",
        "core/draining.py",
        "    return STAYS if ways.ignore_daemonsets else",
        '    return "" if ways.ignore_daemonsets else',
    ),
    _one(
        "a drain goes on when its time is over",
        "stopping.py",
        "    if now < progress.until or (",
        "    if True or (",
    ),
    _one(
        "a paused leader goes on where it stopped",
        "elector.py",
        "        return self._is_held and self._monotonic() < self._renewed_at + self._terms.renew",
        "        return self._is_held",
        options=("--replicas", "2", "--about", "freeze"),
    ),
    _one(
        "a standby takes the lease of one that is alive",
        "elector.py",
        " and not self._has_run_out():",
        " and False:",
        options=("--replicas", "2"),
    ),
    _one(
        "an approval that has expired counts",
        "bookkeeping.py",
        "    if waits and incident.expires_at is not None and now >= incident.expires_at:\n        return _expired(state, incident, now)\n",
        "",
        found_by="tests/unit/decide/test_approval.py",
    ),
    _one(
        "one approval is enough, however many are wanted",
        "bookkeeping.py",
        "len(incident.approvals) + 1 >= quorum",
        "len(incident.approvals) + 1 >= 1",
        options=("--about", "answer"),
    ),
    _one(
        "acts on a target that cannot come back",
        "guards/capacity.py",
        "    if capacity.refused:",
        "    if False:",
        found_by="tests/unit/guards/test_capacity.py",
    ),
    _one(
        "a guard that fails allows",
        "propose.py",
        '        return deny(guard.name, f"the guard itself failed',
        '        return allow(guard.name, f"the guard itself failed',
        found_by="tests/unit/guards/test_guards.py",
    ),
    _one(
        "silences are not heeded",
        "sources/reconciliation.py",
        "for each, held in found if not held.told)",
        "for each, held in found if False)",
        options=("--reconciles", "--about", "silence"),
    ),
    _one(
        "an alert that one answer lacks is over",
        "sources/reconciliation.py",
        "GOOD = 3\n",
        "GOOD = 1\n",
        options=("--reconciles", "--about", "forget"),
    ),
    _one(
        "an Alertmanager that begins empty is believed",
        "sources/reconciliation.py",
        "        if holding.lives != self._lives:\n            self._missing.clear()\n",
        "        if holding.lives != self._lives:\n",
        options=("--reconciles", "--about", "forget"),
    ),
    _one(
        "a webhook that was lost stays lost",
        "sources/reconciliation.py",
        "        return key not in state.noted and sighting.fingerprint in ours",
        "        return False",
        options=("--reconciles", "--about", "part=road"),
    ),
    _one(
        "an end is believed though nothing is measured",
        "sources/doubts.py",
        "            if reason:\n",
        "            if False:\n",
        options=("--about", "part=prometheus"),
    ),
    _one(
        "a scaling undone that somebody has scaled since",
        "actions/setting.py",
        "    others = [shown(field.path) for field in fields if not is_ours(live, field)]\n",
        "    others = []\n",
        options=("--about", "meddle"),
    ),
    _one(
        "a look from before the clock was set back",
        "guards/confirm.py",
        "    return -AHEAD <= age <= FRESH",
        "    return age <= FRESH",
        found_by="tests/unit/guards/test_confirm.py",
    ),
    _one(
        "what an old cache shows is believed",
        "sources/objects.py",
        "watched.reflector.current_at is not None and watched.reflector.age <= self._max_age",
        "watched.reflector.current_at is not None",
        found_by="tests/unit/sources/test_objects.py",
    ),
    _one(
        "an object that is gone goes on firing",
        "sources/watched.py",
        "            ended += self._ends(self.held.pop(key, None), NOTHING)\n        for who, obj",
        "            self.held.pop(key, None)\n        for who, obj",
        found_by="tests/unit/sources/test_objects.py",
    ),
)
