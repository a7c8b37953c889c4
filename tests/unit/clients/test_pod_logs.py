"""Logs over HTTP: the end of one container's, as the kubelet is asked for it; what it refuses is said."""

from __future__ import annotations

import pytest

from remediator.core.kinds import KINDS
from remediator.core.model import Ref
from remediator.ports import Invalid, NotFound
from tests.unit.clients.api_server import ApiServer, answer, status

POD = Ref(KINDS["Pod"], "shop", "web-x")


async def test_the_last_lines_of_the_previous_instance_are_asked_for(api: ApiServer, cluster) -> None:
    api.reply = answer(200, "panic: ü\n".encode())
    assert await cluster.logs(POD, "app", previous=True, lines=20) == "panic: ü\n"
    assert api.last.path == "/api/v1/namespaces/shop/pods/web-x/log"
    assert api.last.query == {"container": "app", "previous": "true", "tailLines": "20", "limitBytes": "65536"}
    api.reply = answer(200, b"\xff\xfe")
    assert await cluster.logs(POD, "app", lines=20) == "\ufffd\ufffd", "what is no text is still shown"
    assert "previous" not in api.last.query


async def test_a_container_without_an_instance_is_a_refusal(api: ApiServer, cluster) -> None:
    api.reply = status(400, 'previous terminated container "app" in pod "web-x" not found', "BadRequest")
    with pytest.raises(Invalid, match="previous terminated container"):
        await cluster.logs(POD, "app", previous=True)


async def test_a_pod_that_is_gone_is_not_found(api: ApiServer, cluster) -> None:
    api.reply = status(404, 'pods "web-x" not found', "NotFound")
    with pytest.raises(NotFound):
        await cluster.logs(POD, "app")
