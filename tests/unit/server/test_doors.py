"""Every door of the server: what changes anything is shut to strangers, to pages of others, and to the wrong role."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.routing import Route

from remediator.config.settings import Operator, Web, WebAuth
from remediator.rate import Pace
from remediator.server.app import SecurityHeaders, build
from remediator.server.paces import Paces
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
    """A site with a webhook token and an operator who may only look, and nobody is too fast for it."""
    (tmp_path / "webhook").write_text("webhook-token")
    (tmp_path / "eve").write_text("eves-token")
    operators = (Operator("eve", str(tmp_path / "eve"), ("view",)),)
    endless = Paces(Pace(1e9, 1e9), Pace(1e9, 1e9))
    await site.restart(WebAuth(str(tmp_path / "webhook"), operators=operators), paces=endless)
    return site


async def knock(site: Site, method: str, path: str, **headers: str) -> int:
    url = f"http://127.0.0.1:{site.port}{path}"
    async with site.client.request(method, url, data=b"{}", headers=headers) as response:
        seen = {name.lower(): value for name, value in response.headers.items()}
        assert {name.lower(): value for name, value in SecurityHeaders.HEADERS}.items() <= seen.items()
        return response.status


async def answers(site: Site, *tokens: str, **headers: str) -> set[int]:
    """What all doors say to somebody who brings this, without a token or with each of these."""
    given = [{"Authorization": f"Bearer {token}"} for token in tokens] or [{}]
    return {await knock(site, *door, **headers, **token) for door in SHUT for token in given}


def nothing_came_of_it(site: Site) -> bool:
    return (site.service.said, site.service.reloaded_by, site.service.woken) == ([], [], 0)


def test_all_that_changes_something_is_a_post() -> None:
    changing = ("approve", "deny", "pause", "resume", "reload", "webhook/alertmanager")
    assert {method for method, path in doors() if path.rpartition("/")[2] in changing} == {"POST"}
    assert {method for method, _ in doors()} == {"GET", "POST"}


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
async def test_strangers_are_refused(guarded: Site, headers: dict[str, str]) -> None:
    assert await answers(guarded, **headers) == {401}
    assert nothing_came_of_it(guarded)
    assert guarded.service.answered == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_pages_of_another_origin_are_refused_whatever_they_bring(guarded: Site, headers) -> None:
    assert await answers(guarded, "eves-token", "webhook-token", **headers) == {403}
    assert nothing_came_of_it(guarded)


async def test_who_may_only_look_changes_nothing(guarded: Site) -> None:
    words = [path for method, path in SHUT if method == "POST" and path != "/webhook/alertmanager"]
    statuses = {path: await knock(guarded, "POST", path, Authorization="Bearer eves-token") for path in words}
    read_first = {path for path, status in statuses.items() if status == 400}
    assert set(statuses.values()) == {400, 403}
    assert all("/incidents/" in path for path in read_first), "so that the journal can say to which plan"
    assert nothing_came_of_it(guarded)


async def test_the_webhooks_token_opens_nothing_else_and_no_operator_posts_alerts(guarded: Site) -> None:
    for method, path in SHUT:
        token = "eves-token" if path == "/webhook/alertmanager" else "webhook-token"
        assert await knock(guarded, method, path, Authorization=f"Bearer {token}") == 401


def test_a_site_without_settings_has_the_same_doors() -> None:
    assert len(build(FakeService(), Web()).routes) == len(build(FakeService()).routes)
