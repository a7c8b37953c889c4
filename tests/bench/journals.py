"""`journals`: from the POST of an alert to the restart of its target, over a journal in SQLite and one in PostgreSQL.

Both on this machine's disk, in turns, with the product's own defaults: over PostgreSQL it is elected first. The rate
leaves the machine idle, so that it is the wait that is measured and not a queue.
"""

from __future__ import annotations

from tests.bench.figures import differences, spread
from tests.bench.latency import RULES, SECONDS, Side, turn
from tests.bench.product import Product, start_product
from tests.bench.table import Row, between, said
from tests.bench.targets import account, namespace_with
from tests.bench.writes import Writes
from tests.lab.lab import Lab
from tests.lab.postgresql import PostgreSQL
from tests.lab.progress import Say

RATE = 10.0
"""Alerts a second."""
COUNT = int(RATE * SECONDS)
"""Alerts of one turn, each about another target."""
ROUNDS = 4
"""Turns of each of the two."""


LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "watch", "create", "patch"]}


class OverPostgreSQL(Product):
    """A product whose journal is in a database of a server."""

    def __init__(self, product: Product, database: PostgreSQL, url: str) -> None:
        super().__init__(product.server, product.port, product.journal)
        self._database, self._url = database, url

    def waiting(self) -> int:
        """See `Product`."""
        return int(self._database.ask("select count(*) from inbox", self._url))


def measure(lab: Lab, say: Say) -> list[Row]:
    """Run it; some two minutes."""
    server = PostgreSQL(lab.folder.data / "journals", lab.servers, say)
    try:
        sides = {"SQLite": _over_sqlite(lab), "PostgreSQL": _over_postgresql(lab, server)}
        log = Writes(lab.control_plane.audit_log)
        for number in range(ROUNDS):
            for name in sorted(sides, reverse=bool(number % 2)):
                turn(lab, sides[name], log)
                say(f"journals: round {number + 1} of {ROUNDS}: {name}: p50 {sides[name].each(0.5)[-1]:.1f} ms")
        for side in sides.values():
            side.program.server.stop()
    finally:
        server.stop()
    return _rows(sides)


def _over_sqlite(lab: Lab) -> Side:
    namespace_with(lab, "bench-sqlite", COUNT)
    who = account(lab, "remediator", "bench-sqlite")
    product = start_product(lab.servers, lab.folder.data / "over-sqlite", who.kubeconfig, RULES)
    return Side(product, who.username, "bench-sqlite", RATE)


def _over_postgresql(lab: Lab, server: PostgreSQL) -> Side:
    namespace_with(lab, "bench-postgresql", COUNT)
    who = account(lab, "remediator", "bench-postgresql", LEASES)
    url, settings = server.fresh_database(), {"leader_election": {"namespace": "bench-postgresql"}}
    folder = lab.folder.data / "over-postgresql"
    product = start_product(lab.servers, folder, who.kubeconfig, RULES, storage={"url": url}, **settings)
    return Side(OverPostgreSQL(product, server, url), who.username, "bench-postgresql", RATE)


def _rows(sides: dict[str, Side]) -> list[Row]:
    rows = [
        Row(
            "journals",
            f"POST → write done, {name}, {label}",
            said(side.all(share), "ms"),
            between(min(side.each(share)), max(side.each(share)), "ms"),
        )
        for name, side in sides.items()
        for label, share in (("p50", 0.5), ("p99", 0.99))
    ]
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        seen = spread(differences(sides["PostgreSQL"].each(share), sides["SQLite"].each(share)))
        above = sides["PostgreSQL"].all(share) - sides["SQLite"].all(share)
        rounds = between(seen.least, seen.greatest, "ms")
        rows.append(Row("journals", f"PostgreSQL above SQLite, {label}", said(above, "ms"), rounds))
    return rows
