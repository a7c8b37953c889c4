"""A wire between a program and a server, both on loopback: it can be cut, and it can be slow."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

_CHUNK = 65536
_LOOK_SECONDS = 0.05


class Wire:
    """Listens on `port` for the length of a `with` block and passes on to another port of loopback.

    `is_cut`: nothing is passed on, in no direction, and connections stay open as they do where packets are lost; when
    it is mended they are closed. `delay`: seconds that each answer takes on top.
    """

    def __init__(self, to: int) -> None:
        self._to, self.is_cut, self.delay = to, False, 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # the end of the `with` block
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._wait_while_cut()
        try:
            far = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            near.close()
            return
        threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
        self._pass(far, near, True)

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                if self._wait_while_cut():
                    break
                if answers and self.delay:
                    time.sleep(self.delay)
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _wait_while_cut(self) -> bool:
        """Whether it was."""
        was_cut = self.is_cut
        while self.is_cut:
            time.sleep(_LOOK_SECONDS)
        return was_cut
