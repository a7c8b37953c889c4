"""Where credentials come from, when they are read again, and what is said when they cannot be had."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from remediator.clients.credentials import CredentialsError, Grant, InCluster
from remediator.clients.kubeconfig import Kubeconfig, load
from remediator.clients.kubernetes import KubernetesCluster
from remediator.clients.transport import Timeouts, Transport
from remediator.core.kinds import resource
from remediator.core.model import Change, Precondition, Ref, Verb
from remediator.ports import Forbidden, Unavailable

from .api_server import ApiServer, answer, running, status, then
from .certificates import Authority
from .conftest import Fixed

WEB = Ref(resource("Deployment"), "shop", "web")
PATCH = Change(Verb.PATCH, WEB, {"metadata": {"labels": {"a": "b"}}}, Precondition("u", "1"))


class Seconds:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


class TestMountedServiceAccount:
    @pytest.fixture
    def authority(self) -> Authority:
        return Authority()

    @pytest.fixture
    def mount(self, tmp_path: Path, authority: Authority) -> Path:
        (tmp_path / "token").write_text("first\n")
        (tmp_path / "ca.crt").write_text(authority.pem)
        return tmp_path

    @pytest.fixture
    async def tls_api(self, tmp_path: Path, authority: Authority) -> AsyncIterator[ApiServer]:
        async with running(authority.server(tmp_path)) as api:
            yield api

    def environ(self, api: ApiServer | None = None) -> dict[str, str]:
        port = api.url.rpartition(":")[2] if api else "443"
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}

    async def test_its_token_goes_over_tls_that_its_ca_vouches_for(self, mount: Path, tls_api: ApiServer) -> None:
        cluster = KubernetesCluster(Transport(InCluster(mount, self.environ(tls_api))))
        await cluster.get(WEB)
        assert tls_api.last.headers["authorization"] == "Bearer first"
        await cluster.close()

    async def test_a_server_of_another_ca_gets_no_token(self, mount: Path, tls_api: ApiServer) -> None:
        (mount / "ca.crt").write_text(Authority().pem)
        cluster = KubernetesCluster(Transport(InCluster(mount, self.environ(tls_api))))
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await cluster.write(PATCH)
        assert tls_api.seen == []
        await cluster.close()

    async def test_token_and_ca_are_read_again_when_a_minute_old(self, mount: Path, seconds: Seconds) -> None:
        credentials = InCluster(mount, self.environ(), seconds)
        first = await credentials.grant()
        (mount / "token").write_text("second")
        seconds.now += 59.9
        assert await credentials.grant() == first
        seconds.now += 0.1
        second = await credentials.grant()
        assert second.authorization == "Bearer second"
        assert second.tls is first.tls, "the same CA keeps its connections"
        (mount / "ca.crt").write_text(Authority().pem)
        seconds.now += 60
        assert (await credentials.grant()).tls is not first.tls

    async def test_a_refused_token_is_read_again_at_once(self, mount: Path, seconds: Seconds) -> None:
        credentials = InCluster(mount, self.environ(), seconds)
        refused = (await credentials.grant()).authorization
        (mount / "token").write_text("second")
        assert (await credentials.grant(refused="Bearer of somebody else")).authorization == refused
        assert (await credentials.grant(refused=refused)).authorization == "Bearer second"

    @pytest.mark.parametrize(
        ("file", "content", "says"),
        [
            ("token", None, "cannot be read .*automountServiceAccountToken"),
            ("token", b" \n", "is empty"),
            ("token", b"a\nInjected: header", "no token has"),
            ("token", b"\xff\xfe", "cannot be read"),
            ("ca.crt", b"no certificate", "is no certificate"),
        ],
    )
    async def test_what_is_wrong_with_the_mount_is_said(
        self, mount: Path, file: str, content: bytes | None, says: str
    ) -> None:
        if content is None:
            (mount / file).unlink()
        else:
            (mount / file).write_bytes(content)
        with pytest.raises(CredentialsError, match=says):
            await InCluster(mount, self.environ()).grant()

    def test_outside_of_a_cluster(self) -> None:
        with pytest.raises(CredentialsError, match="not in a cluster"):
            InCluster(environ={})

    async def test_an_ipv6_service_address_is_bracketed(self, mount: Path) -> None:
        environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
        assert (await InCluster(mount, environ).grant()).server == "https://[fd00::1]:443"


class Config:
    """A kubeconfig file to be."""

    def __init__(self, path: Path, server: str) -> None:
        self.path, self.server = path, server

    def write(self, user: dict[str, Any], **cluster: Any) -> str:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.server, **cluster}}],
            "users": [{"name": "u", "user": user}, {"name": "other", "user": {"token": "other"}}],
            "contexts": [
                {"name": "main", "context": {"cluster": "c", "user": "u"}},
                {"name": "second", "context": {"cluster": "c", "user": "other"}},
            ],
            "current-context": "main",
        }
        self.path.write_text(yaml.safe_dump(content))
        return str(self.path)

    def plugin(self, script: str) -> dict[str, Any]:
        """A user whose token comes from a shell script."""
        file = self.path.parent / "plugin.sh"
        file.write_text(f"#!/bin/sh\n{script}\n")
        return {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "/bin/sh",
                "args": [str(file)],
                "interactiveMode": "Never",
            }
        }


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "config", "http://127.0.0.1:6443/k8s/clusters/one/")


def credential(token: str, **status: str) -> str:
    """What a plugin prints."""
    said = {"token": token, **status}
    content = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": said}
    return f"echo '{json.dumps(content)}'"


class TestKubeconfig:
    async def test_a_token_over_plain_http(self, config: Config) -> None:
        grant = await Kubeconfig(config.write({"token": "secret"})).grant()
        assert grant == Grant("http://127.0.0.1:6443/k8s/clusters/one", "Bearer secret")
        assert "secret" not in repr(grant)

    async def test_no_token_is_sent_where_the_file_has_none(self, config: Config) -> None:
        assert (await Kubeconfig(config.write({})).grant()).authorization == ""

    async def test_the_named_context(self, config: Config) -> None:
        grant = await Kubeconfig(config.write({"token": "secret"}), "second").grant()
        assert grant.authorization == "Bearer other"

    async def test_user_and_password(self, config: Config) -> None:
        grant = await Kubeconfig(config.write({"username": "u", "password": "p"})).grant()
        assert grant.authorization == "Basic " + base64.b64encode(b"u:p").decode()

    async def test_tls_as_the_file_has_it(self, config: Config) -> None:
        config.server = "https://127.0.0.1:6443"
        ca = base64.b64encode(Authority().pem.encode()).decode()
        path = config.write({"token": "t"}, **{"certificate-authority-data": ca, "tls-server-name": "kubernetes"})
        grant = await Kubeconfig(path).grant()
        assert grant.tls is not None
        assert len(grant.tls.get_ca_certs()) == 1
        assert grant.server_name == "kubernetes"

    async def test_unverified_tls_only_where_the_file_says_so(self, config: Config) -> None:
        config.server = "https://127.0.0.1:6443"
        grant = await Kubeconfig(config.write({}, **{"insecure-skip-tls-verify": True})).grant()
        assert grant.tls is not None
        assert not grant.tls.check_hostname

    async def test_the_proxy_of_the_file_is_asked(self, config: Config, api: ApiServer) -> None:
        """A proxy gets the whole address of the server, as that of the file."""
        cluster = KubernetesCluster(Transport(Kubeconfig(config.write({"token": "t"}, **{"proxy-url": api.url}))))
        await cluster.get(WEB)
        assert api.last.path == "/k8s/clusters/one/apis/apps/v1/namespaces/shop/deployments/web"
        assert api.last.headers["host"] == "127.0.0.1:6443"
        await cluster.close()

    async def test_a_proxy_of_another_kind_is_told(self, config: Config) -> None:
        with pytest.raises(CredentialsError, match="proxy-url must be an http"):
            await Kubeconfig(config.write({}, **{"proxy-url": "socks5://127.0.0.1:1080"})).grant()

    async def test_a_token_file_is_read_again_every_minute(
        self, config: Config, seconds: Seconds, tmp_path: Path
    ) -> None:
        file = tmp_path / "token"
        file.write_text("one\n")
        credentials = Kubeconfig(config.write({"tokenFile": str(file)}), monotonic=seconds)
        assert (await credentials.grant()).authorization == "Bearer one"
        file.write_text("two\n")
        assert (await credentials.grant()).authorization == "Bearer one"
        seconds.now += 60
        assert (await credentials.grant()).authorization == "Bearer two"

    async def test_a_plugin_without_expiry_runs_again_only_when_refused(
        self, config: Config, seconds: Seconds, tmp_path: Path
    ) -> None:
        user = config.plugin(
            f"echo x >> {tmp_path}/runs; n=$(wc -l < {tmp_path}/runs)\n"
            + credential("tNUMBER").replace("NUMBER", "'$n'")
        )
        credentials = Kubeconfig(config.write(user), monotonic=seconds)
        assert (await credentials.grant()).authorization == "Bearer t1"
        seconds.now += 6000
        assert (await credentials.grant()).authorization == "Bearer t1"
        assert (await credentials.grant(refused="Bearer t1")).authorization == "Bearer t2"

    async def test_a_plugin_runs_again_when_its_token_expires(self, config: Config, seconds: Seconds) -> None:
        user = config.plugin(credential("old", expirationTimestamp="2020-01-01T00:00:00Z"))
        credentials = Kubeconfig(config.write(user), monotonic=seconds)
        assert (await credentials.grant()).authorization == "Bearer old"
        config.plugin(credential("new", expirationTimestamp="2090-01-01T00:00:00Z"))
        seconds.now += 60
        assert (await credentials.grant()).authorization == "Bearer new"
        config.plugin(credential("newest"))
        seconds.now += 60
        assert (await credentials.grant()).authorization == "Bearer new"
        assert (await credentials.grant(refused="Bearer new")).authorization == "Bearer newest"

    @pytest.mark.parametrize("script", ["echo no >&2; exit 1", "echo '{}'", "echo no JSON", credential("")])
    async def test_a_plugin_that_gives_nothing_is_told(self, config: Config, script: str) -> None:
        with pytest.raises(CredentialsError, match="exec plugin gave neither"):
            await Kubeconfig(config.write(config.plugin(script))).grant()

    def oidc(self, config: Config, issuer: str, **more: str) -> str:
        old = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", b'{"exp": 1}', b"s"))
        provider = {"client-id": "id", "client-secret": "s", "id-token": old, "refresh-token": "r1", **more}
        return config.write({"auth-provider": {"name": "oidc", "config": {**provider, "idp-issuer-url": issuer}}})

    async def test_an_expired_oidc_token_is_renewed_at_its_issuer(self, config: Config, api: ApiServer) -> None:
        api.reply = then(
            answer(200, {"token_endpoint": f"{api.url}/token"}, Content_Type="application/json"),
            answer(200, {"id_token": "renewed", "refresh_token": "r2"}, Content_Type="application/json"),
        )
        assert (await Kubeconfig(self.oidc(config, api.url)).grant()).authorization == "Bearer renewed"
        assert api.last.body == b"grant_type=refresh_token&refresh_token=r1"

    async def test_no_secret_goes_to_an_issuer_that_cannot_be_verified(self, config: Config, tmp_path: Path) -> None:
        """The package's own renewal verifies nothing."""
        authority = Authority()
        async with running(authority.server(tmp_path)) as issuer:
            with pytest.raises(CredentialsError, match="certificate verify failed"):
                await Kubeconfig(self.oidc(config, issuer.url)).grant()
            assert issuer.seen == []
            issuer.reply = answer(404)
            known = {"idp-certificate-authority-data": base64.b64encode(authority.pem.encode()).decode()}
            with pytest.raises(CredentialsError, match="404"):
                await Kubeconfig(self.oidc(config, issuer.url, **known)).grant()

    async def test_several_files_are_merged(self, config: Config, tmp_path: Path) -> None:
        first = tmp_path / "context"
        first.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "second"}))
        assert (await Kubeconfig(f"{first}:{config.write({})}").grant()).server.startswith("http://127.0.0.1")

    async def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialsError, match=r"no kubeconfig at .*/missing"):
            await Kubeconfig(str(tmp_path / "missing")).grant()

    @pytest.mark.parametrize("content", ["", "[]", "{", "clusters: 5", "current-context: x\ncontexts: []"])
    async def test_a_file_that_is_no_kubeconfig_is_named(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "config").write_text(content)
        with pytest.raises(CredentialsError, match=str(tmp_path / "config")):
            await Kubeconfig(str(tmp_path / "config")).grant()

    async def test_no_such_context(self, config: Config) -> None:
        with pytest.raises(CredentialsError, match="absent"):
            await Kubeconfig(config.write({}), "absent").grant()


