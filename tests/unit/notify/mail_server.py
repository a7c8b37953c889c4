"""A mail server as far as one sender needs it: EHLO, STARTTLS, AUTH, and what it was handed. Real sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class Handed:
    """One mail: to whom, over what, by whom, and its raw bytes."""

    recipients: list[str]
    encrypted: bool
    login: str
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        found = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class MailServer:
    """Takes mails. `password` of the only user; `says` replaces the answer to a command; `mute` never answers."""

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    password: str = ""
    says: dict[str, str] = field(default_factory=dict)
    mute: bool = False
    handed: list[Handed] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    address: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                await self._talk(reader, writer)
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        encrypted, login, recipients = self.implicit, "", []

        async def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        if self.mute:
            await asyncio.Event().wait()
        await say(self.says.get("", "220 mail.example.org"))
        while True:
            line = (await reader.readuntil(b"\r\n")).decode().strip()
            verb = line.split(" ")[0].upper()
            self.commands.append(verb)
            if verb in self.says:
                await say(self.says[verb])
            elif verb == "EHLO":
                offers = ["mail.example.org"]
                offers += ["STARTTLS"] if self.tls and not encrypted else []
                offers += ["AUTH PLAIN"] if self.password else []
                await say("\r\n".join(f"250{' ' if each is offers[-1] else '-'}{each}" for each in offers))
            elif verb == "STARTTLS":
                await say("220 go ahead")
                await writer.start_tls(self.tls)  # type: ignore[arg-type]
                encrypted = True
            elif verb == "AUTH":
                name, _, password = base64.b64decode(line.split(" ")[2]).decode()[1:].partition("\0")
                login = name if password == self.password else ""
                await say("235 welcome" if login else f"535 no: {password}")
            elif verb == "RCPT":
                recipients.append(line.partition(":")[2].strip("<> "))
                await say("250 ok")
            elif verb == "DATA":
                await say("354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                self.handed.append(Handed(recipients, encrypted, login, raw.removesuffix(b".\r\n")))
                recipients = []
                await say("250 taken")
            else:
                await say("250 ok")
                if verb == "QUIT":
                    return


@contextlib.asynccontextmanager
async def taking(server: MailServer) -> AsyncIterator[MailServer]:
    """The server on a free loopback port."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(server.serve(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server.tls if server.implicit else None)
    server.address = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
