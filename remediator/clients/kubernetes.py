"""The real Kubernetes API behind `ports.Cluster`: plain JSON over HTTP, without the typed models of client libraries,
which cost thirty times the CPU and a hundred times the memory.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from remediator.clients.answer import Answer, decode, error_of
from remediator.clients.kubeconfig import load
from remediator.clients.request import PAGE, Request, page, read, watch, write
from remediator.clients.transport import Timeouts, Transport
from remediator.core.model import Change, Json, Ref, Resource
from remediator.ports import ClusterError, NotFound, OutcomeUnknown, Unavailable

WATCH_SECONDS = 120.0
"""How long a watch runs before the server ends it, give or take a tenth."""
WATCH_SILENCE = 10.0
"""Seconds beyond that without a byte after which a watch counts as hung: a cache must learn that it is blind."""
_RESTARTS = 3
"""How often a list begins anew when its continue token has expired (410)."""


class KubernetesCluster:
    """A `ports.Cluster` over an API server. Every call is one request (a list one a page), with no retry but for
    expired credentials.
    """

    def __init__(
        self,
        transport: Transport,
        watch_seconds: float = WATCH_SECONDS,
        watch_silence: float = WATCH_SILENCE,
        page_size: int = PAGE,
    ) -> None:
        self._transport, self._page_size = transport, page_size
        self._watch_seconds, self._watch_silence = watch_seconds, watch_silence

    async def get(self, ref: Ref) -> Json:
        """See `ports.Cluster.get`."""
        return await self._ask(read(ref))

    async def list(self, resource: Resource, namespace: str = "", selector: str = "") -> list[Json]:
        """See `ports.Cluster.list`. Each object says its `apiVersion` and `kind`, which the server leaves out."""
        for _ in range(_RESTARTS):
            try:
                return await self._pages(resource, namespace, selector)
            except _PagesExpiredError:
                continue
        raise Unavailable(f"list {resource.plural}: pages expired {_RESTARTS} times while being read", status=410)

    async def write(self, change: Change) -> Json:
        """See `ports.Cluster.write`."""
        return await self._ask(write(change, rehearsal=False))

    async def rehearse(self, change: Change) -> Json:
        """See `ports.Cluster.rehearse`."""
        return await self._ask(write(change, rehearsal=True))

    async def watch(self, resource: Resource, namespace: str = "", since: str = "") -> AsyncGenerator[tuple[str, Json]]:
        """See `ports.Cluster.watch`. Raises `Unavailable` where the connection breaks or falls silent."""
        seconds = self._watch_seconds * random.uniform(0.9, 1.1)
        request = watch(resource, namespace, since, max(1, round(seconds)))
        async with aclosing(self._transport.lines(request, silence=seconds + self._watch_silence)) as lines:
            async for line in lines:
                yield _event(line, request)

    async def version(self) -> str:
        """The API server's version, as `v1.37.2`: the cheapest question that shows that it answers."""
        found = await self._ask(Request("get /version", "GET", "/version"))
        return str(found.get("gitVersion", ""))

    async def close(self) -> None:
        """End all connections."""
        await self._transport.close()

    async def _pages(self, resource: Resource, namespace: str, selector: str) -> list[Json]:
        found: list[Json] = []
        token = ""
        while True:
            try:
                body = await self._ask(page(resource, namespace, selector, token, self._page_size))
            except NotFound as error:
                if token and error.status == 410:
                    raise _PagesExpiredError from error
                raise
            found += [
                {"apiVersion": resource.api_version, "kind": resource.kind} | item for item in body.get("items") or ()
            ]
            token = (body.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

    async def _ask(self, request: Request) -> Json:
        body = await self._transport.ask(request)
        try:
            return decode(body)
        except ValueError as error:
            kind = OutcomeUnknown if request.writes else Unavailable
            raise kind(f"{request.what}: the answer is not what the API server sends: {error}") from error


class _PagesExpiredError(Exception):
    """A continue token is too old; the list begins anew."""


def connect(kubeconfig: str = "", context: str = "", timeouts: Timeouts | None = None) -> KubernetesCluster:
    """The cluster that the settings name: see `kubeconfig.load` for where absent ones point. Nothing is read or sent
    before the first call; what is wrong with the credentials is then `Unavailable`.
    """
    return KubernetesCluster(Transport(load(kubeconfig, context), timeouts))


def _event(line: bytes, request: Request) -> tuple[str, Json]:
    """One line of a watch; an `ERROR` event raises the error it carries."""
    try:
        event = decode(line)
        kind, about = str(event["type"]), dict(event["object"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"{request.what}: an event is not what the API server sends: {error}") from error
    if kind == "ERROR":
        raise _told(about, request)
    return kind, about


def _told(status: Json, request: Request) -> ClusterError:
    code = status.get("code")
    answer = Answer(code if isinstance(code, int) else 500, msgspec.json.encode(status))
    return error_of(answer, request)
