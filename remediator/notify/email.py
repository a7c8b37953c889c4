"""Email over SMTP: STARTTLS, a login, and one thread an incident by `Message-ID` and `In-Reply-To`."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape

from remediator.clients.http_config import secret_in
from remediator.clients.tls import context_of
from remediator.config.settings import EmailConfig
from remediator.core.message import Message
from remediator.core.scrub import scrub
from remediator.core.text import cut, printable
from remediator.notify.layout import parts, references
from remediator.notify.posting import Refused
from remediator.ports import Delivered, Delivery

SUBJECT = 150
"""Characters of a subject."""

TLS_PORT = 465
"""Where a server speaks TLS from the first byte on."""


class Email:
    """One entry of `email_configs`."""

    def __init__(self, config: EmailConfig) -> None:
        self._config = config

    async def send(self, delivery: Delivery) -> Delivered:
        """Send one mail; raises `Refused`. `thread` is the first mail's `Message-ID`, a blank, and its subject."""
        mail, thread = mail_of(self._config, delivery)
        try:
            await asyncio.wait_for(asyncio.to_thread(self._hand_over, mail), timeout=4 * self._config.timeout)
        except smtplib.SMTPRecipientsRefused as error:
            raise Refused(f"{self._config.smarthost} refuses every address of `to`{_said(error.recipients)}") from error
        except (smtplib.SMTPException, OSError, ValueError, TimeoutError) as error:
            raise Refused(f"{self._config.smarthost}: {_line(error)}") from error
        return Delivered(thread=thread)

    def _hand_over(self, mail: EmailMessage) -> None:
        """One mail over one connection. Once the server has taken it, how the two part changes nothing."""
        password = secret_in(self._config.auth_password_file) if self._config.auth_username else ""
        server = _connected(self._config)
        try:
            if password:
                server.login(self._config.auth_username, password)
            server.send_message(mail)
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()


def _connected(config: EmailConfig) -> smtplib.SMTP:
    """A connection that is encrypted where the server can, or must."""
    host, _, port = config.smarthost.rpartition(":")
    tls = context_of(config.tls_config) or ssl.create_default_context()
    if int(port) == TLS_PORT if config.force_implicit_tls is None else config.force_implicit_tls:
        return smtplib.SMTP_SSL(host.strip("[]"), int(port), config.hello, timeout=config.timeout, context=tls)
    server = smtplib.SMTP(host.strip("[]"), int(port), config.hello, timeout=config.timeout)
    try:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=tls)
            server.ehlo()
        elif config.require_tls:
            raise ValueError("the server offers no STARTTLS; write require_tls: false to send in the clear")
    except BaseException:
        server.close()
        raise
    return server


def mail_of(config: EmailConfig, delivery: Delivery) -> tuple[EmailMessage, str]:
    """The mail, the same at every attempt, and what its thread is called from then on."""
    message, (first, _, subject) = delivery.message, delivery.thread.partition(" ")
    domain = parseaddr(config.from_)[1].rpartition("@")[2] or "localhost"
    own = f"<{_token(delivery.key)}@{domain}>"
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = config.from_, config.to
    mail["Subject"] = cut(printable(f"Re: {subject}" if subject else message.title), SUBJECT)
    mail["Message-ID"] = own
    mail["Date"] = format_datetime(message.told_at or message.opened_at)
    if first:
        mail["In-Reply-To"] = mail["References"] = first
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Remediator-Incident"] = _token(message.incident)
    mail.set_content(text_of(message))
    mail.add_alternative(html_of(message), subtype="html")
    return mail, delivery.thread or f"{own} {mail['Subject']}"


def text_of(message: Message) -> str:
    """The message as plain text."""
    lines = [message.title, ""]
    for part in parts(message):
        mark = "    " if part.verbatim else "- "
        lines += [f"{part.heading}:", *(f"{mark}{line}" for line in part.lines), ""]
    lines += [f"{name}: {url}" for name, url in references(message)]
    return "\n".join([*lines, f"Incident {message.incident}, rule {message.rule}"]) + "\n"


def html_of(message: Message) -> str:
    """The message as HTML, in which all text is text."""
    found = [f"<h2>{escape(message.title)}</h2>"]
    for part in parts(message):
        lines = [escape(line) for line in part.lines]
        shown = f"<pre>{chr(10).join(lines)}</pre>" if part.verbatim else _listed(lines)
        found.append(f"<h3>{escape(part.heading)}</h3>{shown}")
    for name, url in references(message):
        address = escape(url)
        web = url.startswith(("http://", "https://"))
        found.append(f'<p>{name}: <a href="{address}">{address}</a></p>' if web else f"<p>{name}: {address}</p>")
    found.append(f"<p>Incident {escape(message.incident)}, rule {escape(message.rule)}</p>")
    return f"<html><body>{''.join(found)}</body></html>"


def _listed(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"


def _token(text: str) -> str:
    """Text as part of an address in a header."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in text)


def _said(recipients: dict[str, tuple[int, bytes]]) -> str:
    """What the server says to the first refused address."""
    code, text = next(iter(recipients.values()), (0, b""))
    return f": {code} {printable(text.decode('utf-8', 'replace'))[:150]}" if code else ""


def _line(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, smtplib.SMTPAuthenticationError):  # what a server says to a login may repeat it
        return f"the login was refused ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return cut(printable(scrub(f"{error.smtp_code} {said}")), 200)
    return cut(printable(scrub(str(error))), 200) or type(error).__name__
