"""The cluster's name server, as far as Services go (RFC 1035, and Kubernetes' DNS specification for their names)."""

from __future__ import annotations

import re
import socket
import struct
import threading

from tests.lab.client import Api
from tests.lab.errors import ApiError

DOMAIN = "cluster.local"

_SERVICE = re.compile(rf"([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.{re.escape(DOMAIN)}")
_HEADER = struct.Struct("!HHHHHH")
_ADDRESS, _INTERNET = 1, 1
_ANSWER, _NO_SUCH_NAME = 0x8580, 3
_SECONDS = 5


class Names:
    """Answers on a ``port`` of loopback until it is closed."""

    def __init__(self, admin: Api) -> None:
        self._admin = admin
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, sender = self._socket.recvfrom(512)
                self._socket.sendto(self._answer(query), sender)
            except OSError:
                return

    def _answer(self, query: bytes) -> bytes:
        name, end = _name(query)
        (kind,) = struct.unpack_from("!H", query, end)
        address = self._address_of(name)
        found = [address] if address and kind == _ADDRESS else []
        flags = _ANSWER if address else _ANSWER | _NO_SUCH_NAME
        header = _HEADER.pack(struct.unpack_from("!H", query)[0], flags, 1, len(found), 0, 0)
        # 0xC00C points to the question's name.
        records = [
            struct.pack("!HHHIH", 0xC00C, _ADDRESS, _INTERNET, _SECONDS, 4) + socket.inet_aton(one) for one in found
        ]
        return header + query[_HEADER.size : end + 4] + b"".join(records)

    def _address_of(self, name: str) -> str:
        service = _SERVICE.fullmatch(name)
        if service is None:
            return ""
        try:
            return self._admin.get("services", service[1], service[2])["spec"]["clusterIP"]
        except ApiError:
            return ""


def _name(query: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends."""
    labels, place = [], _HEADER.size
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length].decode().lower())
        place += 1 + length
    return ".".join(labels), place + 1
