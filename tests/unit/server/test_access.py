"""Who may ask for what: a decision table over keys, where the request comes from, and what it brings."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from remediator.config.settings import BasicAuth, Operator, Web, WebAuth
from remediator.rate import Pace
from remediator.server.access import Access, Role, TokenFile, shut_doors
from remediator.server.paces import Paces
from remediator.server.refusal import Refused

from .conftest import Site

LOOPBACK, OUTSIDE = "127.0.0.1", "10.1.2.3"


def request(client: str = LOOPBACK, server: str = LOOPBACK, host: str = "localhost:8080", **headers: str) -> Request:
    named = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "scheme": "http",
        "client": (client, 40000),
        "server": (server, 8080),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    return Request(scope)


def bearer(token: str) -> str:
    return f"Bearer {token}"


def basic(password: str, user: str = "alertmanager") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    return file


def refusal(check: Any, *args: Any) -> int:
    """The status of the refusal, 0 where there is none."""
    try:
        check(*args)
    except Refused as error:
        return error.status
    return 0


async def asked(access: Access, asks: Request, *roles: Role) -> int:
    """The status of an operator's refusal, 0 where there is none."""
    try:
        await access.operator(asks, *roles)
    except Refused as error:
        return error.status
    return 0


@pytest.mark.parametrize(
    ("asks", "status"),
    [
        (request(), 0),
        (request("::1", "::1", "[::1]:8080"), 0),
        (request(host="127.0.0.1"), 0),
        (request(OUTSIDE, OUTSIDE), 503),
        (request(OUTSIDE), 503),
        (request(LOOPBACK, OUTSIDE), 503),  # through a sidecar that connects from loopback to the Pod's address
        (request(x_forwarded_for="1.2.3.4"), 503),
        (request(forwarded="for=1.2.3.4"), 503),
        (request(host="rebound.example:8080"), 503),
        (request(authorization=bearer("anything")), 0),
        (request(origin="http://evil.example"), 403),
        (request(origin="http://localhost:8080"), 0),
        (request(origin="null"), 403),
    ],
)
def test_without_a_token_the_webhook_takes_from_this_machine_alone(asks: Request, status: int) -> None:
    assert refusal(Access(WebAuth()).webhook, asks) == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (bearer("s3cret"), 0),
        ("bearer s3cret", 0),
        (bearer("wrong"), 401),
        (bearer("s3cre"), 401),
        (bearer("s3cret\n"), 0),
        (basic("s3cret"), 401),
        ("Digest s3cret", 401),
        ("s3cret", 401),
        ("", 401),
        (bearer("\u00fc"), 401),
    ],
)
@pytest.mark.parametrize("client", [LOOPBACK, OUTSIDE])
def test_with_a_token_everybody_must_bring_it(token_file: Path, authorization: str, status: int, client: str) -> None:
    access = Access(WebAuth(webhook_token_file=str(token_file)))
    assert refusal(access.webhook, request(client, client, authorization=authorization)) == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (basic("s3cret"), 0),
        (basic("s3cret", "somebody"), 401),
        (basic("wrong"), 401),
        (basic(""), 401),
        (bearer("s3cret"), 401),
        ("Basic !!!", 401),
        ("Basic", 401),
        ("Basic " + base64.b64encode(b"alertmanager").decode(), 401),
        ("", 401),
    ],
)
def test_with_a_password_name_and_password_must_be_right(token_file: Path, authorization: str, status: int) -> None:
    access = Access(WebAuth(webhook_basic_auth=BasicAuth("alertmanager", str(token_file))))
    assert refusal(access.webhook, request(authorization=authorization)) == status


