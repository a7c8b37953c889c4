"""The simulated cluster behind `ports.Cluster`: one account's requests, with authorisation, faults and audit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from remediator.core.model import Change, Json, PatchType, Precondition, Ref, Resource, Verb
from remediator.core.rights import missing_right
from remediator.ports import (
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)
from remediator.simulation import field_selectors, selectors
from remediator.simulation.audit import WRITES, Request
from remediator.simulation.container_logs import log_of
from remediator.simulation.eviction import evict
from remediator.simulation.faults import Fault, FaultKind
from remediator.simulation.identity_checks import check_address
from remediator.simulation.validation import qualified
from remediator.simulation.values import copied, labels_of

if TYPE_CHECKING:
    from remediator.simulation.world import World

T = TypeVar("T")
V = TypeVar("V")


class SimulatedCluster:
    """`ports.Cluster` for one account of a world. It answers copies; controllers act when the world moves on."""

    def __init__(self, world: World, account: str) -> None:
        self._world, self.account = world, account

    async def get(self, ref: Ref) -> Json:
        """See `ports.Cluster.get`."""
        request = Request(self.account, "get", ref.resource.kind, ref.namespace, ref.name)

        def read(behind: int) -> Json:
            if behind:
                world = self._world
                return world.server.get_at(ref, world.store.revision - behind)
            return self._world.server.get(ref)

        return copied(await self._read(request, read))

    async def list(self, resource: Resource, namespace: str = "", selector: str = "", fields: str = "") -> list[Json]:
        """See `ports.Cluster.list`."""
        return (await self._list(resource, namespace, selector, fields))[0]

    async def pages(
        self, resource: Resource, namespace: str = "", selector: str = "", form: type[V] = dict
    ) -> AsyncGenerator[tuple[Sequence[V], str]]:
        """See `ports.Cluster.pages`: all in one."""
        found, revision = await self._list(resource, namespace, selector)
        yield [msgspec.convert(each, form) for each in found], str(revision)

    async def _list(
        self, resource: Resource, namespace: str, selector: str, fields: str = ""
    ) -> tuple[list[Json], int]:
        request = Request(self.account, "list", resource.kind, namespace, "")

        def read(behind: int) -> tuple[list[Json], int]:
            world = self._world
            world.server.resource(resource.api_version, resource.kind)
            matches, stands = selectors.parsed(selector), field_selectors.parsed(fields, resource)
            revision = max(world.store.revision - behind, 1)
            found = world.store.rewound(resource.kind, namespace, revision)
            return [copied(obj) for obj in found if matches(labels_of(obj)) and stands(obj)], revision

        return await self._read(request, read)

    async def logs(self, pod: Ref, container: str, *, previous: bool = False, lines: int = 60) -> str:
        """See `ports.Cluster.logs`: what `World.logs` has for the container's image."""
        request = Request(self.account, "get", "Pod", pod.namespace, pod.name, part="log")
        text = await self._read(request, lambda _: log_of(self._world, pod, container, previous))
        return "".join(text.splitlines(keepends=True)[-lines:])

    async def write(self, change: Change) -> Json:
        """See `ports.Cluster.write`."""
        return await self._write(change, dry_run=False)

    async def rehearse(self, change: Change) -> Json:
        """See `ports.Cluster.rehearse`."""
        return await self._write(change, dry_run=True)

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        since: str = "",
        selector: str = "",
        form: type[V] = dict,
        name: str = "",
    ) -> AsyncGenerator[tuple[str, V]]:
        """See `ports.Cluster.watch`. Without `since`: first every object there is as ADDED."""
        request = Request(self.account, "watch", resource.kind, namespace, name)
        await self._read(request, lambda behind: None)
        stream = self._world.watches.stream(resource, namespace, since, selectors.parsed(selector))
        async for kind, obj in stream:
            if not name or kind == "BOOKMARK" or obj["metadata"]["name"] == name:
                yield kind, msgspec.convert(obj, form)

    async def _read(self, request: Request, read: Callable[[int], T]) -> T:
        fault = await self._meet_fault(request)
        if fault is not None and fault.kind in (FaultKind.LOST_ANSWER, FaultKind.LOST_REQUEST, FaultKind.LATE):
            raise Unavailable("the request timed out", reason="Timeout")
        behind = fault.revisions if fault is not None and fault.kind is FaultKind.STALE else 0
        return self._answer(request, lambda: read(behind))

    async def _write(self, change: Change, *, dry_run: bool) -> Json:
        ref = change.ref
        request = Request(
            self.account, change.verb.value, ref.resource.kind, ref.namespace, ref.name, dry_run, change.body
        )
        fault = await self._meet_fault(request)
        kind = fault.kind if fault is not None else None
        if kind is FaultKind.LATE and fault is not None:
            self._world.after(fault.seconds, lambda: self._late(request, change, dry_run))
        if kind in (FaultKind.LATE, FaultKind.LOST_REQUEST):
            raise OutcomeUnknown("no answer within the time-out; the write may or may not have happened")
        answer = self._answer(request, lambda: self._carry_out(change, dry_run=dry_run))
        if kind is FaultKind.LOST_ANSWER:
            raise OutcomeUnknown("the connection broke before the answer; the write may or may not have happened")
        return copied(answer)

    def _late(self, request: Request, change: Change, dry_run: bool) -> None:
        """A request that was given up arrives after all; nobody hears the answer."""
        try:
            self._answer(request, lambda: self._carry_out(change, dry_run=dry_run))
        except ClusterError:
            return

    async def _meet_fault(self, request: Request) -> Fault | None:
        """Raise what a fault raises before the server is reached; answer one that shows only afterwards."""
        fault = self._world.faults.take(request)
        if fault is None:
            return None
        if fault.kind is FaultKind.SLOW:
            await self._world.clock.sleep(fault.seconds)
        refusal = _refusal(fault)
        if isinstance(refusal, Unavailable) and refusal.status == 0:
            raise refusal
        if refusal is not None:
            self._world.audit.note(self._world.clock.now(), request, refusal.status)
            raise refusal
        return fault

    def _answer(self, request: Request, do: Callable[[], T]) -> T:
        """What the server answers, noted in the audit log with its code."""
        world = self._world
        try:
            self._authorise(request)
            answer = do()
        except ClusterError as error:
            world.audit.note(world.clock.now(), request, error.status)
            raise
        world.audit.note(world.clock.now(), request, 201 if request.verb in ("create", "evict") else 200)
        return answer

    def _authorise(self, request: Request) -> None:
        if self._world.authorise(request):
            return
        resource = self._world.store.resources[request.kind]
        verb, plural = request.verb, f"{resource.plural}/{request.part}" if request.part else resource.plural
        if verb == "evict":
            verb, plural = "create", "pods/eviction"
        group = resource.api_version.rpartition("/")[0]
        where = f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
        name = f' "{request.name}"' if request.name and request.verb != "create" else ""
        said = (
            f'{qualified(resource, plural=True)}{name} is forbidden: User "{request.account}" cannot {verb} '
            f'resource "{plural}" in API group "{group}" {where}'
        )
        message = f"the account lacks a right, {missing_right(said)} ({said})"
        raise Forbidden(message, status=403, reason="Forbidden")

    def _carry_out(self, change: Change, *, dry_run: bool) -> Json:
        server, ref = self._world.server, change.ref
        if change.verb is Verb.PATCH:
            body = with_precondition(change.body, change.patch_type, change.precondition)
            return server.patch(ref, body, change.patch_type, dry_run=dry_run)
        if isinstance(change.body, list):
            raise Invalid(f"the body of {change.verb} must be an object", status=400, reason="BadRequest")
        if change.verb is Verb.CREATE:
            check_address(ref.resource, ref.namespace, change.body)
            return server.create(change.body, dry_run=dry_run)
        options = change.body.get("deleteOptions") or change.body
        grace = options.get("gracePeriodSeconds")
        if change.verb is Verb.EVICT:
            return evict(server, ref, change.precondition, grace=grace, dry_run=dry_run)
        how = options.get("propagationPolicy", "Background")
        return server.delete(ref, change.precondition, grace=grace, propagation=how, dry_run=dry_run)


