"""An HTTP answer on its way: its head, and as much of its body as has come and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

MOST_HEAD = 64 * 1024
"""Bytes of status line and headers."""

AHEAD = 1 << 20
"""Bytes of a stream that wait to be taken before the server is asked to wait as well."""


class NeverSent(Exception):
    """No connection, so that nothing was sent; the message names the host and no more of the address."""


class Lost(Exception):
    """Sent, but no whole answer came. `status` is its code where that had come, else 0."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Late(Lost):
    """The whole answer was not there in time."""


class Arriving:
    """What a connection puts in and one task takes out. At most `most` bytes wait; `cut` where there were more.

    A whole answer wakes its reader once, at its end; a stream with each part.
    """

    __slots__ = (
        "_inflate",
        "_pause",
        "_problem",
        "_waiter",
        "body",
        "cut",
        "ended",
        "headers",
        "most",
        "size",
        "status",
        "streams",
    )

    def __init__(self, most: int, *, streams: bool = False) -> None:
        self.most, self.streams = most, streams
        self.status, self.headers, self.body, self.size = 0, dict[str, str](), list[bytes](), 0
        self.ended = self.cut = False
        self._problem: Lost | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._inflate: Any = None
        self._pause: Callable[[bool], None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the head is whole."""
        return self.status > 0

    @property
    def lasts_until_closed(self) -> bool:
        """Whether the end of the connection is the proper end of the body (RFC 9112, section 6.3)."""
        return self.has_begun and not self.headers.keys() & {"content-length", "transfer-encoding"}

    def begin(self, status: int) -> None:
        """The head is whole."""
        self.status = status
        coding = self.headers.get("content-encoding", "identity").lower()
        if coding in ("gzip", "x-gzip"):
            import zlib  # only where somebody compresses

            self._inflate = zlib.decompressobj(31)
        elif coding != "identity":
            raise Lost(f"the answer is encoded as {coding[:20]!r}, which was not asked for", status)
        if self.streams:
            self._wake()

    def add(self, part: bytes, pause: Callable[[bool], None]) -> None:
        """A part of the body. A stream asks for a `pause` while too much of it waits."""
        if self._inflate is not None:
            part = self._inflated(part)
        if not part:
            return
        self.body.append(part)
        self.size += len(part)
        if self.size > self.most:
            self.cut = True
            self.end()
        elif self.streams:
            if self.size > AHEAD and self._pause is None:
                self._pause = pause
                pause(True)
            self._wake()

    def end(self) -> None:
        """Nothing more comes, and nothing is missing."""
        if self._inflate is not None and not self._inflate.eof and not self.cut:
            self.fail("its compressed body is not whole")
            return
        self.ended = True
        self._wake()

    def fail(self, problem: str) -> None:
        """Nothing more comes; what was still to come is lost."""
        if not self.ended and self._problem is None:
            self._problem = Lost(problem, self.status)
            self._wake()

    async def whole(self) -> bytes:
        """The body, once all of it is here. Raises `Lost`."""
        while not self.ended:
            await self._wait()
        return self.body[0] if len(self.body) == 1 else b"".join(self.body)

    async def head(self) -> int:
        """The status, once the head is here. Raises `Lost`."""
        while not self.has_begun:
            await self._wait()
        return self.status

    async def more(self) -> bytes:
        """The next bytes of a stream; nothing at its end. Raises `Lost`."""
        while not self.body and not self.ended:
            await self._wait()
        taken, self.body, self.size = b"".join(self.body), [], 0
        if self._pause is not None:
            self._pause(False)
            self._pause = None
        return taken

    def _inflated(self, part: bytes) -> bytes:
        """No more of it than may be read, however well it is compressed. One member may follow another (RFC 1952,
        section 2.2): the API server begins one with each part of a watch that began with what is there.
        """
        import zlib

        found, room = b"", self.most - self.size + 1
        try:
            while part and len(found) < room:
                if self._inflate.eof:
                    self._inflate = zlib.decompressobj(31)
                found += self._inflate.decompress(part, room - len(found))
                part = self._inflate.unused_data
        except zlib.error as error:
            raise Lost(f"the answer is not compressed as it says: {error}", self.status) from error
        return found

    async def _wait(self) -> None:
        if self._problem is not None:
            raise self._problem
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
