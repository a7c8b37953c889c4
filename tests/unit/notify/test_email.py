"""Mail on the wire: TLS, login, one thread an incident, and text that stays text in headers and HTML."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from remediator.config.settings import EmailConfig, Receiver, Tls
from remediator.core.message import Message, Occasion
from remediator.notify.receivers import Receivers
from remediator.ports import Delivered
from tests.unit.clients.certificates import Authority
from tests.unit.notify.mail_server import MailServer, taking
from tests.unit.notify.messages import HOSTILE, delivery, hostile, message


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate; `ca.pem` beside it is that of its authority."""
    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    (tmp_path / "password").write_text("hunter2\n")
    return authority.server(tmp_path)


def config(server: MailServer, **fields: object) -> EmailConfig:
    given = {"require_tls": False, "timeout": 60.0} | fields
    return EmailConfig(
        "Oncall <oncall@example.org>, b@example.org", "R <remediator@example.org>", server.address, **given
    )  # type: ignore[arg-type]


def login(folder: Path) -> dict[str, object]:
    return {
        "auth_username": "remediator",
        "auth_password_file": str(folder / "password"),
        "require_tls": True,
        "tls_config": Tls(ca_file=str(folder / "ca.pem")),
    }


async def told(way: EmailConfig, said: Message | None = None, thread: str = "", number: int = 1) -> Delivered:
    receivers = Receivers([Receiver("oncall", email_configs=(way,))])
    try:
        return await receivers.deliver(delivery(said, "email-0", thread, number))
    finally:
        await receivers.close()


async def test_a_message_is_one_mail_to_all_in_text_and_html() -> None:
    async with taking(MailServer()) as server:
        assert (await told(config(server))).problem == ""
    (handed,) = server.handed
    mail = handed.mail
    assert handed.recipients == ["oncall@example.org", "b@example.org"]
    assert mail["From"] == "R <remediator@example.org>"
    assert mail["Subject"] == "Deployment/shop/web: needs a person: not healthy within 10m"
    assert mail["Date"] == "Thu, 01 Jan 2026 12:10:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    order = [text.index(f"{part}:") for part in ("What happened", "What was done", "What was refused", "Next")]
    assert order == sorted(order)
    assert "    panic: no such table" in text
    assert "Runbook: https://runbooks.example.org/stuck" in text
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert '<a href="https://runbooks.example.org/stuck">' in html


async def test_the_mails_of_an_incident_are_one_thread() -> None:
    async with taking(MailServer()) as server:
        thread = (await told(config(server), number=1)).thread
        await told(config(server), message(Occasion.ACTED), thread, number=2)
        await told(config(server), message(Occasion.CLOSED), thread, number=3)
    first, *replies = (handed.mail for handed in server.handed)
    assert len({mail["Message-ID"] for mail in (first, *replies)}) == 3
    for reply in replies:
        assert reply["In-Reply-To"] == reply["References"] == first["Message-ID"]
        assert reply["Subject"] == f"Re: {first['Subject']}"


async def test_a_second_attempt_is_the_same_mail() -> None:
    async with taking(MailServer()) as server:
        await told(config(server))
        await told(config(server))
    first, second = (handed.mail for handed in server.handed)
    assert first["Message-ID"] == second["Message-ID"] == "<incident-1-escalated-1-email-0@example.org>"
    assert first["Date"] == second["Date"]


async def test_starttls_comes_before_login_and_mail(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async with taking(MailServer(tls, password="hunter2")) as server:
        assert (await told(config(server, **login(tmp_path)))).problem == ""
    assert server.commands[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert (server.handed[0].encrypted, server.handed[0].login) == (True, "remediator")


async def test_tls_may_come_first_of_all(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async with taking(MailServer(tls, implicit=True, password="hunter2")) as server:
        assert (await told(config(server, force_implicit_tls=True, **login(tmp_path)))).problem == ""
    assert server.handed[0].encrypted


async def test_without_starttls_nothing_is_said_in_the_clear(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async with taking(MailServer(password="hunter2")) as server:
        said = await told(config(server, **login(tmp_path)))
    assert "offers no STARTTLS; write require_tls: false" in said.problem
    assert "AUTH" not in server.commands
    assert server.handed == []


async def test_a_certificate_of_somebody_else_is_refused(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async with taking(MailServer(tls, password="hunter2")) as server:
        said = await told(config(server, **(login(tmp_path) | {"tls_config": Tls()})))
    assert "certificate verify failed" in said.problem
    assert "AUTH" not in server.commands


async def test_a_wrong_password_is_said_without_it(tls: ssl.SSLContext, tmp_path: Path) -> None:
    """The server of the test repeats the password in its answer, as none should."""
    (tmp_path / "password").write_text("hunter3-canary-password\n")
    async with taking(MailServer(tls, password="hunter2")) as server:
        said = await told(config(server, **login(tmp_path)))
    assert said.problem.endswith(": the login was refused (535)")
    assert "hunter3" not in said.problem


async def test_once_the_server_has_taken_it_a_broken_goodbye_changes_nothing() -> None:
    async with taking(MailServer(says={"QUIT": "421 going down"})) as server:
        assert (await told(config(server))).problem == ""
    assert len(server.handed) == 1


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ({"RCPT": "550 no such user"}, "refuses every address of `to`: 550 no such user"),
        ({"MAIL": "451 try later"}, ": 451 try later"),
        ({"DATA": "554 spam"}, ": 554 spam"),
    ],
)
async def test_what_the_server_refuses_is_said(says: dict[str, str], problem: str) -> None:
    async with taking(MailServer(says=says)) as server:
        said = await told(config(server))
    assert problem in said.problem
    assert server.handed == []


async def test_hostile_text_makes_no_header_and_no_markup() -> None:
    wrecking = message(news="x\r\nBcc: evil@example.org\r\n\r\nbody")
    async with taking(MailServer()) as server:
        assert (await told(config(server), wrecking)).problem == ""
        assert (await told(config(server), hostile(), number=2)).problem == ""
    for handed in server.handed:
        assert handed.recipients == ["oncall@example.org", "b@example.org"]
        assert handed.mail["Bcc"] is None
    html = server.handed[1].mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<script>" not in html
    assert "javascript:" not in html
    assert HOSTILE in server.handed[1].mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