class TestChoice:
    def test_a_named_file_comes_first(self) -> None:
        environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "KUBECONFIG": "/a"}
        assert isinstance(load("/b", environ=environ), Kubeconfig)
        assert isinstance(load(context="c", environ=environ), Kubeconfig)
        assert isinstance(load(environ=environ), InCluster)
        assert isinstance(load(environ={"KUBECONFIG": "/a"}), Kubeconfig)
        assert isinstance(load(environ={}), Kubeconfig)


class TestRefusedToken:
    """401: the request was not let in, so that sending it with a newer token repeats nothing."""

    async def test_is_renewed_once_and_the_request_goes_out_again(self, api: ApiServer) -> None:
        credentials = Fixed(Grant(api.url, "Bearer old"), Grant(api.url, "Bearer new"))
        cluster = KubernetesCluster(Transport(credentials))
        api.reply = then(status(401, "Unauthorized"), answer(200, {"kind": "Deployment"}))
        assert await cluster.write(PATCH) == {"kind": "Deployment"}
        assert [seen.headers["authorization"] for seen in api.seen] == ["Bearer old", "Bearer new"]
        await cluster.close()

    async def test_that_stays_the_same_is_forbidden_after_one_request(self, api: ApiServer) -> None:
        cluster = KubernetesCluster(Transport(Fixed(Grant(api.url, "Bearer old"))))
        api.reply = status(401, "Unauthorized")
        with pytest.raises(Forbidden):
            await cluster.write(PATCH)
        assert len(api.seen) == 1
        await cluster.close()

    async def test_credentials_that_cannot_be_had_are_unavailable(self, tmp_path: Path) -> None:
        cluster = KubernetesCluster(Transport(Kubeconfig(str(tmp_path / "none")), Timeouts()))
        with pytest.raises(Unavailable, match="no kubeconfig at"):
            await cluster.write(PATCH)
        await cluster.close()
