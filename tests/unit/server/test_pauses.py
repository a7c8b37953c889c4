"""Pause and resume over HTTP: who may, what of, until when, and what a replica that stands by answers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remediator.config.settings import Operator, WebAuth
from remediator.core.events import Pause
from remediator.ports import JournalError
from remediator.server.service import Undecided
from tests.unit.server.conftest import Site

PAUSE, RESUME = "/api/v1/pause", "/api/v1/resume"


@pytest.fixture
async def operators(site: Site, tmp_path: Path) -> dict[str, dict[str, str]]:
    """The headers of somebody with each role alone."""
    roles = ("view", "approve", "admin")
    for role in roles:
        (tmp_path / role).write_text(f"token-{role}")
    await site.restart(WebAuth(operators=tuple(Operator(role, str(tmp_path / role), (role,)) for role in roles)))
    return {role: {"Authorization": f"Bearer token-{role}"} for role in roles}


@pytest.mark.parametrize("path", [PAUSE, RESUME])
@pytest.mark.parametrize(("who", "status"), [("view", 403), ("approve", 200), ("admin", 200), ("", 401)])
async def test_who_may_approve_or_administer_may_pause_and_resume(site: Site, operators, path, who, status) -> None:
    assert (await site.post(path, b"{}", **operators.get(who, {})))[0] == status
    assert [said.by for said in site.service.said] == ([who] if status == 200 else [])


async def test_a_pause_reaches_the_loop_with_scope_end_reason_and_who(site: Site, operators) -> None:
    scope = {"rule": "undo-bad-rollout", "namespace": "shop", "target": "Deployment/shop/web"}
    word = scope | {"for": "2h", "reason": "x"}
    before = site.service.clock.now()
    status, answer = await site.post(PAUSE, json.dumps(word).encode(), **operators["admin"])
    (said,) = site.service.said
    assert (status, answer["by"]) == (200, "admin")
    assert said.pause == Pause("", **scope, reason="x", until=said.pause.until)
    assert said.pause.until is not None
    assert timedelta(0) <= said.pause.until - before - timedelta(hours=2) < timedelta(minutes=5)
    assert datetime.fromisoformat(answer["paused"]["until"]) == said.pause.until


async def test_without_an_end_it_stands_until_somebody_resumes(site: Site, operators) -> None:
    await site.post(PAUSE, b"{}", **operators["admin"])
    assert site.service.said[0].pause.until is None


BAD = [
    (PAUSE, {"rule": "undo-bad-rolout"}, 422, "there are restart-leaking-cache, undo-bad-rollout"),
    (PAUSE, {"namespace": "Shop"}, 422, "is no namespace's name"),
    (PAUSE, {"target": "web"}, 422, "write Kind/namespace/name"),
    (PAUSE, {"target": "deployment/shop/web"}, 422, "write Kind/namespace/name"),
    (PAUSE, {"target": "Node/shop/n1"}, 422, "or Node/name"),
    (PAUSE, {"for": "2 hours"}, 422, "write `2hours`"),
    (PAUSE, {"for": "0s"}, 422, "leave it out"),
    (PAUSE, {"for": "290y", "reason": 5}, 400, "`str`"),
    (PAUSE, {"namspace": "shop"}, 400, "namspace"),
    (RESUME, {"target": "web"}, 422, "write Kind/namespace/name"),
    (RESUME, {"until": "x"}, 400, "until"),
]


@pytest.mark.parametrize(("path", "word", "status", "told"), BAD, ids=lambda value: str(value)[:40])
async def test_what_would_pause_nothing_is_refused(site: Site, operators, path, word, status, told) -> None:
    code, answer = await site.post(path, json.dumps(word).encode(), **operators["admin"])
    assert code == status
    assert told in answer["error"]
    assert site.service.said == []


async def test_a_resume_may_name_a_rule_that_is_gone_or_one_pause(site: Site, operators) -> None:
    for word in ({"rule": "no-more"}, {"id": "1a2b3c4d"}):
        assert (await site.post(RESUME, json.dumps(word).encode(), **operators["admin"]))[0] == 200
    assert [(said.pause.rule, said.pause.id, said.pause.lifted) for said in site.service.said] == [
        ("no-more", "", True),
        ("", "1a2b3c4d", True),
    ]


@pytest.mark.parametrize(
    ("fails", "status", "told"),
    [(Undecided("kept until then"), 202, "kept until then"), (JournalError("disk full"), 503, "disk full")],
)
async def test_what_is_not_decided_is_told_as_such(site: Site, operators, fails, status, told) -> None:
    site.service.fails = fails
    code, answer = await site.post(PAUSE, b"{}", **operators["admin"])
    assert code == status
    assert told in json.dumps(answer)


async def test_before_the_journal_is_read_nothing_is_said(site: Site, operators) -> None:
    site.service.reason = "starting"
    assert (await site.post(PAUSE, b"{}", **operators["admin"]))[0] == 503


async def test_what_stands_can_be_looked_at(site: Site, operators: dict[str, Any]) -> None:
    site.service.standing = [{"id": "1"}]
    assert await site.get("/api/v1/pauses", **operators["view"]) == (200, {"items": [{"id": "1"}]})
