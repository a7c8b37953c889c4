"""Prometheus over real HTTP: every way to answer a query, and what is made of it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_api_client import PrometheusConnect
from requests.exceptions import ConnectionError

from remediator.clients.http_config import Authorization, BasicAuth, HttpConfig, Tls
from remediator.clients.prometheus import Prometheus
from remediator.clients.query_answer import Answer, Sample, Scalar, Unknown, Vector, read_answer

from .api_server import ApiServer, Reply, answer, cut_off, drip, hang, nonsense, reset, running
from .certificates import Authority

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = {"namespace": "shop", "deployment": "web"}


def success(result: Any, kind: str = "vector", **rest: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}, **rest}


def series(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels or WEB, "value": [AT.timestamp(), value]}


def failure(kind: str, text: str) -> dict[str, Any]:
    return {"status": "error", "errorType": kind, "error": text}


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
async def ask(api: ApiServer) -> AsyncIterator[Ask]:
    """Ask the server, which answers by `reply`; other arguments are the connection's."""
    made: list[Prometheus] = []

    async def query(reply: Reply, expr: str = "up", timeout: float = 30, **settings: Any) -> Answer:  # noqa: ASYNC109
        api.reply = reply
        made.append(Prometheus(settings.pop("url", api.url), timeout, **settings))
        return await made[-1].query(expr, AT)

    yield query
    for server in made:
        await server.aclose()


async def test_the_query_and_its_instant_travel_in_a_form(ask: Ask, api: ApiServer) -> None:
    expr = f"up == {'1' * 1_000_000}"
    assert await ask(answer(200, success([])), expr) == Vector(())
    assert (api.last.method, api.last.path, api.last.query) == ("POST", "/api/v1/query", {})
    form = parse_qs(api.last.body.decode())
    assert form == {"query": [expr], "time": ["1767268800.000"], "timeout": ["30s"]}


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (success([]), Vector(())),
        (success([series("1.5")]), Vector((Sample(WEB, 1.5),))),
        (success([series("+Inf")]), Vector((Sample(WEB, math.inf),))),
        (success([series("-Inf")]), Vector((Sample(WEB, -math.inf),))),
        (success([{"metric": {}, "histogram": [1, {"count": "1"}]}]), Vector((Sample({}, None),))),
        (success([1, "7"], "scalar"), Scalar(7.0)),
        (success([], infos=["a hint"]), Vector(())),
    ],
    ids=["none", "one", "+Inf", "-Inf", "histogram", "scalar", "infos"],
)
async def test_a_good_answer_is_a_value(ask: Ask, content: Any, wanted: Answer) -> None:
    assert await ask(answer(200, content)) == wanted


async def test_nan_is_a_value_that_is_not_known(ask: Ask) -> None:
    found = await ask(answer(200, success([series("NaN")])))
    assert isinstance(found, Vector)
    assert found.samples[0].value is not None
    assert math.isnan(found.samples[0].value)
    assert not found.samples[0].known


@pytest.mark.parametrize(
    ("reply", "reason", "reached"),
    [
        (answer(503, b"Service Unavailable"), "answered 503: Service Unavailable", False),
        (answer(502, b"<html>bad gateway</html>"), "answered 502: <html>bad gateway</html>", False),
        (answer(302, b"", Location="/login"), "answered 302: nothing", False),
        (answer(200, b"<html>sign in</html>"), "answered 200: <html>sign in</html>", False),
        (answer(401, failure("", "no")), "answered 401 : no", False),
        (answer(429, failure("too_many", "slow down")), "answered 429 too_many: slow down", False),
        (answer(400, failure("bad_data", "parse error")), "answered 400 bad_data: parse error", True),
        (answer(422, failure("execution", "many-to-many")), "answered 422 execution: many-to-many", True),
        (answer(503, failure("timeout", "query timed out")), "answered 503 timeout: query timed out", True),
        (answer(500, failure("internal", "disk")), "answered 500 internal: disk", False),
        (answer(200, failure("execution", "odd")), "answered 200 execution: odd", True),
        (answer(200, success([], warnings=["store-1 is away"])), "the answer may be partial: store-1 is away", True),
        (answer(200, success([], isPartial=True)), "the answer is partial", True),
        (answer(200, success([1, "a"], "string")), "the result is a text, not series with a value", True),
        (answer(200, success([], "matrix")), "the result is a range of values, not series with a value", True),
        (answer(200, {"status": "success"}), "the result is missing, not series with a value", True),
        (answer(200, success([series("1"), series("2")])), "the result has two series of the same labels", True),
        (answer(200, success([{"metric": {}}])), "the answer is not understood: a series has no value", True),
        (answer(200, success([series("1_0 apples")])), "the answer is not understood: ", True),
        (cut_off(200, b'{"status":'), "cannot be asked: ", False),
        (reset, "cannot be asked: ", False),
        (nonsense, "cannot be asked: ", False),
    ],
)
async def test_anything_else_is_unknown(ask: Ask, reply: Reply, reason: str, reached: bool) -> None:
    found = await ask(reply)
    assert isinstance(found, Unknown)
    assert found.reason.startswith(reason)
    assert found.reached is reached


