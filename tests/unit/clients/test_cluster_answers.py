"""What the client makes of every answer, and of none: one row a fault, for a read and for a write."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest

from remediator.clients.credentials import Grant
from remediator.clients.kubernetes import KubernetesCluster
from remediator.clients.transport import Timeouts, Transport
from remediator.core.kinds import resource
from remediator.core.model import Change, PatchType, Precondition, Ref, Verb
from remediator.ports import (
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)

from .api_server import ApiServer, Reply, answer, cut_off, drip, hang, nonsense, reset, status
from .conftest import Fixed

WEB = Ref(resource("Deployment"), "shop", "web")
PLANNED = Precondition("uid-1", "42")
PATCH = Change(Verb.PATCH, WEB, {"metadata": {"annotations": {"a": "b"}}}, PLANNED)
JSON_PATCH = Change(Verb.PATCH, WEB, [{"op": "replace", "path": "/spec/replicas", "value": 2}], PLANNED, PatchType.JSON)
EVICTION = Change(Verb.EVICT, Ref(resource("Pod"), "shop", "web-1"), {}, PLANNED)
DELETE = Change(Verb.DELETE, WEB, {}, PLANNED)
GENERIC = "the server rejected our request due to an error in our request"


def invalid(field: str, message: str = "is invalid") -> Reply:
    return status(422, message, "Invalid", details={"causes": [{"reason": "FieldValueInvalid", "field": field}]})


@pytest.mark.parametrize(
    ("reply", "read", "write"),
    [
        (status(400, "bad"), Invalid, Invalid),
        (status(401, "Unauthorized"), Forbidden, Forbidden),
        (status(403, "forbidden: cannot patch"), Forbidden, Forbidden),
        (status(404, "not found"), NotFound, NotFound),
        (status(405, "not allowed"), Invalid, Invalid),
        (status(408, "too slow"), Unavailable, Unavailable),
        (status(409, "modified", "Conflict"), Conflict, Conflict),
        (status(410, "expired", "Gone"), NotFound, NotFound),
        (status(413, "too large"), Invalid, Invalid),
        (status(415, "media type"), Invalid, Invalid),
        (invalid("metadata.uid"), Conflict, Conflict),
        (status(422, 'metadata.uid: Invalid value: "x": field is immutable'), Conflict, Conflict),
        (invalid("spec.replicas"), Invalid, Invalid),
        (status(422, GENERIC, "Invalid"), Invalid, Invalid),
        (status(429, "too many"), Throttled, Throttled),
        (status(500, "webhook denied"), Unavailable, Unavailable),
        (status(500, "etcdserver: request timed out"), Unavailable, OutcomeUnknown),
        (answer(502, b"<html>bad gateway</html>"), Unavailable, OutcomeUnknown),
        (status(503, "starting"), Unavailable, Unavailable),
        (status(504, "Timeout"), Unavailable, OutcomeUnknown),
        (answer(302, b"", Location="http://elsewhere/"), Unavailable, Unavailable),
        (answer(200, b"<html>login</html>"), Unavailable, OutcomeUnknown),
        (answer(200, b"[1, 2]"), Unavailable, OutcomeUnknown),
        (answer(200, b"[" * 100_000), Unavailable, OutcomeUnknown),
        (answer(200, b'{"a": "\xff"}'), Unavailable, OutcomeUnknown),
        (answer(404, b"\xff\xfe"), NotFound, NotFound),
        (answer(409, [1, "no Status"]), Conflict, Conflict),
        (reset, Unavailable, OutcomeUnknown),
        (nonsense, Unavailable, OutcomeUnknown),
        (answer(200, {}, X_Long="x" * 100_000), Unavailable, OutcomeUnknown),
        (answer(200, b"no gzip", Content_Encoding="gzip"), Unavailable, OutcomeUnknown),
        (cut_off(200), Unavailable, OutcomeUnknown),
        (cut_off(409), Conflict, Conflict),
        (cut_off(503), Unavailable, Unavailable),
    ],
)
async def test_an_answer_is_the_error_of_the_port(
    cluster: KubernetesCluster, api: ApiServer, reply: Reply, read: type[Exception], write: type[Exception]
) -> None:
    await check(cluster, api, reply, read, write)


@pytest.mark.parametrize("reply", [hang, drip])
async def test_an_answer_that_does_not_come_in_time(hasty: KubernetesCluster, api: ApiServer, reply: Reply) -> None:
    await check(hasty, api, reply, Unavailable, OutcomeUnknown)


async def check(
    cluster: KubernetesCluster, api: ApiServer, reply: Reply, read: type[Exception], write: type[Exception]
) -> None:
    api.reply = reply
    with pytest.raises(ClusterError) as got:
        await cluster.get(WEB)
    assert type(got.value) is read
    for change in (PATCH, DELETE):
        before = len(api.seen)
        with pytest.raises(ClusterError) as got:
            await cluster.write(change)
        assert type(got.value) is write
        assert len(api.seen) == before + 1, "a write is sent once"


async def test_a_failed_test_of_a_json_patch_is_a_conflict(cluster: KubernetesCluster, api: ApiServer) -> None:
    """The API server says neither cause nor field of a JSON patch that does not apply."""
    api.reply = status(422, GENERIC, "Invalid", details={})
    with pytest.raises(Conflict):
        await cluster.write(JSON_PATCH)
    api.reply = invalid("spec.replicas", "must not be negative")
    with pytest.raises(Invalid):
        await cluster.write(JSON_PATCH)


async def test_nobody_there_is_unavailable_for_writes_too(cluster: KubernetesCluster) -> None:
    client = KubernetesCluster(Transport(Fixed(Grant("http://127.0.0.1:1")), Timeouts()))
    with pytest.raises(Unavailable, match="no connection"):
        await client.write(PATCH)
    await client.close()


async def test_who_has_just_come_back_is_not_believed_that_a_right_is_lacking(api: ApiServer) -> None:
    """An API server that starts refuses until it has read its roles; nothing was done, and it is asked again."""
    credentials, api.reply = Fixed(Grant("http://127.0.0.1:1")), status(403, "forbidden: cannot patch")
    for seconds, raised in ((60.0, Unavailable), (0.0, Forbidden)):
        client = KubernetesCluster(Transport(credentials, Timeouts(starting=seconds)))
        credentials.grants = [Grant("http://127.0.0.1:1")]
        with pytest.raises(Unavailable, match="no connection"):
            await client.get(WEB)
        credentials.grants = [Grant(api.url)]
        for ask in (client.get(WEB), client.write(PATCH)):
            with pytest.raises(raised, match="cannot patch"):
                await ask
        await client.close()


async def test_a_host_that_takes_no_connection_is_unavailable_as_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        client = KubernetesCluster(Transport(Fixed(Grant(url)), Timeouts(connect=0.2, request=5.0)))
        with pytest.raises(Unavailable, match="no connection"):
            await client.write(PATCH)
        await client.close()


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    client = KubernetesCluster(Transport(Fixed(Grant("http://no-such-host.invalid")), Timeouts()))
    with pytest.raises(Unavailable, match="no connection"):
        await client.write(PATCH)
    await client.close()


async def test_a_kept_connection_that_breaks_under_a_delete_is_not_tried_again(
    cluster: KubernetesCluster, api: ApiServer
) -> None:
    """Many clients repeat GET and DELETE on such a connection; a write is ours to repeat or not."""
    await cluster.get(WEB)
    api.reply = reset
    with pytest.raises(OutcomeUnknown):
        await cluster.write(DELETE)
    assert [seen.method for seen in api.seen] == ["GET", "DELETE"]


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({"Retry_After": "7"}, {}, 7.0),
        ({}, {"retryAfterSeconds": 10}, 10.0),
        ({}, {}, 1.0),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {}, 1.0),
        ({"Retry_After": "-5"}, {"retryAfterSeconds": -3}, 1.0),
        ({"Retry_After": "9" * 400}, {}, 3600.0),
        ({"Retry_After": "²"}, {}, 1.0),
    ],
)
async def test_throttled_says_how_long(
    cluster: KubernetesCluster, api: ApiServer, headers: dict[str, str], details: dict[str, Any], seconds: float
) -> None:
    api.reply = answer(429, {"message": "slow down", "details": details}, **headers)
    with pytest.raises(Throttled, match="slow down") as got:
        await cluster.write(PATCH)
    assert got.value.retry_after == seconds


async def test_the_servers_words_are_kept_with_what_was_asked(cluster: KubernetesCluster, api: ApiServer) -> None:
    api.reply = status(403, 'deployments.apps "web" is forbidden: cannot patch resource', "Forbidden")
    with pytest.raises(Forbidden) as got:
        await cluster.rehearse(PATCH)
    assert str(got.value) == (
        'patch Deployment/shop/web (dry run): deployments.apps "web" is forbidden: cannot patch resource'
    )
    assert (got.value.status, got.value.reason) == (403, "Forbidden")


async def test_a_missing_right_is_named_as_the_rule_that_grants_it(cluster: KubernetesCluster, api: ApiServer) -> None:
    said = (
        'deployments.apps "web" is forbidden: User "system:serviceaccount:ops:me" cannot patch resource "deployments" '
        'in API group "apps" in the namespace "shop"'
    )
    api.reply = status(403, said, "Forbidden")
    with pytest.raises(Forbidden) as got:
        await cluster.write(PATCH)
    rule = '- {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"], resourceNames: ["web"]}'
    where = "add to the rules of a Role in the namespace shop"
    assert str(got.value) == f"patch Deployment/shop/web: the account lacks a right, {where}: {rule} ({said})"


@pytest.mark.parametrize(("change", "error"), [(EVICTION, Throttled), (PATCH, Forbidden)])
async def test_an_eviction_out_of_a_namespace_on_its_way_out_is_asked_again(
    cluster: KubernetesCluster, api: ApiServer, change: Change, error: type[Exception]
) -> None:
    causes = [{"reason": "NamespaceTerminating", "message": "namespace shop is being terminated"}]
    body = {"message": 'pods "web-1" is forbidden: because it is being terminated', "details": {"causes": causes}}
    api.reply = answer(403, body)
    with pytest.raises(error, match="being terminated"):
        await cluster.write(change)


async def test_a_whole_page_of_html_does_not_end_in_the_journal(cluster: KubernetesCluster, api: ApiServer) -> None:
    api.reply = answer(502, b"<html>\n" + b"x" * 100_000)
    with pytest.raises(Unavailable) as got:
        await cluster.get(WEB)
    assert len(str(got.value)) < 1100
    assert "\n" not in str(got.value)


async def test_the_version_shows_that_it_answers(cluster: KubernetesCluster, api: ApiServer) -> None:
    api.reply = answer(200, {"gitVersion": "v1.37.2"})
    assert await cluster.version() == "v1.37.2"
