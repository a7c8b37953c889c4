"""The terminal in which it is typed word by word what pages say."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.cluster import PATIENCE, RealCluster
from tests.lab.build import HELM, built
from tests.lab.errors import LabError
from tests.lab.progress import print_line
from tests.lab.waiting import wait_for
from tests.unit.repository.sources import ROOT, Document


def commands(page: str, heading: str) -> list[str]:
    """What is typed below a heading of a page in `docs/`, line by line."""
    return [line for text in Document(ROOT / "docs" / page).below(heading, "sh") for line in text.splitlines()]


class Terminal:
    """A shell in a folder like a checkout, with kubectl, helm and remediator; the pages' namespace `remediator` is
    ``namespace`` here.
    """

    def __init__(self, cluster: RealCluster, folder: Path, namespace: str = "remediator") -> None:
        self.folder, self._namespace = folder, namespace
        programs = folder / "bin"
        programs.mkdir()
        own = Path(sys.executable).with_name("remediator")
        for name, program in {"kubectl": cluster.kubectl, "helm": built(HELM, print_line), "remediator": own}.items():
            (programs / name).symlink_to(program)
        for name in ("helm", "docs"):
            (folder / name).symlink_to(ROOT / name)
        self._environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "KUBECONFIG": str(cluster.control_plane.kubeconfig("admin")),
        }

    def type(self, command: str) -> str:
        """What a command prints; a ``LabError`` with its complaint where it fails."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self._here(command)], cwd=self.folder, env=self._environment,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise LabError(f"{command} failed with code {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def typing(self, command: str, port: int) -> Iterator[None]:
        """A command that goes on in the background (`… &`) until the block ends; it has begun when its port answers."""
        words = ["bash", "-c", f"exec {self._here(command).removesuffix('&')}"]
        with subprocess.Popen(words, cwd=self.folder, env=self._environment) as process:
            try:
                wait_for(lambda: _answers(port), bool, f"{command} to listen on {port}", PATIENCE)
                yield
            finally:
                process.terminate()

    def _here(self, command: str) -> str:
        return re.sub(r"(-n|--namespace) remediator\b", rf"\1 {self._namespace}", command)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
