"""`latency`: from a webhook's POST to the restart of its target at the API server, beside a bare client's.

Both take one alert a webhook about distinct Deployments at the same rate against the same API server, in turns. The
end is the API server's own word: the audit log's `stageTimestamp` of the PATCH's ResponseComplete. The cluster's
controllers stand still during a turn: what they write about every restart would take more of a small machine than all
that is measured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import uvloop

from tests.bench import payloads
from tests.bench.figures import differences, quantile, spread
from tests.bench.posts import Answers, paced, request
from tests.bench.process import cpu_seconds
from tests.bench.product import Product, Program, start_floor, start_product
from tests.bench.table import Row, at_most, between, said
from tests.bench.targets import account, deployment_name, namespace_with, quiet
from tests.bench.writes import Write, Writes
from tests.lab.lab import Lab
from tests.lab.progress import Say

RATE = 100.0
"""Alerts a second, of the goals."""
ALONE = 20.0
"""Alerts a second of which none waits for another: what the way itself takes."""
SECONDS = 6
"""Of one turn. Every turn has as many targets as it sends alerts."""
ROUNDS = 4
"""Turns of each of the two."""
ABOVE_P50 = 10.0
ABOVE_P99 = 50.0
"""The goals: milliseconds above the floor's own quantile."""

# Every guard is asked, and none holds: what is measured is the way, not the wisdom of restarting a hundred a second.
RULES = f"""
groups:
  - name: bench
    rules:
      - name: restart
        when: {{alert: {payloads.ALERT}}}
        target: {{kind: Deployment}}
        do: [restart]
        until: {{ready: true, for: 0s, within: 30m}}
        guards:
          cooldown: 0s
          budget: {{max: 1000, per: 1s}}
          max_in_flight: 1000
          global_max_in_flight: 1000
          startup_grace: 0s
          storm: {{share: 100%, at_least: 10000, cooldown: 1s}}
          attempts: {{max: 64, within: 1h}}
          flapping: {{transitions: 64, within: 1h}}
"""


@dataclass
class Side:
    """One of the two that are measured at a rate, and milliseconds from POST to arrival and to completion, a list a
    round.
    """

    program: Program
    user: str
    namespace: str
    rate: float = RATE
    arrived: list[list[float]] = field(default_factory=list)
    done: list[list[float]] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def at(self, rate: float) -> Side:
        """The same at another rate, nothing measured yet."""
        return Side(self.program, self.user, self.namespace, rate)

    def all(self, share: float) -> float:
        """The quantile over all rounds."""
        return quantile([one for each in self.done for one in each], share)

    def each(self, share: float) -> list[float]:
        """The quantile of each round."""
        return [quantile(each, share) for each in self.done]


def measure(lab: Lab, say: Say) -> list[Row]:
    """Run it; some four minutes."""
    count = int(RATE * SECONDS)
    floor, product = _floor(lab, count), _product(lab, count)
    log = Writes(lab.control_plane.audit_log)
    rows = []
    for rate in (ALONE, RATE):
        sides = floor.at(rate), product.at(rate)
        _rounds(lab, sides, log, say)
        rows += _rows(*sides)
    floor.program.server.stop()
    product.program.server.stop()
    return rows


def _rounds(lab: Lab, sides: tuple[Side, Side], log: Writes, say: Say) -> None:
    """Both in turns, at their rate."""
    for number in range(ROUNDS):
        for side in sides if number % 2 else reversed(sides):
            turn(lab, side, log)
            last = f"p50 {quantile(side.done[-1], 0.5):.1f} ms, p99 {quantile(side.done[-1], 0.99):.1f} ms"
            name = f"{side.namespace.removeprefix('bench-')}, {side.rate:g}/s"
            say(f"latency: round {number + 1} of {ROUNDS}: {name}: {last}")


