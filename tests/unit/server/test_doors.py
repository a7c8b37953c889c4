"""Every door of the server: what changes anything is shut to strangers, to pages of others, and to the wrong role."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.routing import Route

from remediator.config.settings import Operator, Web, WebAuth
from remediator.server.app import SecurityHeaders, build
from tests.unit.server.conftest import FakeService, Site

OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json"}
"""What anybody may look at; everything else asks who asks."""


def doors() -> list[tuple[str, str]]:
    """Every method of every route, but `HEAD`."""
    routes = [route for route in build(FakeService()).routes if isinstance(route, Route)]
    return [
        (method, route.path.replace("{id}", "abc"))
        for route in routes
        for method in sorted(route.methods or ())
        if method != "HEAD"
    ]


SHUT = [door for door in doors() if door[1] not in OPEN]


@pytest.fixture
async def guarded(site: Site, tmp_path: Path) -> Site:
    """A site with a webhook token and an operator who may only look."""
    (tmp_path / "webhook").write_text("webhook-token")
    (tmp_path / "eve").write_text("eves-token")
    operators = (Operator("eve", str(tmp_path / "eve"), ("view",)),)
    await site.restart(WebAuth(str(tmp_path / "webhook"), operators=operators))
    return site


async def knock(site: Site, method: str, path: str, **headers: str) -> int:
    url = f"http://127.0.0.1:{site.port}{path}"
    async with site.client.request(method, url, data=b"{}", headers=headers) as response:
        assert {name.lower(): value for name, value in SecurityHeaders.HEADERS}.items() <= {
            name.lower(): value for name, value in response.headers.items()
        }.items()
        return response.status


def test_all_that_changes_something_is_a_post() -> None:
    changing = ("approve", "deny", "pause", "resume", "reload", "webhook/alertmanager")
    assert {method for method, path in doors() if path.rpartition("/")[2] in changing} == {"POST"}
    assert {method for method, _ in doors()} == {"GET", "POST"}


@pytest.mark.parametrize(("method", "path"), SHUT)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic ZXZlOmV2ZXMtdG9rZW4="},
        {"Cookie": "token=eves-token"},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
    ids=lambda headers: "+".join(headers.values()) or "nothing",
)
async def test_strangers_are_refused(guarded: Site, method: str, path: str, headers: dict[str, str]) -> None:
    assert await knock(guarded, method, path, **headers) == 401
    assert (guarded.service.answered, guarded.service.said, guarded.service.reloaded_by) == ([], [], [])


@pytest.mark.parametrize(("method", "path"), SHUT)
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_pages_of_another_origin_are_refused_whatever_they_bring(guarded: Site, method, path, headers) -> None:
    for token in ("eves-token", "webhook-token"):
        assert await knock(guarded, method, path, Authorization=f"Bearer {token}", **headers) == 403


@pytest.mark.parametrize(
    "path", [path for method, path in SHUT if method == "POST" and path != "/webhook/alertmanager"]
)
async def test_who_may_only_look_changes_nothing(guarded: Site, path: str) -> None:
    status = await knock(guarded, "POST", path, Authorization="Bearer eves-token")
    assert status in (400, 403)  # an answer is read first, so that the journal can say to which plan
    assert (guarded.service.said, guarded.service.reloaded_by) == ([], [])


async def test_the_webhooks_token_opens_nothing_else_and_no_operator_posts_alerts(guarded: Site) -> None:
    for method, path in SHUT:
        token = "eves-token" if path == "/webhook/alertmanager" else "webhook-token"
        assert await knock(guarded, method, path, Authorization=f"Bearer {token}") == 401


def test_a_site_without_settings_has_the_same_doors() -> None:
    assert len(build(FakeService(), Web()).routes) == len(build(FakeService()).routes)
