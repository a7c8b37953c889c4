"""Prometheus' own rules over real HTTP: what is read of them, and that less than all of them is nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from remediator.clients.alerting_rules import AlertingRule, Rules, alerting_rules
from remediator.clients.prometheus import Prometheus
from remediator.clients.prometheus_api import NotTold

from .api_server import ApiServer, Reply, answer, reset

STUCK = {
    "type": "alerting",
    "name": "Stuck",
    "query": "stuck == 1",
    "labels": {"severity": "page"},
    "health": "ok",
    "state": "firing",
    "lastEvaluation": "2026-01-01T12:00:00Z",
    "alerts": [{"labels": {"alertname": "Stuck", "deployment": "web"}, "state": "firing"}],
}
NEW = {"name": "New", "health": "unknown", "lastEvaluation": "0001-01-01T00:00:00Z", "alerts": None, "labels": None}


def success(data: Any, **rest: Any) -> dict[str, Any]:
    return {"status": "success", "data": data, **rest}


def served(groups: Reply, runtime: Reply) -> Any:
    async def reply(connection: Any) -> None:
        await (runtime if reply.api.last.path.endswith("/runtimeinfo") else groups)(connection)  # type: ignore

    return reply


async def told(api: ApiServer, groups: Reply, runtime: Reply) -> Rules:
    api.reply = served(groups, runtime)
    api.reply.api = api  # type: ignore[attr-defined]
    server = Prometheus(api.url, 30)
    try:
        return await alerting_rules(server)
    finally:
        await server.aclose()


GROUPS = answer(200, success({"groups": [{"name": "g", "interval": 30, "rules": [STUCK, NEW]}]}))


async def test_rules_are_read_with_their_health_and_alerts(api: ApiServer) -> None:
    started = {"startTime": "2026-01-01T10:00:00Z", "lastConfigTime": "2026-01-01T11:00:00+00:00", "x": 1}
    found = await told(api, GROUPS, answer(200, success(started)))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    active = ({"alertname": "Stuck", "deployment": "web"},)
    assert found.rules[0] == AlertingRule("Stuck", "stuck == 1", {"severity": "page"}, "ok", "", noon, 30.0, active)
    assert (found.rules[1].health, found.rules[1].alerts) == ("unknown", ())
    assert found.since == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert [seen.method for seen in api.seen] == ["GET", "GET"]


async def test_a_server_that_is_no_prometheus_need_not_say_since_when_it_runs(api: ApiServer) -> None:
    assert (await told(api, GROUPS, answer(404, b"no such page"))).since is None


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        (answer(503, b"Service Unavailable"), "/api/v1/rules answered 503: Service Unavailable"),
        (answer(200, b"<html>"), "its answer is not understood"),
        (answer(200, success({"groups": [{"rules": [{"name": 5}]}]})), "its answer is not understood"),
        (answer(200, success({"groups": []}, warnings=["a ruler is away"])), "may be incomplete: a ruler is away"),
        (answer(200, {"status": "error", "error": "odd"}), "may be incomplete: odd"),
        (reset, "127.0.0.1: "),
    ],
)
async def test_anything_less_is_nothing(api: ApiServer, groups: Reply, why: str) -> None:
    with pytest.raises(NotTold, match=why):
        await told(api, groups, answer(404))
