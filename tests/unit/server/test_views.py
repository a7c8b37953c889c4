"""Health, metrics, status, incidents, journal and reload as clients see them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.routing import Route

from remediator.config.settings import Operator, Web, WebAuth
from remediator.core.events import Event, Source
from remediator.core.guarding import GuardSettings
from remediator.core.model import Mode
from remediator.journal.chain import line_of
from remediator.repeat import Supposed
from remediator.server.app import build
from remediator.server.protocol import HEAD_BYTES, HEAD_SECONDS
from remediator.server.run import CONNECTIONS, KEEP_ALIVE_SECONDS
from remediator.server.service import Check
from remediator.server.webhook import limits_of

from .conftest import FakeService, Site

DOCS = Path(__file__).parents[3] / "docs" / "http.md"


async def test_healthz_says_only_that_the_process_answers(site: Site) -> None:
    site.service.answers = [Check("journal", False, "disk full")]
    async with site.client.get(f"http://127.0.0.1:{site.port}/healthz") as response:
        assert (response.status, await response.text()) == (200, "ok\n")


@pytest.mark.parametrize("failing", [None, "rules", "journal", "cluster"])
async def test_readyz_names_every_check(site: Site, failing: str | None) -> None:
    names = ("rules", "journal", "cluster")
    site.service.answers = [Check(name, name != failing, "why" if name == failing else "") for name in names]
    status, answer = await site.get("/readyz")
    assert status == (503 if failing else 200)
    assert answer["ready"] is (failing is None)
    assert [(check["name"], check["ok"]) for check in answer["checks"]] == [(name, name != failing) for name in names]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text;version=x", "text/plain; version=0.0.4"),
    ],
)
async def test_metrics_are_in_the_format_asked_for(site: Site, accept: str, content_type: str) -> None:
    async with site.client.get(f"http://127.0.0.1:{site.port}/metrics", headers={"Accept": accept}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith(content_type)
        text = await response.text()
    assert "remediator_build_info" in text
    assert "process_resident_memory_bytes" in text


async def test_status(site: Site) -> None:
    assert await site.get("/api/v1/status") == (200, {"version": "0", "mode": "observe"})


async def test_incidents_come_in_pages(site: Site) -> None:
    site.service.open = [{"id": f"i{n}"} for n in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        status, page = await site.get(f"/api/v1/incidents?limit=2&after={after}")
        assert status == 200
        seen += [one["id"] for one in page["items"]]
        if not (after := page["next"]):
            break
    assert seen == ["i0", "i1", "i2", "i3", "i4"]


async def test_past_incidents_come_by_when_they_closed(site: Site) -> None:
    site.service.open = [{"id": "i1"}]
    assert await site.get("/api/v1/incidents?state=past&after=9") == (200, {"items": [{"id": "i1"}], "next": "7"})
    assert site.service.asked_before == 9
    status, answer = await site.get("/api/v1/incidents?state=closed")
    assert (status, answer["error"]) == (400, "state must be open or past, not 'closed'")


async def test_a_parameter_that_is_not_known_is_told(site: Site) -> None:
    status, answer = await site.get("/api/v1/incidents?stat=past")
    assert (status, answer["error"]) == (400, "there is no parameter 'stat' here; known are after, limit, state")
    assert (await site.get("/readyz?verbose"))[0] == 200


async def test_why_is_told_up_to_an_instant(site: Site) -> None:
    status, answer = await site.get("/api/v1/explain/abc?at=2026-11-23T12:00:00Z")
    assert (status, answer["note"]) == (200, "why")
    assert site.service.explained == ("abc", datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert (await site.get("/api/v1/explain/none"))[0] == 404
    for wrong in ("yesterday", "2026-11-23T12:00:00"):
        status, answer = await site.get(f"/api/v1/explain/abc?at={wrong}")
        assert (status, "with its zone" in answer["error"]) == (400, True)


async def test_why_under_other_settings(site: Site) -> None:
    asked = quote('{"guards": {"cooldown": 300}, "mode": "enforce"}')
    assert (await site.get(f"/api/v1/explain/abc?what_if={asked}"))[0] == 200
    assert site.service.supposed == Supposed(GuardSettings(cooldown=300.0), Mode.ENFORCE)


@pytest.mark.parametrize(
    ("what_if", "told"),
    [
        ("cooldown=5m", "what_if is not understood: "),
        ('{"guards": {"cooldown": "5m"}}', "what_if is not understood: "),
        ('{"guards": {"cooldwn": 300}}', "what_if speaks of 'cooldwn'; it may have guards and mode"),
        ('{"cooldown": 300}', "what_if speaks of 'cooldown'; it may have guards and mode"),
        ("[]", "what_if is not understood: "),
        ('{"mode": "on"}', "what_if is not understood: "),
    ],
)
async def test_what_is_no_supposition_is_refused(site: Site, what_if: str, told: str) -> None:
    status, answer = await site.get(f"/api/v1/explain/abc?what_if={quote(what_if)}")
    assert (status, answer["error"].startswith(told)) == (400, True), answer


async def test_the_rules_in_force(site: Site) -> None:
    _, answer = await site.get("/api/v1/rules")
    assert [each["name"] for each in answer["items"]] == ["restart-leaking-cache", "undo-bad-rollout"]


async def test_one_incident(site: Site) -> None:
    site.service.open = [{"id": "i0", "rule": "r"}]
    assert await site.get("/api/v1/incidents/i0") == (200, {"id": "i0", "rule": "r"})
    status, answer = await site.get("/api/v1/incidents/none")
    assert status == 404
    assert "GET /api/v1/incidents lists them" in answer["error"]


class TestJournal:
    @pytest.fixture
    async def records(self, site: Site) -> list[dict[str, Any]]:
        at = datetime(2026, 11, 23, tzinfo=UTC)
        events = [Event(at, Source("prometheus", up=n % 2 == 0, reason="\x1b[31m</script>")) for n in range(5)]
        return [line_of(record) for record in await site.service.journal.append(events, after=0)]

    async def test_lines_are_those_of_an_export(self, site: Site, records: list[dict[str, Any]]) -> None:
        status, page = await site.get("/api/v1/journal")
        assert status == 200
        assert page["items"] == records

    async def test_pages_follow_each_other_and_the_last_is_empty(
        self, site: Site, records: list[dict[str, Any]]
    ) -> None:
        seen: list[int] = []
        after = "0"
        while (page := (await site.get(f"/api/v1/journal?after={after}&limit=2"))[1])["items"]:
            seen += [line["seq"] for line in page["items"]]
            after = page["next"]
        assert seen == [1, 2, 3, 4, 5]
        assert page["next"] == "5"

    @pytest.mark.parametrize(
        "query", ["after=x", "after=-1", "after=", "limit=ten", "after=" + "9" * 19, "after=%C2%B2"]
    )
    async def test_what_is_no_number_is_told(self, site: Site, query: str) -> None:
        status, answer = await site.get(f"/api/v1/journal?{query}")
        assert status == 400
        assert "must be a whole number" in answer["error"]

    async def test_the_lines_of_one_incident(self, site: Site, records: list[dict[str, Any]]) -> None:
        at = datetime(2026, 11, 23, tzinfo=UTC)
        await site.service.journal.append([Event(at, Source("x", up=True), incident="i1")], after=5)
        status, page = await site.get("/api/v1/incidents/i1/journal")
        assert (status, [line["seq"] for line in page["items"]]) == (200, [6])
        assert (await site.get("/api/v1/incidents/none/journal"))[0] == 404

    async def test_a_journal_that_cannot_be_read_is_503(self, site: Site) -> None:
        await site.service.journal.close()
        assert (await site.get("/api/v1/journal"))[0] == 503


class TestReload:
    @pytest.fixture
    async def admin(self, site: Site, tmp_path: Path) -> dict[str, str]:
        (tmp_path / "t").write_text("t")
        await site.restart(WebAuth(operators=(Operator("alice", str(tmp_path / "t"), ("admin",)),)))
        return {"Authorization": "Bearer t"}

    async def test_says_who_and_whether(self, site: Site, admin: dict[str, str]) -> None:
        assert await site.post("/-/reload", b"", **admin) == (200, {"reloaded": True})
        assert site.service.reloaded_by == ["operator:alice"]

    async def test_tells_every_mistake(self, site: Site, admin: dict[str, str]) -> None:
        site.service.mistakes = ["a.yaml:1:2 x", "b.yaml:3:4 y"]
        status, answer = await site.post("/-/reload", b"", **admin)
        assert (status, answer["mistakes"]) == (422, ["a.yaml:1:2 x", "b.yaml:3:4 y"])

    async def test_is_for_operators_only(self, site: Site, admin: dict[str, str]) -> None:
        assert (await site.post("/-/reload", b""))[0] == 401
        await site.restart()
        assert (await site.post("/-/reload", b"", **admin))[0] == 401
        assert site.service.reloaded_by == []


async def test_looking_needs_a_token_where_operators_are_known(site: Site, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("t")
    await site.restart(WebAuth(operators=(Operator("alice", str(tmp_path / "t"), ("view",)),)))
    for path in ("/api/v1/status", "/api/v1/incidents", "/api/v1/incidents/x", "/api/v1/journal"):
        assert (await site.get(path))[0] == 401
    assert (await site.get("/api/v1/status", Authorization="Bearer t"))[0] == 200
    assert (await site.get("/readyz"))[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/api/v1/status", "/nowhere", "/webhook/alertmanager"])
async def test_every_answer_carries_the_security_headers(site: Site, path: str) -> None:
    async with site.client.get(f"http://127.0.0.1:{site.port}{path}") as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.headers["Cache-Control"] == "no-store"
        assert "Server" not in response.headers


async def test_what_is_not_there_is_told_as_json(site: Site) -> None:
    status, answer = await site.get("/nowhere")
    assert (status, answer["error"]) == (404, "Not Found: GET /nowhere; see docs/http.md for what there is")


async def test_our_own_failure_is_500_without_its_inside(site: Site) -> None:
    async def failing() -> Any:
        raise RuntimeError("secret inside")

    site.service.status = failing  # type: ignore[method-assign]
    status, answer = await site.get("/api/v1/status")
    assert status == 500
    assert answer["error"] == "the service failed (RuntimeError); its log tells more"


def test_every_route_has_its_row_in_the_docs() -> None:
    text = DOCS.read_text()
    for route in build(FakeService()).routes:
        assert isinstance(route, Route)
        (method,) = set(route.methods or ()) - {"HEAD"}
        assert f"| `{method} {route.path}` |" in text


def test_the_docs_tell_the_bounds_as_they_are() -> None:
    text, limits = DOCS.read_text(), limits_of(Web())
    for said in (
        f"`web.max_request_bytes` ({limits.body >> 20} MiB",
        f"{limits.waiting:,} payloads or `web.inbox_limit_bytes` ({limits.waiting_bytes >> 20} MiB) wait",
        f"{limits.in_flight >> 20} MiB are being read",
        f"longer than {limits.seconds:g} s",
        f"{HEAD_SECONDS:g} s and {HEAD_BYTES >> 10} KiB",
        f"end after {KEEP_ALIVE_SECONDS} s, {CONNECTIONS} connections",
    ):
        assert said in text, said
