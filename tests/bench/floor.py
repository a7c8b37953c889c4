"""The floor of `latency`: a bare program that takes the same webhook and PATCHes at once, with no thought and no trace.

`python -m tests.bench.floor PORT KUBECONFIG`, until it is ended.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvloop
import yaml
from aiohttp import ClientSession, TCPConnector, web

from tests.bench.posts import PATH


async def serve(port: int, config: dict[str, Any]) -> None:
    """Take webhooks on loopback, for the cluster of a kubeconfig of the lab's."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
    session = ClientSession(
        cluster["server"],
        connector=TCPConnector(ssl=trusted),
        headers={
            "Authorization": f"Bearer {user['token']}",
            "Content-Type": "application/strategic-merge-patch+json",
            "User-Agent": "bench-floor",
        },
    )
    patching: set[asyncio.Task[None]] = set()

    async def take(request: web.Request) -> web.Response:
        for alert in msgspec.json.decode(await request.read())["alerts"]:
            task = asyncio.create_task(restart(session, alert["labels"]))
            patching.add(task)
            task.add_done_callback(patching.discard)
        return web.Response()

    application = web.Application()
    application.router.add_post(PATH, take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def restart(session: ClientSession, labels: dict[str, str]) -> None:
    """What `kubectl rollout restart` sends."""
    path = f"/apis/apps/v1/namespaces/{labels['namespace']}/deployments/{labels['deployment']}"
    now = datetime.now(UTC).isoformat()
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}
    patch = {"metadata": {"annotations": {"remediator.io/remediation": now}}, "spec": {"template": template}}
    async with session.patch(path, data=msgspec.json.encode(patch)) as answer:
        await answer.read()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), yaml.safe_load(Path(sys.argv[2]).read_text())))
