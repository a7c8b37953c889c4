"""`remediator run` where it cannot begin: one exit code, and what is wrong on stderr."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml


def run(folder: Path, **settings: object) -> tuple[int, str]:
    """Its exit code, and all that it said."""
    file = folder / "remediator.yaml"
    file.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "remediator", "run", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"storage": {"url": "postgresql://127.0.0.1:1/x"}}, "it cannot be reached"),
        (
            {"storage": {"url": "sqlite:///./j.db"}, "leader_election": {"enabled": True}},
            "several replicas cannot share an SQLite file",
        ),
    ],
    ids=["a journal that is not there", "two replicas over SQLite"],
)
def test_what_it_cannot_begin_with_is_2_and_told(tmp_path: Path, settings: dict[str, object], told: str) -> None:
    code, said = run(tmp_path, **settings)
    assert code == 2
    assert told in said


def test_a_port_in_use_is_2_and_told(tmp_path: Path, kubeconfig: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = run(
            tmp_path,
            storage={"url": "sqlite:///./j.db"},
            web={"listen": f"127.0.0.1:{port}"},
            kubernetes={"kubeconfig": str(kubeconfig)},
        )
    assert code == 2
    assert "nothing can be received" in said


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """Of a cluster that is not there."""
    file = tmp_path / "kubeconfig"
    server = {"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    whole = {"clusters": [server], "contexts": [context], "users": [{"name": "none", "user": {}}]}
    file.write_text(yaml.safe_dump(whole | {"apiVersion": "v1", "kind": "Config", "current-context": "none"}))
    return file