def test_either_credential_does(token_file: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass")
    basic_auth = BasicAuth("alertmanager", str(tmp_path / "password"))
    access = Access(WebAuth(webhook_token_file=str(token_file), webhook_basic_auth=basic_auth))
    assert refusal(access.webhook, request(authorization=basic("pass"))) == 0
    assert refusal(access.webhook, request(authorization=bearer("s3cret"))) == 0
    assert refusal(access.webhook, request(authorization=basic("s3cret"))) == 401


def test_a_changed_token_file_counts_from_the_next_request_on(token_file: Path) -> None:
    access = Access(WebAuth(webhook_token_file=str(token_file)))
    assert refusal(access.webhook, request(authorization=bearer("s3cret"))) == 0
    new = token_file.with_name("new")
    new.write_text("0ther!\n")
    new.replace(token_file)
    assert refusal(access.webhook, request(authorization=bearer("s3cret"))) == 401
    assert refusal(access.webhook, request(authorization=bearer("0ther!"))) == 0


class Untouchable(bytes):
    """Bytes that a plain comparison, which ends at the first difference, must not come near."""

    def _touched(self, other: object) -> bool:
        raise AssertionError("a secret was compared in a time that tells how much of it is right")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _touched  # type: ignore[assignment]
    __hash__ = bytes.__hash__

    def startswith(self, *args: Any) -> bool:  # type: ignore[override]
        return self._touched(args)

    def __getitem__(self, place: Any) -> Any:
        return self._touched(place)

    def __iter__(self) -> Any:
        return self._touched(None)


def guarded(file: TokenFile) -> TokenFile:
    """With its digest in bytes that tell of every plain comparison."""
    file.holds(b"")
    file._digest = Untouchable(file._digest)
    return file


def test_tokens_are_compared_in_a_time_that_tells_nothing(token_file: Path) -> None:
    file = guarded(TokenFile(str(token_file)))
    assert [file.holds(given) for given in (b"s3cret", b"s3cre", b"s3cretx", b"x3cret", b"")] == [True, *[False] * 4]


def test_a_name_and_its_password_too(token_file: Path) -> None:
    access = Access(WebAuth(webhook_basic_auth=BasicAuth("alertmanager", str(token_file))))
    access._basic = (Untouchable(b"alertmanager"), guarded(TokenFile(str(token_file))))
    for authorization, status in ((basic("s3cret"), 0), (basic("other"), 401), (basic("s3cret", "bob"), 401)):
        assert refusal(access.webhook, request(authorization=authorization)) == status


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_token_file_that_is_gone_or_empty_lets_nobody_in(token_file: Path, content: str | None) -> None:
    access = Access(WebAuth(webhook_token_file=str(token_file)))
    if content is None:
        token_file.unlink()
    else:
        token_file.write_text(content)
    for authorization in ("", bearer(""), bearer("s3cret"), basic("")):
        assert refusal(access.webhook, request(authorization=authorization)) == 503


class TestOperators:
    @pytest.fixture
    def access(self, tmp_path: Path) -> Access:
        operators = []
        for name, roles in {"alice": ("view", "admin"), "bob": ("approve",), "gone": ("admin",)}.items():
            file = tmp_path / name
            file.write_text(f"token of {name}")
            operators.append(Operator(name, str(file), roles))
        (tmp_path / "gone").unlink()
        return Access(WebAuth(operators=tuple(operators)))

    @pytest.mark.parametrize(
        ("token", "role", "status"),
        [
            ("token of alice", Role.VIEW, 0),
            ("token of alice", Role.ADMIN, 0),
            ("token of alice", Role.APPROVE, 403),
            ("token of bob", Role.VIEW, 0),
            ("token of bob", Role.APPROVE, 0),
            ("token of bob", Role.ADMIN, 403),
            ("token of gone", Role.VIEW, 401),
            ("token of nobody", Role.VIEW, 401),
            ("", Role.VIEW, 401),
        ],
    )
    async def test_roles(self, access: Access, token: str, role: Role, status: int) -> None:
        for client in (LOOPBACK, OUTSIDE):
            asks = request(client, client, authorization=bearer(token))
            assert await asked(access, asks, role) == status

    async def test_the_time_does_not_tell_whose_token_it_is(self, access: Access) -> None:
        """Every operator's file is asked, also behind the one that it is."""
        asked_of = []

        class Noting(TokenFile):
            def holds(self, given: bytes) -> bool:
                asked_of.append(self.path)
                return super().holds(given)

        access._operators = [(operator, Noting(operator.token_file)) for operator, _ in access._operators]
        for token in ("token of alice", "token of bob", "token of nobody"):
            asked_of.clear()
            await asked(access, request(authorization=bearer(token)), Role.VIEW)
            assert asked_of == [operator.token_file for operator, _ in access._operators], token

    async def test_one_who_asks_without_end_is_slowed_down_and_no_other(self, tmp_path: Path) -> None:
        for name in ("alice", "bob"):
            (tmp_path / name).write_text(f"token of {name}")
        operators = tuple(Operator(name, str(tmp_path / name), ("view",)) for name in ("alice", "bob"))
        access = Access(WebAuth(operators=operators), paces=Paces(operator=Pace(3, 0.0)))
        alice, bob = (request(authorization=bearer(f"token of {name}")) for name in ("alice", "bob"))
        assert [await asked(access, alice, Role.VIEW) for _ in range(5)] == [0, 0, 0, 429, 429]
        assert await asked(access, bob, Role.VIEW) == 0

    async def test_the_name_is_known(self, access: Access) -> None:
        assert await access.operator(request(authorization=bearer("token of bob")), Role.VIEW) == "bob"

    @pytest.mark.parametrize(
        ("client", "role", "status"),
        [
            (LOOPBACK, Role.VIEW, 0),
            (OUTSIDE, Role.VIEW, 401),
            (LOOPBACK, Role.APPROVE, 401),
            (LOOPBACK, Role.ADMIN, 401),
        ],
    )
    async def test_without_operators_only_looking_over_loopback(self, client: str, role: Role, status: int) -> None:
        assert await asked(Access(WebAuth()), request(client, client), role) == status


@pytest.mark.parametrize(
    ("listen", "lines"),
    [
        ("127.0.0.1:8080", 0),
        ("[::1]:8080", 0),
        ("localhost:8080", 0),
        ("0.0.0.0:8080", 2),
        ("[::]:8080", 2),
        (":8080", 2),
        ("example.com:8080", 2),
    ],
)
def test_shut_doors_are_told_at_the_start(listen: str, lines: int) -> None:
    assert len(shut_doors(Web(listen))) == lines


def test_open_doors_are_not_told() -> None:
    operators = (Operator("alice", "/a", ("view",)),)
    assert shut_doors(Web(":8080", WebAuth(webhook_token_file="/t", operators=operators))) == ()
    assert len(shut_doors(Web(":8080", WebAuth(webhook_basic_auth=BasicAuth("a", "/b"))))) == 1


async def test_a_refusal_says_how_to_come_in(site: Site, token_file: Path) -> None:
    await site.restart(WebAuth(webhook_token_file=str(token_file)))
    async with site.client.post(f"http://127.0.0.1:{site.port}/webhook/alertmanager", data=b"{}") as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert "see web.auth of the settings" in (await response.json())["error"]
    status, _ = await site.post("/webhook/alertmanager", Authorization=bearer("s3cret"))
    assert status == 200
