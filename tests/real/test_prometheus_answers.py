"""What real Prometheus servers of both versions answer, and what that is taken for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from remediator.clients.prometheus import Prometheus as Client
from remediator.clients.query_answer import Answer, Scalar, Unknown, Vector
from remediator.sources.measured import unmeasured
from tests.lab.monitoring import Monitoring
from tests.lab.prometheus import EXPORTER_LABELS, Prometheus
from tests.lab.waiting import wait_for

pytestmark = pytest.mark.lab

IS: dict[str, Callable[[Answer], bool]] = {
    "vector(1)": lambda answer: isinstance(answer, Vector) and [each.value for each in answer.samples] == [1.0],
    "vector(0) / 0": lambda answer: isinstance(answer, Vector) and not answer.samples[0].known,
    "-vector(1) / 0": lambda answer: isinstance(answer, Vector) and answer.samples[0].value == -math.inf,
    "nobody_has_this": lambda answer: answer == Vector(()),
    "rate(up[1m]) >= 0": lambda answer: isinstance(answer, Vector),  # 3.x adds an info, which is advisory
    "1 / 0": lambda answer: answer == Scalar(math.inf),
    '"text"': lambda answer: answer == Unknown("the result is a text, not series with a value", reached=True),
    "up[1m]": lambda answer: (
        answer == Unknown("the result is a range of values, not series with a value", reached=True)
    ),
    "up +": lambda answer: isinstance(answer, Unknown) and answer.reached and "400 bad_data" in answer.reason,
    'label_replace(kube_pod_info or kube_node_info, "__name__", "", "", "") + on () up': lambda answer: (
        isinstance(answer, Unknown) and "422 execution" in answer.reason
    ),
}
"""What each query's answer is."""


def test_each_answer_is_taken_for_what_it_is(prometheus: Prometheus) -> None:
    wait_for(lambda: prometheus.query("kube_node_info"), bool, "series of the exporter")
    answers = {query: asked(prometheus, query) for query in IS}
    assert {query: answer for query, answer in answers.items() if not IS[query](answer)} == {}


def test_an_exporter_that_is_down_or_only_just_back_measures_nothing(
    monitoring: Monitoring, prometheus: Prometheus
) -> None:
    """Asked about an alert that names no job, of a metric that has series again."""

    def why(interval: float = 1.0) -> str:
        return asyncio.run(_why(prometheus, interval))

    wait_for(why, lambda reason: reason == "", "it to be measured", 90)
    monitoring.exporter.stop()
    wait_for(
        lambda: asked(prometheus, "kube_node_info"), lambda answer: answer == Vector(()), "series to be stale", 120
    )
    nothing = f"nothing is scraped of job {EXPORTER_LABELS['job']}, or has only just been again"
    wait_for(why, lambda reason: reason == nothing, "the exporter to be missed", 60)
    monitoring.start_exporter_again()
    wait_for(lambda: prometheus.query("kube_node_info"), bool, "its series", 60)
    assert why(interval=20.0) == nothing, "such a rule has not been evaluated three times on what it measures"
    wait_for(why, lambda reason: reason == "", "it to be believed again", 90)


def asked(server: Prometheus, query: str) -> Answer:
    async def ask() -> Answer:
        client = Client(server.url)
        try:
            return await client.query(query, datetime.now(UTC))
        finally:
            await client.aclose()

    return asyncio.run(ask())


async def _why(server: Prometheus, interval: float) -> str:
    client = Client(server.url)
    try:
        gone = ({"severity": "page"},)
        return (await unmeasured(client.query, "kube_node_info == 2", gone, datetime.now(UTC), interval))[0]
    finally:
        await client.aclose()
