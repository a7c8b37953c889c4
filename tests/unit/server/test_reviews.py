"""Operators whom Kubernetes knows: TokenReview and SubjectAccessReview, asked seldom, believed only where clear."""

from __future__ import annotations

from typing import Any

import pytest

from remediator.config.settings import KubernetesAuth, WebAuth
from remediator.core.model import Json, Resource
from remediator.ports import Unavailable
from remediator.server.access import Access, Role
from remediator.server.paces import STRANGER
from remediator.server.refusal import Refused
from remediator.server.reviews import KEPT_SECONDS, MOST_KEPT, Reviews
from tests.unit.server.test_access import asked, bearer, request

ALICE = {"username": "alice@example.org", "uid": "u1", "groups": ["oncall"], "extra": {"scopes": ["a"]}}
GOOD = {"authenticated": True, "user": ALICE, "audiences": ["remediator"]}


class ApiServer:
    """Answers reviews as it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Json]] = []
        self.whose: Any = GOOD
        self.roles = {"view", "approve"}
        self.fails: Exception | None = None

    async def review(self, resource: Resource, spec: Json) -> Json:
        self.asked.append((resource.kind, spec))
        if self.fails:
            raise self.fails
        if resource.kind == "TokenReview":
            return self.whose
        return {"allowed": spec["resourceAttributes"]["verb"] in self.roles}


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


def access(server: ApiServer, *audiences: str) -> Access:
    return Access(WebAuth(kubernetes=KubernetesAuth(True, audiences)), server)


def asks(token: str = "a.jwt.token") -> Any:
    return request("10.0.0.1", "10.0.0.2", authorization=bearer(token))


async def test_whom_kubernetes_knows_and_rbac_allows_may_under_a_name_of_its_own(server: ApiServer) -> None:
    assert await access(server, "remediator").operator(asks(), Role.APPROVE) == "kubernetes:alice@example.org"
    assert server.asked == [
        ("TokenReview", {"token": "a.jwt.token", "audiences": ["remediator"]}),
        (
            "SubjectAccessReview",
            {
                "user": "alice@example.org",
                "uid": "u1",
                "groups": ["oncall"],
                "extra": {"scopes": ["a"]},
                "resourceAttributes": {"group": "remediator.io", "resource": "remediations", "verb": "approve"},
            },
        ),
    ]


@pytest.mark.parametrize(
    ("whose", "status"),
    [
        ({}, 401),
        ({"authenticated": False, "error": "expired"}, 401),
        ({"authenticated": "true", "user": ALICE, "audiences": ["remediator"]}, 401),
        ({"authenticated": True, "user": ALICE}, 401),  # an API server that knows no audiences
        ({"authenticated": True, "user": ALICE, "audiences": ["https://kubernetes.default.svc"]}, 401),
        ({"authenticated": True, "audiences": ["remediator"]}, 401),
        ({"authenticated": True, "user": {"username": ""}, "audiences": ["remediator"]}, 401),
        (GOOD, 0),
    ],
)
async def test_only_a_clear_yes_for_our_audience_is_believed(server: ApiServer, whose: Json, status: int) -> None:
    server.whose = whose
    assert await asked(access(server, "remediator"), asks(), Role.VIEW) == status


@pytest.mark.parametrize(
    ("roles", "status"), [((Role.VIEW,), 0), ((Role.ADMIN,), 403), ((Role.ADMIN, Role.APPROVE), 0)]
)
async def test_rbac_says_which_roles(server: ApiServer, roles: tuple[Role, ...], status: int) -> None:
    assert await asked(access(server), asks(), *roles) == status


async def test_an_api_server_that_does_not_answer_lets_nobody_in_and_quotes_nothing(server: ApiServer) -> None:
    server.fails = Unavailable("it said: token a.jwt.token", status=500)
    with pytest.raises(Refused, match="cannot be asked") as refused:
        await access(server).operator(asks(), Role.VIEW)
    assert refused.value.status == 503
    assert "a.jwt" not in refused.value.reason


@pytest.mark.parametrize("token", ["", "x" * 20_000, "\u00fc"])
async def test_what_is_no_token_is_not_asked_about(server: ApiServer, token: str) -> None:
    assert await asked(access(server), asks(token), Role.VIEW) == 401
    assert server.asked == []


async def test_wrong_tokens_from_one_address_are_soon_not_asked_about_any_more(server: ApiServer) -> None:
    door = access(server)
    assert await asked(door, asks("known"), Role.VIEW) == 0
    server.whose = {}
    answers = [await asked(door, asks(f"token-{number}"), Role.VIEW) for number in range(40)]
    assert set(answers[: int(STRANGER.burst)]) == {401}
    assert answers[-1] == 429
    assert len(server.asked) < 40
    assert await asked(door, asks("known"), Role.VIEW) == 0, "who shares the address and was let in goes on"


async def test_an_answer_is_kept_for_a_while_and_only_so_many(server: ApiServer) -> None:
    now = 0.0
    reviews = Reviews(server, KubernetesAuth(True), lambda: now)
    for at, questions in ((0.0, 1), (KEPT_SECONDS - 0.1, 1), (KEPT_SECONDS, 2)):
        now = at
        assert await reviews.subject(b"t")
        assert len(server.asked) == questions
    for number in range(MOST_KEPT + 1):
        await reviews.subject(str(number).encode())
    assert len(reviews._kept) == MOST_KEPT
    assert b"a.jwt" not in repr(reviews._kept).encode()
