"""One POST to the webhook: the product's own ASGI application, without a socket."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette

HOST = "127.0.0.1"


async def post(app: Starlette, path: str, body: bytes) -> int:
    """Hand in a body from this machine; answers the HTTP status."""
    status: list[int] = []
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    await app(_scope(path, len(body)), receive, send)
    return status[0]


def _scope(path: str, length: int) -> dict[str, Any]:
    headers = {"host": f"{HOST}:8080", "content-type": "application/json", "content-length": str(length)}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": (HOST, 40000),
        "server": (HOST, 8080),
    }
