"""`queries`: 5,000 rules on PromQL, each asked every 30 s: what that costs the product, and the server that answers.

Every rule has a query of its own, of four kinds that rules on workloads have, over 32,000 series. The server's cost is
what it used more than before the product was there: scraping and its own work are not counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import yaml

from tests.bench.process import cpu_seconds, resident_mebibytes
from tests.bench.product import Product, start_product
from tests.bench.table import Row, at_most, said
from tests.bench.targets import account, namespace_with
from tests.lab.answering import get_ok
from tests.lab.lab import Lab
from tests.lab.loopback import Answered, Asked, Loopback
from tests.lab.ports import free_ports
from tests.lab.processes import Server
from tests.lab.programs import find_or_install
from tests.lab.progress import Say
from tests.lab.waiting import wait_for

NAMESPACE = "bench-queries"
NAMESPACES, DEPLOYMENTS, PODS = 250, 8, 3
RULES, EVERY = 5000, 30
SECONDS = 60.0
"""Of each measurement: two evaluations of each rule."""
CPU_SHARE, DRIFT = 0.2, 1.0
"""The goals: our CPU in the server's, and the latest beginning of 99 in 100 evaluations, in seconds."""

KINDS = (
    'kube_deployment_status_replicas_unavailable{{namespace="{0}"}} > {1}',
    'sum by (namespace, deployment) (rate(http_requests_total{{namespace="{0}", code=~"5.."}}[5m]))'
    ' / sum by (namespace, deployment) (rate(http_requests_total{{namespace="{0}"}}[5m])) > 0.{1}5',
    'predict_linear(process_resident_memory_bytes{{namespace="{0}"}}[30m], 1800) > {1}e12',
    'sum by (namespace, deployment) (increase(kube_pod_container_status_restarts_total{{namespace="{0}"}}[10m]))'
    " > 9{1}",
)


def measure(lab: Lab, say: Say) -> list[Row]:
    """Run it; some three minutes."""
    namespace_with(lab, NAMESPACE, 0)
    who = account(lab, "remediator", NAMESPACE)
    with _Exporter() as exporter:
        prometheus, url = _prometheus(lab, f"127.0.0.1:{exporter.port}")
        wait_for(lambda: _series(url), lambda count: count >= NAMESPACES * DEPLOYMENTS, "all series", timeout=60)
        time.sleep(EVERY)
        alone = _used(SECONDS, prometheus.pid)[0]
        settings = {"prometheus": {"url": url}, "evaluation_interval": f"{EVERY}s"}
        product = start_product(lab.servers, lab.folder.data / "queries", who.kubeconfig, rules(), **settings)
        say(f"queries: the server alone used {said(alone, 's')} in {SECONDS:g} s; {RULES} rules begin")
        try:
            time.sleep(2 * EVERY)
            return _measured(product, prometheus.pid, alone)
        finally:
            product.server.stop()
            prometheus.stop()


def _measured(product: Product, prometheus: int, alone: float) -> list[Row]:
    before = _figures(product)
    ours, theirs = _used(SECONDS, product.server.pid, prometheus)
    after = _figures(product)
    asked = after["remediator_rule_evaluation_seconds_count"] - before["remediator_rule_evaluation_seconds_count"]
    missed = after["remediator_rule_missed_total"] - before["remediator_rule_missed_total"]
    if not asked or theirs <= alone:
        raise RuntimeError(f"queries: nothing was asked in {SECONDS:g} s; see {product.server.log}")
    detail = f"{said(ours, 's')} and {said(theirs - alone, 's')} in {SECONDS:g} s"
    return [
        at_most(
            "queries", "our CPU in the server's for the same queries", ours / (theirs - alone), CPU_SHARE, "", detail
        ),
        at_most("queries", "begun after it was due, p99 at most", _late(before, after), DRIFT, "s"),
        Row("queries", "CPU of ours a query", said(1e6 * ours / asked, "µs"), f"{asked:,.0f} queries"),
        Row("queries", "missed evaluations", f"{missed:,.0f}", f"of {RULES * SECONDS / EVERY:,.0f} due"),
        Row("queries", "memory", said(resident_mebibytes(product.server.pid), "MiB")),
    ]


