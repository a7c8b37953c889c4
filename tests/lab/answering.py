"""Asking a server whether it is there."""

from __future__ import annotations

import httpx


def get_ok(url: str) -> bool:
    """Whether a GET is answered with 2xx; a server that does not answer is no error here."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
