"""A small synchronous Kubernetes client for tests: JSON in, JSON out, nothing hidden, nothing retried."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.lab.errors import ApiError
from tests.lab.resources import path_of, resource
from tests.lab.waiting import PATIENCE, wait_for

Json = dict[str, Any]
"""A JSON object: a Kubernetes object, a list of them, or a patch."""

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Api:
    """The API server at ``url`` as the owner of ``token`` sees it.

    Kinds are named by plural or kind (``deployments``, ``Deployment``). Every method raises ``ApiError``
    for an answer that is no 2xx.
    """

    def __init__(self, url: str, ca_file: Path, token: str, user_agent: str = "lab-tests") -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url,
            verify=ssl.create_default_context(cafile=str(ca_file)),
            headers={"Authorization": f"Bearer {token}", "User-Agent": user_agent},
            timeout=60,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, str | int] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """One request with a JSON body; the decoded answer, ``{}`` where it is empty or no JSON object."""
        headers = {"Content-Type": content_type} if body is not None else {}
        answer = self._http.request(method, path, json=body, params=dict(params or {}), headers=headers)
        if not answer.is_success:
            raise _error(answer, f"{method} {path}")
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.json() if is_json and answer.content else {}

    def get(self, kind: str, name: str, namespace: str = "", subresource: str = "") -> Json:
        """One object."""
        return self.request("GET", path_of(kind, name, namespace, subresource))

    def exists(self, kind: str, name: str, namespace: str = "") -> bool:
        """Whether there is such an object."""
        try:
            self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def list(self, kind: str, namespace: str = "", labels: str = "", fields: str = "") -> list[Json]:
        """All objects of a kind, in one namespace or in all; ``labels`` and ``fields`` are selectors."""
        return self.collection(kind, namespace, labels, fields)["items"]

    def collection(self, kind: str, namespace: str = "", labels: str = "", fields: str = "") -> Json:
        """The same as the API server has it: the ``items``, and in ``metadata`` as of which version they are."""
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        params = {key: value for key, value in selectors.items() if value}
        return self.request("GET", path_of(kind, "", namespace), params=params)

    def watch(self, kind: str, version: str) -> Iterator[Json]:
        """What happens to objects of a kind after a version of their collection: events with ``type`` and ``object``.

        Ends when the API server ends it, and raises a transport error where the connection breaks.
        """
        params, timeout = {"watch": "true", "resourceVersion": version}, httpx.Timeout(120, read=None)
        with self._http.stream("GET", path_of(kind), params=params, timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                raise _error(answer, f"watch {kind}")
            yield from map(json.loads, answer.iter_lines())

    def create(self, manifest: Mapping[str, Any], namespace: str = "", dry_run: bool = False) -> Json:
        """Create an object from its manifest; ``namespace`` where the manifest names none."""
        namespace = manifest.get("metadata", {}).get("namespace", namespace)
        path = path_of(manifest["kind"], "", namespace)
        return self.request("POST", path, dict(manifest), params=_dry_run(dry_run))

    def create_all(self, manifests: Iterable[Mapping[str, Any] | None], namespace: str = "") -> list[Json]:
        """Create objects in order, as ``yaml.safe_load_all`` gives them (empty documents left out)."""
        return [self.create(manifest, namespace) for manifest in manifests if manifest]

    def patch(
        self,
        kind: str,
        name: str,
        body: Any,
        namespace: str = "",
        subresource: str = "",
        how: str = "merge",
        dry_run: bool = False,
    ) -> Json:
        """Patch an object; ``how`` is a key of ``PATCH_TYPES``."""
        params = _dry_run(dry_run)
        if how == "apply":
            params |= {"fieldManager": "lab-tests", "force": "true"}
        path = path_of(kind, name, namespace, subresource)
        return self.request("PATCH", path, body, params, PATCH_TYPES[how])

    def replace(self, manifest: Mapping[str, Any]) -> Json:
        """Replace an object by its manifest (PUT)."""
        meta = manifest["metadata"]
        path = path_of(manifest["kind"], meta["name"], meta.get("namespace", ""))
        return self.request("PUT", path, dict(manifest))

    def delete(self, kind: str, name: str, namespace: str = "", options: Json | None = None) -> Json:
        """Delete an object; ``options`` is a ``DeleteOptions`` body."""
        return self.request("DELETE", path_of(kind, name, namespace), options)

    def evict(self, pod: str, namespace: str, options: Json | None = None, dry_run: bool = False) -> Json:
        """Ask for the eviction of a pod, which a PodDisruptionBudget may refuse with 429."""
        body: Json = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        }
        if options or dry_run:
            body["deleteOptions"] = dict(options or {}) | ({"dryRun": ["All"]} if dry_run else {})
        return self.request("POST", path_of("pods", pod, namespace, "eviction"), body)

    def wait_for(
        self,
        kind: str,
        name: str,
        namespace: str,
        until: Callable[[Json], object],
        timeout: float = PATIENCE,
    ) -> Json:
        """Read an object until ``until(object)``, and return it; the ``LabError`` says what was seen last."""
        what = f"{resource(kind).kind} {namespace}/{name}"
        return wait_for(lambda: self.get(kind, name, namespace), until, what, timeout)


def _dry_run(wanted: bool) -> dict[str, str | int]:
    return {"dryRun": "All"} if wanted else {}


def _error(answer: httpx.Response, request: str) -> ApiError:
    try:
        status = answer.json()
    except ValueError:
        status = {}
    if not isinstance(status, dict):
        status = {}
    message = status.get("message") or answer.text[:500]
    return ApiError(answer.status_code, status.get("reason") or answer.reason_phrase, message, request)
