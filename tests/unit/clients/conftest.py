from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from remediator.clients.credentials import Grant
from remediator.clients.kubernetes import KubernetesCluster
from remediator.clients.transport import Timeouts, Transport

from .api_server import ApiServer, running


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests of clients run on the loop that the service has."""
    return {"uvloop": uvloop.new_event_loop}


class Fixed:
    """Credentials that hand out the given grants, the next one after each refusal."""

    def __init__(self, *grants: Grant) -> None:
        self.grants = list(grants)

    async def grant(self, refused: str = "") -> Grant:
        if refused and len(self.grants) > 1:
            self.grants.pop(0)
        return self.grants[0]


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with running() as server:
        yield server


@pytest.fixture
async def cluster(api: ApiServer) -> AsyncIterator[KubernetesCluster]:
    """A client without a token that waits as long as a busy machine may need."""
    client = KubernetesCluster(Transport(Fixed(Grant(api.url)), Timeouts(connect=30, request=60)))
    yield client
    await client.close()


@pytest.fixture
async def hasty(api: ApiServer) -> AsyncIterator[KubernetesCluster]:
    """A client that soon gives up on servers that never answer."""
    transport = Transport(Fixed(Grant(api.url)), Timeouts(connect=30, request=0.3))
    client = KubernetesCluster(transport, watch_seconds=0.2, watch_silence=0.1)
    yield client
    await client.close()
