"""An API server that costs next to nothing: any Deployment is there, restarted by what is patched, and ready at once.

`python -m tests.bench.answering PORT`, until it is ended. Plain HTTP, one process, nothing is checked.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, cast

import uvloop

from tests.lab.workloads import deployment

Json = dict[str, Any]


class Deployments:
    """Deployments by name, made when they are first asked for."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Json] = {}
        self._version = 1000

    def get(self, namespace: str, name: str) -> Json:
        """One Deployment, rolled out."""
        if (namespace, name) not in self._kept:
            made = deployment(name, replicas=0)
            made["metadata"] |= {
                "namespace": namespace,
                "uid": f"uid-of-{name}",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            }
            self._kept[namespace, name] = self._next(made, 1)
        return self._kept[namespace, name]

    def patched(self, namespace: str, name: str, patch: Json, *, rehearsal: bool) -> Json:
        """As it is after a merge of annotations, in the object and in the pod template."""
        live = self.get(namespace, name)
        after = self._next(_merged(live, patch), live["metadata"]["generation"] + 1)
        if not rehearsal:
            self._kept[namespace, name] = after
        return after

    def _next(self, made: Json, generation: int) -> Json:
        self._version += 1
        meta = made["metadata"] | {"generation": generation, "resourceVersion": str(self._version)}
        return made | {"metadata": meta, "status": {"observedGeneration": generation}}


def _merged(one: Json, other: Json) -> Json:
    return one | {k: _merged(one.get(k) or {}, v) if isinstance(v, dict) else v for k, v in other.items()}


class Answering(asyncio.Protocol):
    """One connection; requests come whole or in pieces, one after the other."""

    def __init__(self, deployments: Deployments) -> None:
        self._deployments, self._read = deployments, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Part of asyncio's protocol."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < (length := _length(head)):
            return
        self._read = body[length:]
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        answer = json.dumps(self._answer(method, target, body[:length])).encode()
        headers = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
        self._transport.write(headers + answer)

    def _answer(self, method: str, target: str, body: bytes) -> Json:
        path, _, query = target.partition("?")
        parts = path.strip("/").split("/")
        if "deployments" not in parts:
            name = parts[-1]
            return {"kind": "Namespace", "metadata": {"name": name, "uid": name}, "gitVersion": "v1.37.2"}
        namespace, name = parts[4], parts[6]
        if method == "PATCH":
            return self._deployments.patched(namespace, name, json.loads(body), rehearsal="dryRun=All" in query)
        return self._deployments.get(namespace, name)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def serve(port: int) -> None:
    """Answer on loopback for ever."""
    deployments = Deployments()
    await asyncio.get_running_loop().create_server(lambda: Answering(deployments), "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
