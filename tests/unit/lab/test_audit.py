"""Reading the audit log: which request counts as what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.audit import AuditLog, Request, is_dry_run, parse_event

DELETE_OPTIONS = {"kind": "DeleteOptions", "apiVersion": "v1"}
EVICTION = {"kind": "Eviction", "apiVersion": "policy/v1"}


def event(**changes: Any) -> dict[str, Any]:
    """A patch of a Deployment by a service account, answered with 200."""
    return {
        "stage": "ResponseComplete",
        "auditID": "1",
        "verb": "patch",
        "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web",
        "user": {"username": "system:serviceaccount:shop:remediator"},
        "userAgent": "remediator/0.1",
        "objectRef": {"apiGroup": "apps", "resource": "deployments", "namespace": "shop", "name": "web"},
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-11-23T12:00:00.123456Z",
        **changes,
    }


@pytest.mark.parametrize(
    ("uri", "body", "expected"),
    [
        ("/x?dryRun=All", None, True),
        ("/x?fieldManager=a&dryRun=All", {}, True),
        ("/x", None, False),
        ("/x?dryRun=", None, False),
        ("/x", {"dryRun": ["All"]}, False),
        ("/x", [{"op": "add"}], False),
        ("/x", DELETE_OPTIONS, False),
        ("/x", {**DELETE_OPTIONS, "dryRun": ["All"]}, True),
        ("/x", EVICTION, False),
        ("/x", {**EVICTION, "deleteOptions": {"dryRun": ["All"]}}, True),
        ("/x", {**EVICTION, "deleteOptions": {"preconditions": {}}}, False),
    ],
)
def test_dry_run_is_asked_for_in_the_query_or_in_delete_options(uri: str, body: Any, expected: bool) -> None:
    assert is_dry_run(uri, body) is expected


@pytest.mark.parametrize(
    ("changes", "persisted"),
    [
        ({}, True),
        ({"verb": "get"}, False),
        ({"responseStatus": {"code": 409}}, False),
        ({"responseStatus": {"code": 500}}, False),
        ({"requestURI": "/x?dryRun=All"}, False),
        ({"verb": "create", "objectRef": {"apiGroup": "authorization.k8s.io", "resource": "r"}}, False),
        ({"verb": "create", "objectRef": {"resource": "serviceaccounts", "subresource": "token"}}, False),
        ({"verb": "create", "objectRef": {"resource": "pods", "subresource": "eviction"}}, True),
        ({"verb": "delete", "objectRef": {"resource": "serviceaccounts"}}, True),
    ],
)
def test_only_writes_that_the_cluster_kept_are_persisted(changes: dict[str, Any], persisted: bool) -> None:
    assert parse_event(event(**changes)).persisted is persisted


def test_created_object_is_named_by_the_answer() -> None:
    created = event(
        verb="create",
        objectRef={"resource": "pods", "namespace": "shop"},
        responseObject={"kind": "Pod", "metadata": {"name": "web-x7k2p"}},
    )
    assert parse_event(created).name == "web-x7k2p"


def test_log_is_read_on_from_where_it_ended_and_half_a_line_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(path)
    assert log.requests() == ()
    lines = [json.dumps(event(auditID=str(number))) + "\n" for number in range(3)]
    path.write_text(lines[0] + lines[1][:40])
    assert _ids(log.requests()) == ["0"]
    with path.open("a") as more:
        more.write(lines[1][40:] + lines[2])
    assert _ids(log.requests()) == ["0", "1", "2"]
    assert _ids(log.requests()) == ["0", "1", "2"]


def test_requests_are_asked_for_by_user_and_namespace(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    other = event(user={"username": "admin"})
    path.write_text(f"{json.dumps(event())}\n{json.dumps(other)}\n")
    log = AuditLog(path)
    assert [one.user for one in log.of("admin")] == ["admin"]
    assert [one.user for one in log.of("admin", "shop")] == ["admin"]
    assert log.of("admin", "elsewhere") == ()


def test_unfinished_stages_are_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text(json.dumps(event(stage="ResponseStarted")) + "\n")
    assert AuditLog(path).requests() == ()


def _ids(requests: tuple[Request, ...]) -> list[str]:
    return [request.audit_id for request in requests]
