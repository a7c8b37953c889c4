"""Custom types as the API server serves them: the plural in their addresses, and whether they live in namespaces.

Asked for once a type, when a request first needs it; asked again where the API server did not know it, since its
definition may come later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from remediator.clients.request import Request
from remediator.core.kinds import bare
from remediator.core.model import Json, Ref, Resource
from remediator.ports import NotFound


class Discovery:
    """`ask` sends a request and gives the object that is answered; it raises any `ClusterError` of a read."""

    def __init__(self, ask: Callable[[Request], Awaitable[Json]]) -> None:
        self._ask = ask
        self._known: dict[Resource, Resource] = {}

    async def of(self, resource: Resource) -> Resource:
        """The type with its plural and scope. Raises `NotFound` where the API server has no such type."""
        if resource.plural:
            return resource
        if resource not in self._known:
            self._known[resource] = await self._found(resource)
        return self._known[resource]

    async def ref(self, ref: Ref) -> Ref:
        """The address of an object, of a type as `of` gives it."""
        return ref if ref.resource.plural else replace(ref, resource=await self.of(ref.resource))

    async def served(self, resource: Resource) -> Resource:
        """As `of`, of any type, and asked anew. Raises `NotFound` too where a known one is not served."""
        return await self._found(resource)

    async def _found(self, resource: Resource) -> Resource:
        path = f"/apis/{resource.api_version}" if "/" in resource.api_version else f"/api/{resource.api_version}"
        served = (await self._ask(Request(f"discover {resource.kind}", "GET", path))).get("resources") or ()
        for each in served:
            if each.get("kind") == bare(resource.kind) and "/" not in each.get("name", "/"):
                return replace(resource, plural=each["name"], namespaced=bool(each.get("namespaced")))
        raise NotFound(f"the API server has no {bare(resource.kind)} in {resource.api_version}", status=404)
