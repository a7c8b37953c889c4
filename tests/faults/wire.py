"""A wire between a program and a server, both on loopback: it can be cut, and it can be slow.

A cut is a loss of packets, as the kernels at both ends see it: nothing is acknowledged, no connection comes to be, and
what was sent meanwhile arrives when it is mended, unless its sender has given up before.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import threading
import time
from types import TracebackType

_CHUNK = 65536
_LOOK_SECONDS = 0.05
_ATTACH, _DETACH = 26, 27
"""SO_ATTACH_FILTER and SO_DETACH_FILTER of Linux, which Python does not name."""
_DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
"""A program of the classic BPF that keeps nothing of any packet: `ret #0`."""
_DROP_ALL = struct.pack("HL", 1, ctypes.addressof(_DROP))


class Wire:
    """Listens on `port` for the length of a `with` block and passes on to another port of loopback.

    `is_cut`: nothing is passed on, in no direction. `delay`: seconds that each answer takes on top.
    """

    def __init__(self, to: int) -> None:
        self._to, self._is_cut, self.delay = to, False, 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends, self._cutting = {self._listener}, threading.Lock()

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_cut = False
        self._listener.close()

    @property
    def is_cut(self) -> bool:
        """Whether packets are lost now."""
        return self._is_cut

    @is_cut.setter
    def is_cut(self, cut: bool) -> None:
        with self._cutting:
            self._is_cut = cut
            for end in self._ends:
                self._filter(end)

    def _filter(self, end: socket.socket) -> None:
        """Have the kernel drop what comes in, or let it in again."""
        with contextlib.suppress(OSError):  # closed, or no filter was there
            end.setsockopt(socket.SOL_SOCKET, _ATTACH if self._is_cut else _DETACH, _DROP_ALL)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # the end of the `with` block
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with self._cutting:
            self._ends.add(near)
            self._filter(near)
        try:
            far = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            self._close(near)
            return
        threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
        self._pass(far, near, True)

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                if answers and self.delay:
                    time.sleep(self.delay)
                while self._is_cut:
                    time.sleep(_LOOK_SECONDS)
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._close(end)

    def _close(self, end: socket.socket) -> None:
        with self._cutting:
            self._ends.discard(end)
        end.close()
