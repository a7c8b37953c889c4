"""Prometheus as one process reaches it: a few queries, answered from the cluster, by a server that fails on command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from remediator.clients.query_answer import Answer, Sample, Unknown, Vector
from remediator.core.model import Json
from remediator.simulation.store import Store
from remediator.simulation.values import is_ready
from tests.simulate.life import Life
from tests.simulate.scrapes import Scrapes

NAN = float("nan")
JOB = "kube-state-metrics"


def _unavailable(store: Store) -> Iterator[Sample]:
    for deployment in store.each("Deployment"):
        missing = (deployment.get("status") or {}).get("unavailableReplicas", 0)
        if missing:
            yield _sample(deployment, "deployment", missing)


def _restarting(store: Store) -> Iterator[Sample]:
    for pod in store.each("Pod"):
        restarts = sum(each.get("restartCount", 0) for each in pod["status"].get("containerStatuses") or ())
        if restarts > 2:
            yield _sample(pod, "pod", restarts)


def _unready(store: Store) -> Iterator[Sample]:
    return (Sample({"node": node["metadata"]["name"]}, 0.0) for node in store.each("Node") if not is_ready(node))


def _sample(obj: Json, label: str, value: float) -> Sample:
    return Sample({"namespace": obj["metadata"]["namespace"], label: obj["metadata"]["name"]}, float(value))


QUERIES: dict[str, Callable[[Store], Iterator[Sample]]] = {
    "kube_deployment_status_replicas_unavailable > 0": _unavailable,
    "sum by (namespace, pod) (kube_pod_container_status_restarts_total) > 2": _restarting,
    'kube_node_status_condition{condition="Ready", status="true"} == 0': _unready,
}
"""What rules of a simulated run may ask."""

MEASURED = f'max(up{{job="{JOB}"}}) == 1'
"""What they may require."""


def _found(query: str, store: Store, scrapes: Scrapes) -> tuple[Sample, ...]:
    """What a query finds in the cluster; or what stands behind its series: metrics, their job, and whether that is up.

    Where nothing is scraped all series are gone, while the job is remembered for an hour, and down; what is scraped
    again counts as steadily up after the time that is asked for.
    """
    if query in QUERIES:
        return tuple(QUERIES[query](store)) if scrapes.fresh else ()
    if query == MEASURED:
        return (Sample({}, 1.0),) if scrapes.fresh else ()
    if query.startswith("group by ("):
        names = re.findall(r'__name__=~"([^"]*)"', query)[0].split("|")
        there = scrapes.remembered if "last_over_time(" in query else scrapes.fresh
        return tuple(Sample({"__name__": name, "job": JOB}, 1.0) for name in names) if there else ()
    steady = re.match(rf'min_over_time\(up\{{job=~"{JOB}"\}}\[(\d+)ms\]', query)
    assert steady, f"nobody is thought to ask {query}"
    return (Sample({"job": JOB, "instance": "10.0.0.9:8080"}, float(scrapes.steady(int(steady[1]) / 1000))),)


class Metrics:
    """Answers queries, as `clients.prometheus` does: whatever goes wrong is unknown."""

    def __init__(self, life: Life, scrapes: Scrapes) -> None:
        self._life, self._scrapes = life, scrapes

    async def ask(self, query: str, at: datetime) -> Answer:
        """A `sources.queries.Ask`."""

        async def answer() -> Answer:
            return self._answer(query)

        try:
            said = await self._life.travel("query", answer, late=TimeoutError("no answer within the time-out"))
        except TimeoutError as error:
            said = Unknown(str(error))
        self._life.scene.oracle.answered(self._life.name, query, said)
        return said

    def _answer(self, query: str) -> Answer:
        scene = self._life.scene
        trouble = scene.weather.prometheus
        found = _found(query, scene.world.store, self._scrapes)
        if trouble:
            scene.weather.meet(f"prometheus: {trouble}")
        if trouble == "down":
            return Unknown("answered 503: simulated")
        if trouble == "refuses":
            return Unknown("answered 422 execution: simulated", reached=True)
        if trouble == "partial":
            return Unknown("the answer may be partial: simulated", reached=True)
        nan = trouble == "nan" and query in QUERIES
        return Vector(tuple(Sample(sample.labels, NAN) for sample in found) if nan else found)
