"""A server that lists and watches as an API server does, over plain HTTP: pages, bookmarks, streamed lists; in JSON.

`python -m tests.bench.listing PORT PODS NODES`, until it is ended. Nothing in it ever changes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import uvloop
from aiohttp import web

from tests.bench.pods import Objects, nodes, pods

VERSION = "2000000"
"""The resourceVersion of the whole."""
AT_ONCE = 100
"""Objects written together."""
BOOKMARK = 60.0
"""Seconds between two bookmarks of one watch; one more comes right before its end."""
KINDS = {"pods": "Pod", "nodes": "Node"}


async def serve(port: int, objects: dict[str, Objects]) -> None:
    """Answer on loopback for ever."""

    async def collection(request: web.Request) -> web.StreamResponse:
        plural = request.match_info["plural"]
        if plural not in objects:
            return web.json_response({"kind": "Status", "code": 404, "message": f"no {plural}"}, status=404)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        if request.query.get("watch") in ("true", "1"):
            await _watch(request, answer, KINDS[plural], objects[plural])
        else:
            await _list(request, answer, KINDS[plural], objects[plural])
        await answer.write_eof()
        return answer

    async def version(request: web.Request) -> web.Response:
        return web.json_response({"major": "1", "minor": "37", "gitVersion": "v1.37.2"})

    application = web.Application()
    application.router.add_get("/version", version)
    application.router.add_get("/api/v1/{plural}", collection)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def _list(request: web.Request, answer: web.StreamResponse, kind: str, objects: Objects) -> None:
    """One page; all of it where no limit is given, or the version asked for is 0, as an API server's cache answers."""
    begin = int(request.query.get("continue") or 0)
    limit = int(request.query.get("limit") or 0) if request.query.get("resourceVersion") != "0" else 0
    end = min(begin + limit, objects.count) if limit else objects.count
    left = {"continue": str(end), "remainingItemCount": objects.count - end} if end < objects.count else {}
    head = {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {"resourceVersion": VERSION} | left}
    await answer.write(json.dumps(head)[:-1].encode() + b',"items":[')
    for place, some in _together(objects, begin, end):
        await answer.write((b"," if place > begin else b"") + b",".join(some))
    await answer.write(b"]}\n")


async def _watch(request: web.Request, answer: web.StreamResponse, kind: str, objects: Objects) -> None:
    """Nothing but bookmarks, after all objects where the list is to be streamed (KEP-3157)."""
    ends = time.monotonic() + float(request.query.get("timeoutSeconds", "300"))
    head = b'{"type":"ADDED","object":{"kind":"%b","apiVersion":"v1",' % kind.encode()
    if request.query.get("sendInitialEvents") == "true":
        for _, some in _together(objects, 0, objects.count):
            await answer.write(b"".join(head + each[1:] + b"}\n" for each in some))
        await answer.write(_bookmark(kind, {"k8s.io/initial-events-end": "true"}))
    while (left := ends - time.monotonic()) > 0:
        await asyncio.sleep(min(left, BOOKMARK))
        await answer.write(_bookmark(kind, {}))


def _bookmark(kind: str, annotations: dict[str, str]) -> bytes:
    meta = {"resourceVersion": VERSION, "creationTimestamp": None, "annotations": annotations}
    event = {"type": "BOOKMARK", "object": {"kind": kind, "apiVersion": "v1", "metadata": meta}}
    return json.dumps(event).encode() + b"\n"


def _together(objects: Objects, begin: int, end: int) -> Iterator[tuple[int, list[bytes]]]:
    for place in range(begin, end, AT_ONCE):
        yield place, [objects[number] for number in range(place, min(place + AT_ONCE, end))]


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), {"pods": pods(int(sys.argv[2])), "nodes": nodes(int(sys.argv[3]))}))
