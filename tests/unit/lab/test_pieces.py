"""The lab's small pieces: ports, certificates, names, packages, stages, paths."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.lab import alertmanager, packages
from tests.lab.certificates import write_certificates
from tests.lab.errors import LabError
from tests.lab.fixtures import fresh_name
from tests.lab.folders import RunFolder, sweep
from tests.lab.nodes import all_stages
from tests.lab.ports import free_ports
from tests.lab.resources import path_of
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, rolled_out
from tests.unit.repository.sources import ROOT


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_a_port_that_was_given_is_nobody_elses_though_nothing_listens_there_yet() -> None:
    (port,) = free_ports(1)
    other = f"from tests.lab.ports import take; print(take({port}))"
    asked = subprocess.run([sys.executable, "-c", other], cwd=ROOT, capture_output=True, text=True, check=True)
    assert asked.stdout == "False\n"


def test_server_certificate_names_loopback_and_the_service(tmp_path: Path) -> None:
    files = write_certificates(tmp_path, ("127.0.0.1", "10.96.0.1"))
    server = x509.load_pem_x509_certificate(files.server_certificate.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(one) for one in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "10.96.0.1"}
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    server.verify_directly_issued_by(x509.load_pem_x509_certificate(files.ca.read_bytes()))
    assert files.server_key.stat().st_mode & 0o077 == 0


def test_the_proxys_certificate_is_a_clients_and_of_the_same_authority(tmp_path: Path) -> None:
    files = write_certificates(tmp_path, ("127.0.0.1",))
    proxy = x509.load_pem_x509_certificate(files.proxy_certificate.read_bytes())
    uses = proxy.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    proxy.verify_directly_issued_by(x509.load_pem_x509_certificate(files.ca.read_bytes()))
    assert files.proxy_key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("test", "begins"),
    [("test_undo[sqlite]", "undo-sqlite-"), ("test_" + "x" * 90, "x" * 40 + "-"), ("test_-", "test-")],
)
def test_namespace_is_named_after_its_test(test: str, begins: str) -> None:
    name = fresh_name(test)
    assert name.startswith(begins)
    assert len(name) <= 63
    assert name != fresh_name(test)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("deployments", "web", "shop"), "/apis/apps/v1/namespaces/shop/deployments/web"),
        (("Deployment", "", "shop"), "/apis/apps/v1/namespaces/shop/deployments"),
        (("pods",), "/api/v1/pods"),
        (("nodes", "node-a", "ignored"), "/api/v1/nodes/node-a"),
        (("pods", "web-1", "shop", "eviction"), "/api/v1/namespaces/shop/pods/web-1/eviction"),
    ],
)
def test_paths(arguments: tuple[str, ...], path: str) -> None:
    assert path_of(*arguments) == path


def test_unknown_kind_says_where_to_add_it() -> None:
    with pytest.raises(LabError, match=r"resources.py knows no 'widgets'"):
        path_of("widgets")


def test_stages_are_stages() -> None:
    stages = list(yaml.safe_load_all(all_stages()))
    assert {stage["kind"] for stage in stages} == {"Stage"}
    names = [stage["metadata"]["name"] for stage in stages]
    assert len(set(names)) == len(names)


def test_packages_that_only_root_may_install_come_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, code in (("apt-get", 0), ("dpkg-query", 1)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"(?s)Type:\n  sudo apt-get update && sudo apt-get install .*prometheus"):
        packages.require(packages.MONITORING)


def test_webhook_gets_only_what_the_matchers_let_through() -> None:
    settings = alertmanager.config("http://127.0.0.1:1/hook", ['namespace="shop"'], token="secret")
    assert settings["route"]["receiver"] == "nobody"
    assert settings["route"]["routes"][0]["matchers"] == ['namespace="shop"']
    webhook = settings["receivers"][1]["webhook_configs"][0]
    assert webhook["http_config"] == {"authorization": {"credentials": "secret"}}


def test_waiting_tells_the_last_error() -> None:
    def look() -> str:
        raise LabError("not there")

    with pytest.raises(LabError, match=r"in vain for the thing. Seen last: LabError: not there"):
        wait_for(look, bool, "the thing", timeout=0)


def test_run_folder_keeps_its_logs_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept, gone = RunFolder(), RunFolder()
    kept.remove(keep_logs=True)
    gone.remove(keep_logs=False)
    assert kept.logs.is_dir()
    assert not kept.data.exists()
    assert not gone.path.exists()


def test_data_of_a_killed_run_is_swept_and_that_of_a_living_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    living, dead, elsewhere = RunFolder(), RunFolder(), RunFolder()
    here, _ = (dead.path / "owner").read_text().split()
    (dead.path / "owner").write_text(f"{here} {2**22 + 1}")
    (elsewhere.path / "owner").write_text(f"pid:[1] {2**22 + 1}")  # another PID namespace: nobody here can know
    sweep()
    assert living.data.is_dir()
    assert elsewhere.data.is_dir()
    assert not dead.data.exists()
    assert dead.logs.is_dir()


def test_roll_out_is_done_only_for_the_newest_generation() -> None:
    web = deployment("web", replicas=2)
    web["metadata"]["generation"] = 2
    counts = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    assert rolled_out(web | {"status": {"observedGeneration": 2, **counts}})
    assert not rolled_out(web | {"status": {"observedGeneration": 1, **counts}})
    assert not rolled_out(web | {"status": {"observedGeneration": 2, **counts, "replicas": 3}})
