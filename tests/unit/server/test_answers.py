"""Approve and deny over HTTP: by whom, bound to which plan, and counted once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remediator.config.settings import Operator, WebAuth
from remediator.core.observations import Answered
from tests.unit.server.conftest import Site

PATH = "/api/v1/incidents/abc/approve"
WORD = json.dumps({"plan": "p1", "reason": "looks right"}).encode()


@pytest.fixture
async def approver(site: Site, tmp_path: Path) -> dict[str, str]:
    """The headers of an operator who may approve; another one may only look."""
    for name in ("alice", "eve"):
        (tmp_path / name).write_text(f"token-of-{name}")
    operators = (
        Operator("alice", str(tmp_path / "alice"), ("approve",)),
        Operator("eve", str(tmp_path / "eve"), ("view", "admin")),
    )
    await site.restart(WebAuth(operators=operators))
    return {"Authorization": "Bearer token-of-alice"}


@pytest.mark.parametrize(("path", "approve"), [(PATH, True), ("/api/v1/incidents/abc/deny", False)])
async def test_the_word_reaches_the_loop_with_who_said_it(site: Site, approver, path, approve) -> None:
    status, answer = await site.post(path, WORD, **approver)
    assert (status, answer["approved"], answer["by"]) == (200, approve, "alice")
    assert site.service.answered == [Answered("abc", "p1", approve, "alice", "looks right")]


async def test_a_word_that_does_not_count_is_a_conflict_and_says_why(site: Site, approver) -> None:
    site.service.problem = "not counted: plan p2 waits"
    assert await site.post(PATH, WORD, **approver) == (409, {"error": "not counted: plan p2 waits"})


@pytest.mark.parametrize(("who", "status"), [("", 401), ("token-of-nobody", 401), ("token-of-eve", 403)])
async def test_only_who_may_approve_is_heard(site: Site, approver, who, status) -> None:
    headers = {"Authorization": f"Bearer {who}"} if who else {}
    assert (await site.post(PATH, WORD, **headers))[0] == status
    barred = [(said.by, said.objection) for said in site.service.answered]
    assert barred == (
        [("eve", "operator eve has not the role approve; web.auth.operators gives it")] if who == "token-of-eve" else []
    )


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"plan": 5}', b'{"plan": "p1", "yes": true}'])
async def test_a_word_without_a_plan_is_none(site: Site, approver, body) -> None:
    status, answer = await site.post(PATH, body, **approver)
    assert status == 400
    assert "plan" in answer["error"]


async def test_an_endless_reason_is_not_read(site: Site, approver) -> None:
    assert (await site.post(PATH, b" " * 20_000, **approver))[0] == 413
