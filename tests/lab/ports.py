"""Free ports on loopback."""

from __future__ import annotations

import random
import socket

from tests.lab.errors import LabError

# Below the range from which Linux takes ports for outgoing connections, so that none of those is in the way
# between the choice of a port and the server's start. Two labs at once choose at random, and so differ.
_FIRST, _LAST = 20000, 32000
_ATTEMPTS = 200


def free_ports(count: int) -> list[int]:
    """``count`` different TCP ports of 127.0.0.1 on which nothing listens now."""
    found: set[int] = set()
    for _ in range(_ATTEMPTS):
        port = random.randrange(_FIRST, _LAST)
        if port not in found and _is_free(port):
            found.add(port)
        if len(found) == count:
            return list(found)
    raise LabError(f"found no {count} free ports between {_FIRST} and {_LAST} on 127.0.0.1: what listens there?")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