@pytest.mark.parametrize("reply", [hang, drip])
async def test_a_server_that_does_not_answer_is_waited_for_only_so_long(ask: Ask, reply: Reply) -> None:
    assert await ask(reply, timeout=0.2) == Unknown("cannot be asked: 127.0.0.1 did not answer within 0.2 s")


async def test_nobody_there(ask: Ask) -> None:
    found = await ask(hang, url="http://127.0.0.1:1")
    assert isinstance(found, Unknown)
    assert not found.reached


async def test_a_failed_query_is_asked_once(ask: Ask, api: ApiServer) -> None:
    await ask(answer(503, b"not ready"))
    assert len(api.seen) == 1


async def test_an_answer_without_end_is_not_read_to_its_end(api: ApiServer) -> None:
    api.reply = answer(200, b" " * 100_000)
    server = Prometheus(api.url, most_bytes=70_000)
    asked = await server.query("up", AT)
    await server.aclose()
    assert asked == Unknown("the answer is larger than 70000 bytes: ask for less", reached=True)


async def test_credentials_are_read_at_each_request(ask: Ask, api: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    server = Prometheus(api.url, 30, HttpConfig(Authorization(str(file))))
    api.reply = answer(200, success([]))
    await server.query("up", AT)
    file.write_text("two\n")
    await server.query("up", AT)
    file.unlink()
    gone = await server.query("up", AT)
    await server.aclose()
    assert [seen.headers["authorization"] for seen in api.seen] == ["Bearer one", "Bearer two"]
    assert isinstance(gone, Unknown)


async def test_basic_auth(ask: Ask, api: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    config = HttpConfig(basic_auth=BasicAuth("me", str(tmp_path / "password")))
    await ask(answer(200, success([])), http_config=config)
    assert api.last.headers["authorization"] == "Basic bWU6c2VjcmV0"


async def test_certificates_are_checked_by_the_ca_of_the_settings(tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.crt").write_text(authority.pem)
    (tmp_path / "other.crt").write_text(Authority().pem)
    trusting, doubting = (Tls(ca_file=str(tmp_path / name)) for name in ("ca.crt", "other.crt"))
    configs = {"ca": trusting, "other": doubting, "system": Tls(), "any": Tls(insecure_skip_verify=True)}
    configs["name"] = Tls(ca_file=trusting.ca_file, server_name="elsewhere.example")
    found = {}
    async with running(authority.server(tmp_path)) as api:
        api.reply = answer(200, success([]))
        for name, tls in configs.items():
            server = Prometheus(api.url, 30, HttpConfig(tls_config=tls))
            found[name] = isinstance(await server.query("up", AT), Vector)
            await server.aclose()
    assert found == {"ca": True, "other": False, "system": False, "any": True, "name": False}


async def test_what_the_library_asks_obeys_the_settings_too(api: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    server = Prometheus(f"{api.url}/prefix/", 30, HttpConfig(Authorization(str(tmp_path / "token"))))
    assert isinstance(server, PrometheusConnect)
    api.reply = answer(200, {"status": "success", "data": ["api", "web"]}, Content_Type="application/json")
    assert await asyncio.to_thread(server.get_label_values, "job") == ["api", "web"]
    assert (api.last.path, api.last.headers["authorization"]) == ("/prefix/api/v1/label/job/values", "Bearer secret")
    api.reply = reset
    with pytest.raises(ConnectionError):
        await asyncio.to_thread(server.get_label_values, "job")
    await server.aclose()


def dated(ahead: float) -> Reply:
    """A good answer of a server whose clock is so many seconds ahead."""
    return answer(200, success([]), Date=format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True))


@pytest.mark.parametrize(("ahead", "least", "most"), [(4, 2, 4), (-4, -5, -2), (0, 0, 0)])
async def test_the_instant_is_by_the_servers_clock(api: ApiServer, ahead: float, least: float, most: float) -> None:
    server = Prometheus(api.url, 30)
    for _ in range(2):
        api.reply = dated(ahead)
        assert await server.query("up", AT) == Vector(())
    await server.aclose()
    asked = float(parse_qs(api.last.body.decode())["time"][0]) - AT.timestamp()
    assert least <= asked <= most


@pytest.mark.parametrize(("ahead", "way"), [(60, "s ahead of ours: let NTP"), (-60, "s behind ours: let NTP")])
async def test_a_clock_that_is_far_off_says_nothing_of_the_present(api: ApiServer, ahead: float, way: str) -> None:
    server = Prometheus(api.url, 30)
    api.reply = dated(ahead)
    found = await server.query("up", AT)
    api.reply = dated(0)
    assert await server.query("up", AT) == Vector(()), "set right meanwhile"
    await server.aclose()
    assert isinstance(found, Unknown)
    assert way in found.reason


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 01 Foo 2026 00:00:00 GMT"])
async def test_a_date_that_is_none_says_nothing(ask: Ask, date: str) -> None:
    assert await ask(answer(200, success([]), Date=date)) == Vector(())


@given(st.integers(100, 599), st.binary() | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["success", "vector", "NaN"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["status", "data", "result", "resultType"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_body_breaks_the_reader(status: int, body: bytes) -> None:
    assert isinstance(read_answer(status, body), Vector | Scalar | Unknown)
