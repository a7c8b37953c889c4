"""The real Kubernetes API behind `ports.Cluster`: plain JSON over HTTP, without the typed models of client libraries,
which cost thirty times the CPU and a hundred times the memory.
"""

from __future__ import annotations

import functools
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Generic

import msgspec
from msgspec.structs import replace

from remediator.clients.answer import Answer, decode, error_of
from remediator.clients.discovery import Discovery
from remediator.clients.kubeconfig import load
from remediator.clients.request import PAGE, Request, log, page, read, review, watch, write
from remediator.clients.transport import Timeouts, Transport
from remediator.core.kinds import bare
from remediator.core.model import Change, Json, Ref, Resource
from remediator.ports import ClusterError, NotFound, OutcomeUnknown, T, Unavailable

WATCH_SECONDS = 40.0
"""How long a watch runs before the server ends it, give or take a tenth. Shortly before, it says by a bookmark how far
the watch has seen, so that this is how often a quiet cache is known to be current.
"""
WATCH_SHARE = 0.4
"""As much of the time that a cache is relied on may pass until a watch is renewed."""
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
        self._types = Discovery(self._ask)
        self._watch_seconds, self._watch_silence = watch_seconds, watch_silence

    async def get(self, ref: Ref) -> Json:
        """See `ports.Cluster.get`."""
        return await self._ask(read(await self._types.ref(ref)))

    async def list(self, resource: Resource, namespace: str = "", selector: str = "", fields: str = "") -> list[Json]:
        """See `ports.Cluster.list`. Each object says its `apiVersion` and `kind`, which the server leaves out."""
        for _ in range(_RESTARTS):
            found: list[Json] = []
            try:
                async for objects, _ in self.pages(resource, namespace, selector, fields=fields):
                    found += (
                        {"apiVersion": resource.api_version, "kind": bare(resource.kind)} | each for each in objects
                    )
                return found
            except NotFound as error:
                if not found or error.status != 410:
                    raise
        raise Unavailable(f"list {resource}: pages expired {_RESTARTS} times while being read", status=410)

    async def logs(self, pod: Ref, container: str, *, previous: bool = False, lines: int = 60) -> str:
        """See `ports.Cluster.logs`."""
        body = await self._transport.ask(log(pod, container, previous, lines))
        return body.decode("utf-8", "replace")

    async def write(self, change: Change) -> Json:
        """See `ports.Cluster.write`."""
        return await self._ask(write(await self._addressed(change), rehearsal=False))

    async def rehearse(self, change: Change) -> Json:
        """See `ports.Cluster.rehearse`."""
        return await self._ask(write(await self._addressed(change), rehearsal=True))

    async def pages(
        self, resource: Resource, namespace: str = "", selector: str = "", form: type[T] = dict, fields: str = ""
    ) -> AsyncGenerator[tuple[Sequence[T], str]]:
        """See `ports.Cluster.pages`; `fields` is a field selector."""
        decoder, token, resource = _decoder(form), "", await self._types.of(resource)
        while True:
            request = page(resource, namespace, selector, token, self._page_size, fields)
            body = await self._transport.ask(request)
            try:
                found = decoder.decode(body)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise Unavailable(f"{request.what}: the answer is not what the API server sends: {error}") from error
            yield found.items or (), found.metadata.resourceVersion
            token = found.metadata.token
            if not token:
                return

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        since: str = "",
        selector: str = "",
        form: type[T] = dict,
        name: str = "",
    ) -> AsyncGenerator[tuple[str, T]]:
        """See `ports.Cluster.watch`."""
        seconds = self._watch_seconds * random.uniform(0.9, 1.1)
        request = watch(await self._types.of(resource), namespace, since, selector, max(1, round(seconds)), name)
        async with aclosing(self._transport.lines(request, silence=seconds + self._watch_silence)) as lines:
            async for line in lines:
                yield _event(line, request, form)

    async def review(self, resource: Resource, spec: Json) -> Json:
        """Ask for a review (of a token, of what somebody may): its `status`."""
        found = await self._ask(review(resource, spec))
        return found.get("status") or {}

    async def served(self, resource: Resource) -> Resource:
        """A type as the API server serves it at present. Raises `NotFound` where it does not."""
        return await self._types.served(resource)

    async def version(self) -> str:
        """The API server's version, as `v1.37.2`: the cheapest question that shows that it answers."""
        found = await self._ask(Request("get /version", "GET", "/version"))
        return str(found.get("gitVersion", ""))

    async def close(self) -> None:
        """End all connections."""
        await self._transport.close()

    async def _addressed(self, change: Change) -> Change:
        """A change whose address is known. Where that cannot be asked for, nothing was sent."""
        ref = await self._types.ref(change.ref)
        return change if ref is change.ref else replace(change, ref=ref)

    async def _ask(self, request: Request) -> Json:
        body = await self._transport.ask(request)
        try:
            return decode(body)
        except ValueError as error:
            kind = OutcomeUnknown if request.writes else Unavailable
            raise kind(f"{request.what}: the answer is not what the API server sends: {error}") from error


class _ListMeta(msgspec.Struct):
    resourceVersion: str = ""  # noqa: N815  as the API names it
    token: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct, Generic[T]):
    """One page of a list; `items` is null where the server found none."""

    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[T] | None = None


class _Event(msgspec.Struct):
    """One event of a watch; its object stays as it was sent until it is known what it is."""

    type: str
    object: msgspec.Raw


_EVENT = msgspec.json.Decoder(_Event)


@functools.lru_cache(maxsize=256)
def _decoder(form: Any) -> Any:
    """What reads pages of objects of a form."""
    return msgspec.json.Decoder(_Page[form])


@functools.lru_cache(maxsize=256)
def _object_decoder(form: Any) -> Any:
    return msgspec.json.Decoder(form)


def connect(
    kubeconfig: str = "", context: str = "", timeouts: Timeouts | None = None, max_cache_age: float = 0.0
) -> KubernetesCluster:
    """The cluster that the settings name: see `kubeconfig.load` for where absent ones point. Nothing is read or sent
    before the first call; what is wrong with the credentials is then `Unavailable`. Watches are renewed so often that a
    cache fed by them need not become older than `max_cache_age` seconds, where that is given.
    """
    seconds = max_cache_age * WATCH_SHARE or WATCH_SECONDS
    return KubernetesCluster(Transport(load(kubeconfig, context), timeouts), seconds, min(WATCH_SILENCE, seconds / 2))


def _event(line: bytes, request: Request, form: type[T]) -> tuple[str, T]:
    """One line of a watch; an `ERROR` event raises the error it carries."""
    try:
        event = _EVENT.decode(line)
        if event.type == "ERROR":
            raise _told(decode(bytes(event.object)), request)
        return event.type, _object_decoder(form).decode(event.object)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unavailable(f"{request.what}: an event is not what the API server sends: {error}") from error


def _told(status: Json, request: Request) -> ClusterError:
    code = status.get("code")
    answer = Answer(code if isinstance(code, int) else 500, msgspec.json.encode(status))
    return error_of(answer, request)
