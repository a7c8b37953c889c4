"""`large-group`: a webhook of 5,000 alerts in one group, answered when it is durable, by a service at rest."""

from __future__ import annotations

import time

import httpx

from tests.bench import payloads
from tests.bench.figures import spread
from tests.bench.product import Product, start_product
from tests.bench.table import Row, at_most, between, said
from tests.bench.targets import account, namespace_with
from tests.lab.lab import Lab
from tests.lab.progress import Say
from tests.lab.waiting import wait_for

NAMESPACE = "bench-large-group"
ALERTS, ROUNDS = 5000, 5
SECONDS = 1.0
"""The goal: from the first byte sent to the answer."""

RULES = f"""
groups:
  - name: bench
    rules:
      - name: restart
        when: {{alert: {payloads.ALERT}, for: 1d}}
        target: {{kind: Deployment}}
        do: [restart]
"""


def measure(lab: Lab, say: Say) -> list[Row]:
    """Run it; some seconds."""
    namespace_with(lab, NAMESPACE, 1)
    who = account(lab, "remediator", NAMESPACE)
    product = start_product(lab.servers, lab.folder.data / "large-group", who.kubeconfig, RULES)
    try:
        rounds = [_round(product, number) for number in range(ROUNDS)]
    finally:
        product.server.stop()
    seen = spread([seconds for seconds, _ in rounds])
    detail = between(seen.least, seen.greatest, "s")
    say(f"large-group: {ROUNDS} groups of {ALERTS} alerts, answered in {detail}")
    size = Row("large-group", "size of one payload", said(rounds[0][1] / 2**20, "MiB"))
    return [at_most("large-group", f"{ALERTS} alerts → 200", seen.median, SECONDS, "s", detail), size]


def _round(product: Product, number: int) -> tuple[float, int]:
    """Post one group whose alerts are new, and wait until it is worked on: seconds to the answer, bytes sent."""
    first = number * ALERTS
    body = payloads.webhook(payloads.alert("Watchdog", NAMESPACE, f"web-{first + n}") for n in range(ALERTS))
    begun = time.perf_counter()
    answer = httpx.post(f"http://127.0.0.1:{product.port}/webhook/alertmanager", content=body, timeout=60)
    seconds = time.perf_counter() - begun
    if answer.status_code != 200 or answer.json()["alerts"] != ALERTS:
        raise RuntimeError(f"large-group: answered {answer.status_code} {answer.text[:200]}")
    wait_for(product.waiting, lambda left: left == 0, "the group to be worked on", timeout=60)
    return seconds, len(body)
