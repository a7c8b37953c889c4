"""A change or a read as the HTTP request that the Kubernetes API expects. Pure; the transport sends it.

Preconditions travel inside the request: in `metadata` of a merge or strategic patch, as `test` operations in
front of a JSON patch, in the options of a delete or eviction.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from remediator.core.fields import MANAGER
from remediator.core.model import Change, Json, PatchType, Precondition, Ref, Resource, Value, Verb
from remediator.ports import Invalid, NotFound

FIELD_MANAGER = MANAGER
PAGE = 500
"""Objects in one page of a list: 4 MB of pods, decoded without holding up the event loop for long."""


LOG_BYTES = 64 * 1024
"""Of a log; kubelets count them from the first of the wanted lines on."""


class Request(Value, frozen=True):
    """One HTTP request. `what` names it for people; `writes` where it may change something in the cluster."""

    what: str
    method: str
    path: str
    query: dict[str, str] = {}
    content_type: str = ""
    body: bytes = b""
    writes: bool = False


def read(ref: Ref) -> Request:
    """Get one object."""
    return Request(f"get {ref}", "GET", _object(ref))


def log(pod: Ref, container: str, previous: bool, lines: int) -> Request:
    """The last lines of a container's log, at most `LOG_BYTES`."""
    query = {"container": container, "tailLines": str(lines), "limitBytes": str(LOG_BYTES)}
    query |= {"previous": "true"} if previous else {}
    return Request(f"log of {pod}", "GET", f"{_object(pod)}/log", query)


def page(resource: Resource, namespace: str, selector: str, token: str, size: int = PAGE, fields: str = "") -> Request:
    """List one page; `token` is where the page before ended, empty for the first."""
    query = {"limit": str(size), "labelSelector": selector, "fieldSelector": fields, "continue": token}
    return Request(_about("list", resource, namespace), "GET", _collection(resource, namespace), _said(query))


def watch(resource: Resource, namespace: str, since: str, selector: str, seconds: int, name: str = "") -> Request:
    """Follow a type, or one object of it, from a resourceVersion on, for so many seconds."""
    query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
    fields = f"metadata.name={name}" if name else ""  # as RBAC wants it, where the right is to that name alone
    query |= _said({"resourceVersion": since, "labelSelector": selector, "fieldSelector": fields})
    return Request(_about("watch", resource, namespace), "GET", _collection(resource, namespace), query)


def review(resource: Resource, spec: Json) -> Request:
    """Ask for a review: an object that is answered, not kept."""
    body = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
    path = _collection(resource, "")
    return Request(_about("create", resource, ""), "POST", path, {}, "application/json", msgspec.json.encode(body))


def write(change: Change, *, rehearsal: bool) -> Request:
    """A change as it is carried out, or rehearsed with `dryRun=All`."""
    query = {"dryRun": "All"} if rehearsal else {}
    return _WRITES[change.verb](change, query)


def _patch(change: Change, query: dict[str, str]) -> Request:
    body = _guarded_patch(change)
    query = query | {"fieldManager": FIELD_MANAGER}
    return _writing(change, "PATCH", _object(change.ref), query, change.patch_type.value, body)


def _create(change: Change, query: dict[str, str]) -> Request:
    path = _collection(change.ref.resource, change.ref.namespace)
    query = query | {"fieldManager": FIELD_MANAGER}
    return _writing(change, "POST", path, query, "application/json", change.body)


def _delete(change: Change, query: dict[str, str]) -> Request:
    body = {"apiVersion": "v1", "kind": "DeleteOptions"} | _delete_options(change, query)
    return _writing(change, "DELETE", _object(change.ref), query, "application/json", body)


def _evict(change: Change, query: dict[str, str]) -> Request:
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": _marks(change) | {"name": change.ref.name, "namespace": change.ref.namespace},
        "deleteOptions": _delete_options(change, query),
    }
    return _writing(change, "POST", f"{_object(change.ref)}/eviction", query, "application/json", body)


_WRITES = {Verb.PATCH: _patch, Verb.CREATE: _create, Verb.DELETE: _delete, Verb.EVICT: _evict}


def _writing(change: Change, method: str, path: str, query: dict[str, str], content_type: str, body: Any) -> Request:
    what = f"{change.verb} {change.ref}" + (" (dry run)" if "dryRun" in query else "")
    return Request(what, method, path, query, content_type, msgspec.json.encode(body), writes=True)


def _guarded_patch(change: Change) -> Json | list[Json]:
    if change.patch_type is PatchType.JSON:
        tests = [
            {"op": "test", "path": f"/metadata/{field}", "value": value}
            for field, value in _demands(change.precondition).items()
        ]
        return [*tests, *_operations(change.body)]
    body = _fields(change.body)
    return body | {"metadata": _fields(body.get("metadata", {})) | _demands(change.precondition)}


def _marks(change: Change) -> Json:
    """What an eviction bears itself, since its pod cannot: the id of the intent, for whoever reads the audit log."""
    return _fields(change.body).get("metadata", {})


def _delete_options(change: Change, query: dict[str, str]) -> Json:
    """The options of a delete or eviction: the change's body, or its `deleteOptions`.

    A body makes the API server ignore `dryRun` in the query of a delete, so that a rehearsal must say it here too.
    """
    body = _fields(change.body)
    options = dict(body.get("deleteOptions", body))
    if demands := _demands(change.precondition):
        options["preconditions"] = demands
    return options | ({"dryRun": ["All"]} if "dryRun" in query else {})


def _demands(precondition: Precondition) -> dict[str, str]:
    return _said({"uid": precondition.uid, "resourceVersion": precondition.resource_version})


def _fields(body: Json | list[Json]) -> Json:
    if not isinstance(body, dict):
        raise Invalid("the body of this change must be an object, not a list", status=400, reason="BadRequest")
    return body


def _operations(body: Json | list[Json]) -> list[Json]:
    if not isinstance(body, list):
        raise Invalid("the body of a JSON patch must be a list, not an object", status=400, reason="BadRequest")
    return body


def _collection(resource: Resource, namespace: str) -> str:
    group = "/api/" if "/" not in resource.api_version else "/apis/"
    scope = f"/namespaces/{_segment(namespace)}" if namespace and resource.namespaced else ""
    return f"{group}{resource.api_version}{scope}/{resource.plural}"


def _object(ref: Ref) -> str:
    if ref.resource.namespaced and not ref.namespace:
        raise NotFound(f"{ref} has no namespace, and a {ref.resource.kind} lives in one", status=404)
    return f"{_collection(ref.resource, ref.namespace)}/{_segment(ref.name)}"


_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9._~-]+")
"""As all names are that Kubernetes gives (RFC 3986, section 2.3)."""


def _segment(name: str) -> str:
    """One segment of the path. Names come from alert labels too: what is no name must not become another address."""
    if name in ("", ".", "..") or "/" in name or "%" in name:
        raise NotFound(f"no object can have the name {name[:100]!r}", status=404)
    return name if _NEEDS_NO_QUOTES.fullmatch(name) else quote(name, safe="")


def _about(verb: str, resource: Resource, namespace: str) -> str:
    return f"{verb} {resource.plural}" + (f" in {namespace}" if namespace else "")


def _said(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
