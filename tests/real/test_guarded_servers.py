"""Prometheus of both versions and Alertmanager that let nobody in without a certificate and a password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from remediator.clients.alertmanager_api import AlertmanagerApi, Holding, Unanswered
from remediator.clients.http_config import BasicAuth, HttpConfig, Tls
from remediator.clients.outbound import Outbound
from remediator.clients.prometheus import Prometheus
from remediator.clients.query_answer import Unknown, Vector
from tests.lab.build import PROMETHEUS_3, built
from tests.lab.ports import free_ports
from tests.lab.processes import Servers
from tests.lab.programs import find_or_install
from tests.lab.progress import print_line
from tests.lab.waiting import wait_for
from tests.unit.clients.certificates import Authority

pytestmark = pytest.mark.lab

HASH_OF_SECRET = "$2b$04$fr3CXW.ZxYuNAIhp4wAjOOW6tVwvkI4QxPGWQ3WIKWFwQ0IQJBV3y"
DEBIANS = {"prometheus": ["prometheus"], "prometheus-alertmanager": ["prometheus-alertmanager", "alertmanager"]}


class Keys:
    """The files of a CA, of a server, of a client and of its password, and what makes use of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, authority = folder, Authority()
        (folder / "ca.pem").write_text(authority.pem)
        (folder / "other.pem").write_text(Authority().pem)
        (folder / "password").write_text("secret\n")
        (folder / "wrong").write_text("guess\n")
        client = str(authority.certificate(folder / "client.pem"))
        self.tls = Tls(str(folder / "ca.pem"), client, client)
        self.right = HttpConfig(basic_auth=BasicAuth("remediator", str(folder / "password")), tls_config=self.tls)
        server = str(authority.certificate(folder / "server.pem"))
        (folder / "web.yaml").write_text(
            yaml.safe_dump(
                {
                    "tls_server_config": {
                        "cert_file": server,
                        "key_file": server,
                        "client_auth_type": "RequireAndVerifyClientCert",
                        "client_ca_file": self.tls.ca_file,
                    },
                    "basic_auth_users": {"remediator": HASH_OF_SECRET},
                }
            )
        )

    @property
    def wrong(self) -> dict[str, HttpConfig]:
        """Ways of being refused, by what is wrong."""
        guess = BasicAuth("remediator", str(self.folder / "wrong"))
        return {
            "401": replace(self.right, basic_auth=guess),
            "certificate": replace(self.right, tls_config=Tls(self.tls.ca_file)),
            "certificate verify failed": replace(
                self.right, tls_config=replace(self.tls, ca_file=str(self.folder / "other.pem"))
            ),
        }


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    running = Servers(tmp_path / "logs")
    yield running
    running.stop()


def started(servers: Servers, keys: Keys, binary: Path, config: str, *flags: str) -> str:
    """Start a server behind the certificates; its URL."""
    file = keys.folder / f"{binary.name}.yaml"
    file.write_text(config)
    (port,) = free_ports(1)
    listen = [f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={keys.folder / 'web.yaml'}"]
    servers.start(binary.name, [binary, f"--config.file={file}", *listen, *flags])
    return f"https://127.0.0.1:{port}"


def asked(url: str, config: HttpConfig) -> str:
    """Why Prometheus does not answer; empty where it does."""

    async def ask() -> str:
        client = Prometheus(url, 60, config)
        try:
            found = await client.query("vector(1)", datetime.now(UTC))
        finally:
            await client.aclose()
        assert isinstance(found, Vector | Unknown)
        return found.reason if isinstance(found, Unknown) else ""

    return asyncio.run(ask())


def held(url: str, config: HttpConfig) -> str:
    """Why Alertmanager does not say what it holds; empty where it does."""

    async def ask() -> str:
        outbound = Outbound()
        try:
            assert isinstance(await AlertmanagerApi(url, 60, config, outbound).holding(), Holding)
        except Unanswered as error:
            return str(error)
        finally:
            await outbound.close()
        return ""

    return asyncio.run(ask())


@pytest.mark.parametrize("version", [2, 3])
def test_prometheus_answers_who_shows_a_certificate_and_knows_the_password(
    servers: Servers, keys: Keys, version: int
) -> None:
    binary = find_or_install(DEBIANS, print_line)[0] if version == 2 else built(PROMETHEUS_3, print_line)
    url = started(servers, keys, binary, "{}", f"--storage.tsdb.path={keys.folder / 'tsdb'}")
    wait_for(lambda: asked(url, keys.right), lambda why: why == "", "an answer", 120)
    refused = {reason: asked(url, config) for reason, config in keys.wrong.items()}
    assert [reason for reason, said in refused.items() if reason not in said] == [], refused


def test_alertmanager_answers_who_shows_a_certificate_and_knows_the_password(servers: Servers, keys: Keys) -> None:
    binary = find_or_install(DEBIANS, print_line)[1]
    config = yaml.safe_dump({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]})
    flags = (f"--storage.path={keys.folder / 'data'}", "--cluster.listen-address=")
    url = started(servers, keys, binary, config, *flags)
    wait_for(lambda: held(url, keys.right), lambda why: why == "", "an answer", 120)
    refused = {reason: held(url, config) for reason, config in keys.wrong.items()}
    assert [reason for reason, said in refused.items() if reason not in said] == [], refused