def rules() -> str:
    """A rule file with as many rules, no two of which ask the same; none of them fires."""
    found = []
    for number in range(RULES):
        kind, where = number % len(KINDS), number // len(KINDS)
        query = KINDS[kind].format(f"ns-{where % NAMESPACES:03}", 1 + where // NAMESPACES)
        found.append(
            {"name": f"rule-{number}", "when": {"query": query}, "target": {"kind": "Deployment"}, "do": ["restart"]}
        )
    return yaml.dump({"groups": [{"name": "bench", "rules": found}]}, Dumper=yaml.CSafeDumper)


def exposition() -> Iterator[str]:
    """What kube-state-metrics and the workloads would say; one in ten thousand requests fails."""
    for space in range(NAMESPACES):
        for deployment in range(DEPLOYMENTS):
            labels = f'namespace="ns-{space:03}",deployment="web-{deployment}"'
            yield f"kube_deployment_status_replicas_unavailable{{{labels}}} 0"
            for pod in range(PODS):
                yield f'kube_pod_container_status_restarts_total{{{labels},pod="web-{deployment}-{pod}"}} 1'
                yield f'process_resident_memory_bytes{{{labels},pod="web-{deployment}-{pod}"}} {1e8 + pod}'
                for code in ("200", "404", "500"):
                    value = 10_000 if code == "200" else 1
                    yield f'http_requests_total{{{labels},pod="web-{deployment}-{pod}",code="{code}"}} {value}'


class _Exporter(Loopback):
    """Answers scrapes with the same text."""

    def __init__(self) -> None:
        super().__init__()
        text = "".join(f"{line}\n" for line in exposition())
        self._answer = Answered(text.encode(), content_type="text/plain; version=0.0.4")

    def answer(self, asked: Asked) -> Answered:
        return self._answer


def _prometheus(lab: Lab, target: str) -> tuple[Server, str]:
    """Debian's Prometheus with nothing to do but to scrape and to answer."""
    folder = Path(lab.folder.data / "queries-prometheus")
    folder.mkdir()
    job = {"job_name": "bench", "scrape_interval": "15s", "static_configs": [{"targets": [target]}]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
    (binary,) = find_or_install({"prometheus": ["prometheus"]}, lambda line: None)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [
        binary,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = lab.servers.start("prometheus-queries", command)
    server.wait_until(lambda: get_ok(f"{url}/-/ready"))
    return server, url


def _series(url: str) -> float:
    form = {"query": "count(kube_deployment_status_replicas_unavailable)"}
    found = httpx.post(f"{url}/api/v1/query", data=form, trust_env=False).json()["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


def _used(seconds: float, *pids: int) -> list[float]:
    """CPU seconds that each process uses in so many seconds from now."""
    before = [cpu_seconds(pid) for pid in pids]
    time.sleep(seconds)
    return [cpu_seconds(pid) - begun for pid, begun in zip(pids, before, strict=True)]


def _figures(product: Product) -> dict[str, float]:
    """All series of `/metrics` by their text."""
    lines = [line for line in product.get("/metrics").text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def _late(before: dict[str, float], after: dict[str, float]) -> float:
    """The bucket of `remediator_rule_delay_seconds` that holds the 99th of 100 evaluations: its upper bound."""
    name = "remediator_rule_delay_seconds_bucket{le="
    grown = {key: after[key] - before[key] for key in after if key.startswith(name)}
    total = max(grown.values())
    bounds = sorted((float(key.split('"')[1]), count) for key, count in grown.items())
    return next(bound for bound, count in bounds if count >= 0.99 * total)
