"""Asking servers on loopback over HTTP, and whether they are there.

One client for all: each of its own would read the machine's certificates first, which takes longer than most answers.
"""

from __future__ import annotations

import httpx

HTTP = httpx.Client(verify=False, trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
"""For servers without TLS. It keeps no connection: the server that is killed and started again is another one."""


def get_ok(url: str) -> bool:
    """Whether a GET is answered with 2xx; a server that does not answer is no error here."""
    try:
        return HTTP.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