def _floor(lab: Lab, count: int) -> Side:
    namespace_with(lab, "bench-floor", count)
    who = account(lab, "floor", "bench-floor")
    return Side(start_floor(lab.servers, who.kubeconfig), who.username, "bench-floor")


def _product(lab: Lab, count: int) -> Side:
    namespace_with(lab, "bench-product", count)
    who = account(lab, "remediator", "bench-product")
    product = start_product(lab.servers, lab.folder.data / "latency", who.kubeconfig, RULES)
    return Side(product, who.username, "bench-product")


def turn(lab: Lab, side: Side, log: Writes) -> None:
    """One load of `SECONDS`, and what came of it, added to the side."""
    names = [deployment_name(number) for number in range(int(side.rate * SECONDS))]
    bodies = [payloads.webhook([payloads.alert(payloads.ALERT, side.namespace, name)]) for name in names]
    wholes = [request(side.program.port, body) for body in bodies]
    before = cpu_seconds(side.program.server.pid)
    with lab.control_plane.controllers.frozen():
        answers, sent = uvloop.run(paced(side.program.port, wholes, side.rate))
        writes = _writes(log, side.user, names)
    side.cpu += cpu_seconds(side.program.server.pid) - before
    _demand_all(side, answers, writes, names)
    side.arrived.append([1000 * (writes[name].received - at) for name, at in zip(names, sent, strict=True)])
    side.done.append([1000 * (writes[name].done - at) for name, at in zip(names, sent, strict=True)])
    side.answered += [1000 * each for each in answers.seconds]
    quiet(lab, side.namespace)
    if isinstance(side.program, Product):
        side.program.settle()


def _writes(log: Writes, user: str, names: list[str]) -> dict[str, Write]:
    """The writes of one turn by target, as they come in; of nothing else, as a lease that is renewed."""
    found: dict[str, Write] = {}
    deadline = time.monotonic() + 180
    while len(found) < len(names) and time.monotonic() < deadline:
        time.sleep(0.5)
        found |= {write.name: write for write in log.new().get(user, []) if write.name in names}
    return found


def _demand_all(side: Side, answers: Answers, writes: dict[str, Write], names: list[str]) -> None:
    """A latency is worth nothing where some were lost."""
    if answers.kept != len(names) or writes.keys() != set(names):
        raise RuntimeError(
            f"{side.namespace}: {len(names)} webhooks, {answers.statuses} answered, {len(writes)} targets written; "
            f"see {side.program.server.log}"
        )


def _rows(floor: Side, product: Side) -> list[Row]:
    at, rows = f" at {product.rate:g}/s", []
    for name, side in (("bare client", floor), ("remediator", product)):
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            rounds = _between(side.each(share))
            rows.append(Row("latency", f"POST → write done, {name}, {label}{at}", said(side.all(share), "ms"), rounds))
    for label, share, goal in (("p50", 0.5, ABOVE_P50), ("p99", 0.99, ABOVE_P99)):
        rounds = _between(differences(product.each(share), floor.each(share)))
        above, figure = product.all(share) - floor.all(share), f"remediator above bare client, {label}{at}"
        if product.rate == RATE:
            rows.append(at_most("latency", figure, above, goal, "ms", rounds))
        else:
            rows.append(Row("latency", figure, said(above, "ms"), rounds))
    arrived = [one for each in product.arrived for one in each]
    count = len(arrived)
    rows += [
        Row("latency", f"POST → write received, remediator, p50{at}", said(quantile(arrived, 0.5), "ms")),
        Row("latency", f"POST → 200, remediator, p99{at}", said(quantile(product.answered, 0.99), "ms")),
        Row("latency", f"CPU an alert, bare client{at}", said(1000 * floor.cpu / count, "ms")),
        Row("latency", f"CPU an alert, remediator{at}", said(1000 * product.cpu / count, "ms")),
    ]
    return rows


def _between(rounds: list[float]) -> str:
    seen = spread(rounds)
    return between(seen.least, seen.greatest, "ms")
