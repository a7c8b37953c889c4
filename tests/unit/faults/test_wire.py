"""The wire that the fault matrix cuts: what it lets through, and when."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.wire import Wire


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that answers what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(peer,), daemon=True).start()

        def answer(peer: socket.socket) -> None:
            with peer:
                while heard := peer.recv(100):
                    peer.sendall(heard)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def connected(wire: Wire, timeout: float = 60.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", wire.port), timeout)


def test_it_passes_on_both_ways(echo: int) -> None:
    with Wire(echo) as wire, connected(wire) as peer:
        for word in (b"one", b"two"):
            peer.sendall(word)
            assert peer.recv(100) == word


def test_what_is_cut_says_nothing_and_is_closed_when_it_is_mended(echo: int) -> None:
    with Wire(echo) as wire, connected(wire) as peer:
        peer.sendall(b"before")
        assert peer.recv(100) == b"before"
        wire.is_cut = True
        peer.sendall(b"lost")
        peer.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.recv(100)
        wire.is_cut = False
        peer.settimeout(60)
        assert peer.recv(100) == b""
    with Wire(echo) as wire, connected(wire) as later:
        later.sendall(b"after")
        assert later.recv(100) == b"after"
