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


def test_what_is_sent_into_a_cut_arrives_when_it_is_mended(echo: int) -> None:
    with Wire(echo) as wire, connected(wire) as peer:
        peer.sendall(b"before")
        assert peer.recv(100) == b"before"
        wire.is_cut = True
        peer.sendall(b"meanwhile")
        peer.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.recv(100)
        wire.is_cut = False
        peer.settimeout(120)
        assert peer.recv(100) == b"meanwhile"


def test_nothing_is_acknowledged_by_what_is_cut_so_that_the_sender_gives_up(echo: int) -> None:
    with Wire(echo) as wire, connected(wire) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 300)
        peer.sendall(b"before")
        assert peer.recv(100) == b"before"
        wire.is_cut = True
        peer.sendall(b"lost")
        peer.settimeout(120)
        with pytest.raises(TimeoutError, match="Connection timed out"):
            peer.recv(100)


def test_no_connection_comes_to_be_over_what_is_cut(echo: int) -> None:
    with Wire(echo) as wire:
        wire.is_cut = True
        with pytest.raises(TimeoutError):
            connected(wire, timeout=0.3)
        wire.is_cut = False
        with connected(wire, timeout=120) as later:
            later.sendall(b"after")
            assert later.recv(100) == b"after"