def with_precondition(body: Any, patch_type: PatchType, precondition: Precondition) -> Any:
    """The patch as it goes over the wire: uid and resourceVersion in `metadata`, or as `test`s of a JSON patch."""
    fields = {"uid": precondition.uid, "resourceVersion": precondition.resource_version}
    said = {name: value for name, value in fields.items() if value}
    if not said:
        return body
    if patch_type is PatchType.JSON:
        tests = [{"op": "test", "path": f"/metadata/{name}", "value": value} for name, value in said.items()]
        return tests + list(body)
    if not isinstance(body, dict):
        return body
    return {**body, "metadata": {**(body.get("metadata") or {}), **said}}


def _refusal(fault: Fault) -> ClusterError | None:
    """The error of a fault that keeps the request from being carried out."""
    if fault.kind is FaultKind.CONFLICT:
        message = "the object has been modified; please apply your changes to the latest version and try again"
        return Conflict(f"Operation cannot be fulfilled: {message}", status=409, reason="Conflict")
    if fault.kind is FaultKind.THROTTLED:
        return Throttled("the server has received too many requests", retry_after=fault.seconds)
    if fault.kind is FaultKind.ERROR:
        return Unavailable("an error on the server has prevented the request", status=500, reason="InternalError")
    if fault.kind is FaultKind.UNREACHABLE:
        return Unavailable("connection refused")
    return None


assert {verb.value for verb in Verb} - {Verb.CALL} == WRITES
