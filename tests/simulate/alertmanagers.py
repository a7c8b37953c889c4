"""Alertmanagers as one process reaches them: the product's own client, asking over a road that fails on command."""

from __future__ import annotations

import msgspec

from remediator.clients.alerting_rules import AlertingRule, Rules
from remediator.clients.alertmanager_api import AlertmanagerApi
from remediator.clients.http_config import HttpConfig
from remediator.clients.outbound import NotPosted, Outbound, Question, Replied
from remediator.clients.prometheus_api import NotTold
from remediator.simulation.alertmanager import Peer
from remediator.simulation.alerts import AlertSource
from remediator.sources.doubts import Doubts
from remediator.sources.measured import Ask
from remediator.sources.reconciliation import Alerting
from tests.simulate.life import Life
from tests.simulate.outposts import MachineClock
from tests.simulate.scenario import Scenario

RECEIVER = "remediator"

QUERY_OF = {
    "KubeDeploymentRolloutStuck": 'kube_deployment_status_condition{condition="Progressing", status="false"} != 0',
    "KubePodCrashLooping": "max_over_time(kube_pod_container_status_waiting_reason[5m]) >= 1",
    "KubePodNotReady": 'kube_pod_status_phase{phase=~"Pending|Unknown|Failed"} > 0',
    "KubeNodeNotReady": 'kube_node_status_condition{condition="Ready", status="true"} == 0',
    "KubeHpaMaxedOut": "kube_horizontalpodautoscaler_status_current_replicas > 0",
}
"""What the simulated rules would ask of a real Prometheus."""


class Line(Outbound):
    """An `Outbound` to one Alertmanager that answers from memory."""

    def __init__(self, life: Life, place: int, alertmanager: Peer) -> None:
        self._life, self._place, self._alertmanager = life, place, alertmanager

    async def ask(self, question: Question, config: HttpConfig) -> Replied:
        """See `Outbound.ask`."""

        async def answer() -> Replied:
            return self._answer(question.url)

        late = NotPosted("alertmanager did not answer within 10 s")
        return await self._life.travel("alerts", answer, late=late)

    def _answer(self, url: str) -> Replied:
        weather, host = self._life.scene.weather, f"alertmanager-{self._place}"
        trouble = weather.alertmanager
        if trouble == "one down":
            trouble = "down" if self._place == 0 else ""
        if trouble:
            weather.meet(f"alertmanager: {weather.alertmanager}")
        if trouble == "down":
            raise NotPosted(f"{host}: connection refused")
        if trouble == "refuses":
            return Replied(host, 503, b"simulated")
        if url.endswith("/status"):
            return Replied(host, 200, msgspec.json.encode(self._alertmanager.status()))
        body = msgspec.json.encode(self._alertmanager.alerts())
        self._life.scene.oracle.held(self._life.name, self._place, self._alertmanager)
        return Replied(host, 200, body[: len(body) // 2] if trouble == "garbled" else body)


def alerting(life: Life, scenario: Scenario, source: AlertSource, ask: Ask) -> Alerting:
    """Whom one process asks about alerts, as its settings say: nobody, Alertmanagers, Prometheus' rules."""
    apis = tuple(
        AlertmanagerApi(f"http://alertmanager-{place}", 10.0, HttpConfig(), Line(life, place, each))
        for place, each in enumerate(source.alertmanagers)
    )
    clock = MachineClock(life)
    doubts = {"doubt": Doubts(_RuleBook(life, source).read, ask, clock).of} if scenario.doubts else {}
    return Alerting(apis if scenario.reconciles else (), interval=scenario.asks_every, receiver=RECEIVER, **doubts)


class _RuleBook:
    """Prometheus' answer about its alerting rules."""

    def __init__(self, life: Life, source: AlertSource) -> None:
        self._life, self._source = life, source

    async def read(self) -> Rules:
        """All of them. Raises `NotTold`."""

        async def answer() -> Rules:
            trouble = self._life.scene.weather.prometheus
            if trouble in ("down", "refuses"):
                raise NotTold(f"simulated: prometheus {trouble}")
            return Rules(tuple(map(self._said, self._source.rules)))

        return await self._life.travel("rules", answer, late=NotTold("no answer within 10 s"))

    def _said(self, rule: object) -> AlertingRule:
        source, offset = self._source, self._life.scene.weather.offset
        return AlertingRule(
            rule.name,
            QUERY_OF[rule.name],
            {"severity": rule.severity},
            "ok",
            "",
            source.evaluated_at + offset,
            source.interval,
            tuple(source.active(rule)),
        )
