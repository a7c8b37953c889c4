"""Wait for what a real system does in its own time, and say what was seen where it does not come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from tests.lab.errors import LabError

T = TypeVar("T")

PATIENCE = 240.0
"""Seconds until what has to happen counts as not happening: many times what a machine takes that is busy or stands
still for a while. Nobody waits for them but a test that fails.
"""
_SHORTEST_PAUSE = 0.05
_SHOWN_CHARACTERS = 3000


def wait_for(
    look: Callable[[], T],
    until: Callable[[T], object],
    what: str,
    timeout: float = PATIENCE,
    pause: float = 0.4,
) -> T:
    """Call ``look()`` until ``until(seen)`` is true, and return what was seen.

    After ``timeout`` seconds a ``LabError`` tells ``what`` was waited for and what was seen last. Errors of
    ``look`` or ``until`` count as "not yet": an object that is not there, a status that is not filled, a server that
    does not answer. What takes long is looked at more rarely, after at most ``pause`` seconds.
    """
    began = time.monotonic()
    while True:
        last: object
        try:
            last = seen = look()
            if until(seen):
                return seen
        except (LabError, LookupError, TypeError, OSError, httpx.TransportError) as error:
            last = error
        waited = time.monotonic() - began
        if waited > timeout:
            raise LabError(f"waited {timeout:g} s in vain for {what}. Seen last: {_shown(last)}")
        time.sleep(min(max(_SHORTEST_PAUSE, waited / 20), pause))


def _shown(value: object) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    text = json.dumps(value, indent=1, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"
