"""Free ports on loopback, each for the process that asked alone, from then until its end."""

from __future__ import annotations

import random
import socket

from tests.lab.errors import LabError

# Below the range from which Linux takes ports for outgoing connections, so that none of those is in the way
# between the choice of a port and the server's start, nor while the server is away to be started again.
_FIRST, _LAST = 20000, 32000
_ATTEMPTS = 200


def free_ports(count: int) -> list[int]:
    """``count`` different TCP ports of 127.0.0.1 on which nothing listens now, and which nobody else is given here."""
    found: list[int] = []
    for _ in range(_ATTEMPTS):
        port = random.randrange(_FIRST, _LAST)
        if take(port):
            found.append(port)
        if len(found) == count:
            return found
    raise LabError(f"found no {count} free ports between {_FIRST} and {_LAST} on 127.0.0.1: what listens there?")


def take(port: int) -> bool:
    """Whether it is this process's from now on: an abstract socket is the lock, and ends with the process."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0remediator-lab-port-{port}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return False
    lock.detach()
    return True
