"""Wait for what a real system does in its own time, and say what was seen where it does not come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TypeVar

from tests.lab.errors import LabError

T = TypeVar("T")

_PAUSE_SECONDS = 0.1
_SHOWN_CHARACTERS = 3000


def wait_for(
    look: Callable[[], T],
    until: Callable[[T], object],
    what: str,
    timeout: float = 60,
    pause: float = _PAUSE_SECONDS,
) -> T:
    """Call ``look()`` until ``until(seen)`` is true, and return what was seen.

    After ``timeout`` seconds a ``LabError`` tells ``what`` was waited for and what was seen last. Errors of
    ``look`` or ``until`` count as "not yet": an object that is not there, a status that is not filled.
    """
    deadline = time.monotonic() + timeout
    while True:
        last: object
        try:
            last = seen = look()
            if until(seen):
                return seen
        except (LabError, LookupError, TypeError, OSError) as error:
            last = error
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout:g} s in vain for {what}. Seen last: {_shown(last)}")
        time.sleep(pause)


def _shown(value: object) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    text = json.dumps(value, indent=1, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"
