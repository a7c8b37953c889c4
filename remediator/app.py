"""The composition root: settings → adapters → one installation, running until the end is asked for."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from remediator import logs, metrics
from remediator.clock import SystemClock
from remediator.config import Settings
from remediator.config.settings import PrometheusSource
from remediator.core.events import Intent, Outcome, Payload, Record, Undo
from remediator.core.rules import Rule
from remediator.elector import NowhereToMeet
from remediator.herald import Herald
from remediator.installation import Installation, World, itself
from remediator.narrate import narrate
from remediator.ports import Clock, Fenced, Journal, JournalError
from remediator.server.certificate import CertificateError
from remediator.server.run import ListenError
from remediator.sources.alerts import believing
from remediator.sources.reconciliation import Alerting

if TYPE_CHECKING:
    from remediator.clients.kubernetes import KubernetesCluster
    from remediator.clients.outbound import Outbound
    from remediator.clients.prometheus import Prometheus
    from remediator.prospect import Plan, Wish

log = logs.logger("app")

YOUNG = 5_000
"""New objects after which the youngest are searched for garbage: some milliseconds, every hundred incidents."""


async def run(settings: Settings, rules: tuple[Rule, ...]) -> int:
    """The service of `remediator run`; answers the exit code."""
    from remediator.clients import kubernetes
    from remediator.journal import connect

    logs.configure(settings.log.level, settings.log.format)
    try:
        journal = connect(settings.storage.journal, alone=not settings.elects)
    except JournalError as error:
        log.error("the journal cannot be opened", problem=str(error))
        return 2
    access = settings.kubernetes
    cluster = kubernetes.connect(access.kubeconfig, access.context, max_cache_age=access.max_cache_age)
    async with _world(settings, journal, cluster) as world, _heralds(world, events=access.events) as heralds:
        watchers = (metrics.observe, partial(log_record, log.bind()), *heralds)
        try:
            installation = Installation(settings, rules, world, cluster.version, watchers, _keep_out_of_collections)
            return await _until_signalled(installation)
        except NowhereToMeet as error:
            log.error("no lease can be asked for", problem=str(error))
            return 2


@asynccontextmanager
async def _world(settings: Settings, journal: Journal, cluster: KubernetesCluster) -> AsyncIterator[World]:
    """All that the service stands on, from its settings; closed at the end."""
    from remediator.clients.outbound import Outbound
    from remediator.notify.receivers import Receivers

    clock, outbound, notifier = SystemClock(), Outbound(), Receivers(settings.receivers)
    prometheus = prometheus_of(settings.prometheus, outbound)
    ask = prometheus.query if prometheus else None
    try:
        alerting = alerting_of(settings, prometheus, outbound, clock)
        yield World(journal, cluster, notifier, clock, ask, alerting, cluster)
    finally:
        for each in (outbound, notifier, cluster, journal):
            await each.close()


@asynccontextmanager
async def _heralds(world: World, *, events: bool) -> AsyncIterator[tuple[Callable[[Record], None], ...]]:
    """Who is told of records to make Kubernetes Events of them, where that is wanted."""
    if not events:
        yield ()
        return
    herald = Herald(world.cluster, world.clock, os.environ.get("POD_NAME") or socket.gethostname())
    heralding = asyncio.create_task(herald.run())
    try:
        yield (herald.saw,)
    finally:
        heralding.cancel()


def prometheus_of(source: PrometheusSource | None, outbound: Outbound) -> Prometheus | None:
    """The server that queries are asked of; its library is imported only where there is one."""
    if source is None:
        return None
    from remediator.clients.prometheus import Prometheus
    from remediator.clients.skew import Skew

    return Prometheus(source.url, source.timeout, source.http_config, outbound, skew=Skew(source.max_skew))


def alerting_of(settings: Settings, prometheus: Prometheus | None, outbound: Outbound, clock: Clock) -> Alerting:
    """Whom to ask about alerts: who is named in the settings."""
    from remediator.clients.alertmanager_api import AlertmanagerApi
    from remediator.sources.doubts import Doubts

    source, doubt = settings.alertmanager, believing
    if prometheus is not None and settings.prometheus and settings.prometheus.confirms_resolves:
        from remediator.clients.alerting_rules import alerting_rules

        doubt = Doubts(partial(alerting_rules, prometheus), prometheus.query, clock).of
    if source is None:
        return Alerting(doubt=doubt)
    apis = (AlertmanagerApi(url, source.timeout, source.http_config, outbound) for url in source.addresses)
    return Alerting(tuple(apis), doubt, source.interval, source.receiver)


async def prospect_of(settings: Settings, rules: tuple[Rule, ...], wish: Wish) -> Plan:
    """What `remediator plan` tells: the same adapters as in the service, but none that writes or tells anybody."""
    from remediator.clients import kubernetes
    from remediator.clients.outbound import Outbound
    from remediator.prospect import Prospect, state_of

    access, clock, outbound = settings.kubernetes, SystemClock(), Outbound()
    cluster = kubernetes.connect(access.kubeconfig, access.context)
    prometheus = prometheus_of(settings.prometheus, outbound)
    alerting = alerting_of(settings, prometheus, outbound, clock)
    try:
        state, problem = await state_of(settings.storage.journal)
        prospect = Prospect(cluster, clock, prometheus.query if prometheus else None, alerting)
        return await prospect.plan(state, settings.policy(itself()), rules, wish, problem)
    finally:
        await outbound.close()
        await cluster.close()


async def _until_signalled(installation: Installation) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(installation.reload("signal:SIGHUP")))
    try:
        await installation.run(stop, lambda serving: log.info("listening", url=serving.url))
    except (ListenError, CertificateError) as error:
        log.error("nothing can be received", problem=str(error))
        return 2
    except Fenced as error:
        log.error("another remediator writes this journal; ending so that only one acts", problem=str(error))
        return 1
    log.info("ended")
    return 0


def _keep_out_of_collections() -> None:
    """What is there by now stays, and need not be searched for garbage again: with ten thousand open incidents every
    full collection would hold up the loop for a tenth of a second and more. What comes after it is nearly all freed
    without a collection, of which there were one for every three incidents.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
    gc.enable()


def log_record(log: Any, record: Record) -> None:
    """One log line for each record that became durable, of a refusal with its reasons. A logger that is bound already
    costs less a line.
    """
    event = record.event
    line = narrate(event)
    reasons = {"why": "; ".join(line.below)} if line.tone == "refused" and line.below else {}
    log.info(
        f"{line.word}: {line.text}",
        seq=record.seq,
        kind=event.kind,
        incident=event.incident,
        rule=event.rule,
        target=str(event.target or ""),
        **_remediation(event.data),
        **reasons,
    )


def _remediation(data: Payload) -> dict[str, str]:
    """The remediation that an event is about; nothing where it is about none."""
    if isinstance(data, Intent | Undo):
        return {"remediation": data.id}
    return {"remediation": data.intent} if isinstance(data, Outcome) else {}
