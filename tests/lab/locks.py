"""One at a time, over all processes of this user on this machine."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from tests.lab.progress import Say


@contextlib.contextmanager
def only_one(lock: Path, what: str, say: Say) -> Iterator[None]:
    """Hold a lock file for the length of a ``with`` block; where another process holds it, say so and wait."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{what} by another process (it holds {lock}): waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
