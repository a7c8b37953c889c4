"""`incident`: what one incident costs the product of a core, from the webhook to the verified restart.

The rule, the rate and the payloads are those of `latency`, the API server is one that costs next to nothing. CPU time
says the same on a machine that is busy with other things.
"""

from __future__ import annotations

from pathlib import Path

import uvloop

from tests.bench import payloads
from tests.bench.answering import Json
from tests.bench.figures import spread
from tests.bench.latency import RULES
from tests.bench.posts import paced, request
from tests.bench.process import cpu_seconds
from tests.bench.product import Product, start_answering, start_product
from tests.bench.table import Row, at_most, between, said
from tests.bench.targets import deployment_name
from tests.lab.processes import Servers
from tests.lab.progress import Say

RATES = (25.0, 100.0)
"""Alerts a second. Of more alerts at once more is decided and written together."""
COUNT, ROUNDS = 400, 3
"""Incidents of one turn, and turns at each rate."""
MILLISECONDS = 6.0
"""The goal: a hundred incidents a second leave 40 % of a core."""


def measure(folder: Path, say: Say) -> list[Row]:
    """Run it; a minute."""
    servers = Servers(folder / "logs")
    try:
        product = start_product(servers, folder / "incident", start_answering(servers, folder), RULES)
        used: dict[float, list[float]] = {rate: [] for rate in RATES}
        for number in range(ROUNDS):
            for rate in RATES:
                used[rate].append(_turn(product, rate))
                say(f"incident: round {number + 1} of {ROUNDS}, {rate:g}/s: {said(used[rate][-1], 'ms')}")
    finally:
        servers.stop()
    return [_row(rate, each) for rate, each in used.items()]


def _turn(product: Product, rate: float) -> float:
    """Milliseconds of a core an incident, its closing included."""
    alerts: list[Json] = [payloads.alert(payloads.ALERT, "shop", deployment_name(n)) for n in range(COUNT)]
    wholes = [request(product.port, payloads.webhook([each])) for each in alerts]
    before = cpu_seconds(product.server.pid)
    answers, _ = uvloop.run(paced(product.port, wholes, rate))
    product.settle()
    if answers.kept != COUNT:
        raise RuntimeError(f"incident: {COUNT} webhooks, {answers.statuses} answered; see {product.server.log}")
    return 1000 * (cpu_seconds(product.server.pid) - before) / COUNT


def _row(rate: float, used: list[float]) -> Row:
    seen = spread(used)
    figure = f"CPU an incident, {rate:g} alerts/s"
    return at_most("incident", figure, seen.median, MILLISECONDS, "ms", between(seen.least, seen.greatest, "ms"))
