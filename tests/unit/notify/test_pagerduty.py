"""PagerDuty's Events API v2 on the wire: one alert an incident, triggered, acknowledged, resolved."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remediator.config.settings import PagerdutyConfig, Receiver
from remediator.core.message import Message, Occasion
from remediator.notify.receivers import Receivers
from remediator.ports import Delivered
from tests.unit.clients.api_server import ApiServer, answer, running
from tests.unit.notify.messages import delivery, message


@pytest.fixture
async def pagerduty() -> AsyncIterator[ApiServer]:
    async with running() as server:
        server.reply = answer(202, {"status": "success", "message": "Event processed", "dedup_key": "incident-1"})
        yield server


@pytest.fixture
def config(pagerduty: ApiServer, tmp_path: Path) -> PagerdutyConfig:
    (tmp_path / "key").write_text("R0UT1NG\n")
    return PagerdutyConfig(str(tmp_path / "key"), f"{pagerduty.url}/v2/enqueue", timeout=60)


async def told(config: PagerdutyConfig, said: Message | None = None, thread: str = "") -> Delivered:
    receivers = Receivers([Receiver("oncall", pagerduty_configs=(config,))])
    try:
        return await receivers.deliver(delivery(said, "pagerduty-0", thread))
    finally:
        await receivers.close()


async def test_an_escalation_triggers_an_alert_under_the_incidents_key(
    pagerduty: ApiServer, config: PagerdutyConfig
) -> None:
    assert await told(config) == Delivered(thread="incident-1")
    assert pagerduty.last.path == "/v2/enqueue"
    event = pagerduty.last.json
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == ("R0UT1NG", "trigger", "incident-1")
    assert event["client"] == "remediator"
    payload = event["payload"]
    assert payload["summary"] == "Deployment/shop/web: needs a person: not healthy within 10m"
    assert (payload["source"], payload["severity"], payload["class"]) == (
        "Deployment/shop/web",
        "critical",
        "undo-bad-rollout",
    )
    assert payload["timestamp"] == "2026-01-01T12:00:00+00:00"
    assert list(payload["custom_details"])[:5] == ["incident", "happened", "done", "refused", "next"]
    assert "panic: no such table" in payload["custom_details"]["End of the previous log of web-x/app"]
    assert {"href": "https://runbooks.example.org/stuck", "text": "Runbook"} in event["links"]


@pytest.mark.parametrize(
    ("occasion", "begun", "action"),
    [
        (Occasion.OPENED, False, None),
        (Occasion.ACTED, False, None),
        (Occasion.FAILED, False, None),
        (Occasion.CLOSED, False, None),
        (Occasion.ANSWERED, False, None),
        (Occasion.APPROVAL, False, "trigger"),
        (Occasion.GITOPS, False, "trigger"),
        (Occasion.REFUSED, False, "trigger"),
        (Occasion.ESCALATED, False, "trigger"),
        (Occasion.ACTED, True, "trigger"),
        (Occasion.FAILED, True, "trigger"),
        (Occasion.ANSWERED, True, "acknowledge"),
        (Occasion.CLOSED, True, "resolve"),
    ],
)
async def test_nobody_is_paged_for_what_needs_nobody(
    pagerduty: ApiServer, config: PagerdutyConfig, occasion: Occasion, begun: bool, action: str | None
) -> None:
    said = await told(config, message(occasion), "incident-1" if begun else "")
    assert said.problem == ""
    assert [seen.json["event_action"] for seen in pagerduty.seen] == ([action] if action else [])
    if action in ("acknowledge", "resolve"):
        assert set(pagerduty.last.json) == {"routing_key", "event_action", "dedup_key"}


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("page", "critical"),
        ("CRITICAL", "critical"),
        ("warning", "warning"),
        ("info", "info"),
        ("", "error"),
        ("p3", "error"),
    ],
)
async def test_the_severity_is_one_of_pagerdutys(
    pagerduty: ApiServer, config: PagerdutyConfig, label: str, severity: str
) -> None:
    await told(config, message(severity=label))
    assert pagerduty.last.json["payload"]["severity"] == severity


async def test_an_event_is_never_larger_than_pagerduty_takes(pagerduty: ApiServer, config: PagerdutyConfig) -> None:
    await told(config, message(news="n" * 5000, labels={str(number): "v" * 5000 for number in range(200)}))
    assert len(pagerduty.last.body) < 512 * 1024
    assert len(json.loads(pagerduty.last.body)["payload"]["summary"]) <= 1024


async def test_what_pagerduty_refuses_is_said_without_the_key(pagerduty: ApiServer, config: PagerdutyConfig) -> None:
    pagerduty.reply = answer(400, {"status": "invalid event", "errors": ["'routing_key' is missing or blank"]})
    said = await told(config)
    assert said.problem.startswith('127.0.0.1 answered 400: {"status": "invalid event"')
    assert "R0UT1NG" not in said.problem
