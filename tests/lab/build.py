"""The Go programs of the lab: built once a machine into the user's cache folder, then found there.

A program's place is keyed by all that goes into it (sources, locked modules, flags, Go version), so a change
of any of them builds anew and two checkouts with the same sources share one binary.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.locks import only_one
from tests.lab.progress import Say, run_with_progress

_GO_SOURCES = Path(__file__).with_name("go")
_OLDEST_GO = (1, 21)
_KUBERNETES = "v1.37.2"
_HELM = "v4.3.1"
_METRICS_SERVER = "v0.9.0"
_VERSION_FLAGS = " ".join(
    f"-X k8s.io/component-base/version.{key}={value}"
    for key, value in (
        ("gitVersion", _KUBERNETES),
        ("gitMajor", _KUBERNETES[1:].split(".")[0]),
        ("gitMinor", _KUBERNETES.split(".")[1]),
    )
)


@dataclass(frozen=True)
class Program:
    """A Go program of the lab.

    ``name`` is also its folder in ``sources``; ``package`` what to build in there; ``ldflags`` and ``flags`` go
    to ``go build``. ``minutes`` is how long a cold build took on two cores.
    """

    name: str
    package: str
    minutes: float
    ldflags: str = ""
    flags: tuple[str, ...] = ()
    sources: Path = _GO_SOURCES

    @property
    def source(self) -> Path:
        """The folder with its ``go.mod``."""
        return self.sources / self.name

    def build_command(self, output: Path) -> list[str]:
        """The ``go build`` command that writes ``output``; the module versions are those of ``go.sum``."""
        ldflags = f"-s -w {self.ldflags}".strip()
        fixed = ["go", "build", "-v", "-trimpath", "-buildvcs=false", f"-ldflags={ldflags}"]
        return [*fixed, *self.flags, "-o", str(output), self.package]


CONTROLPLANE = Program("controlplane", ".", minutes=8, ldflags=_VERSION_FLAGS)
KWOK = Program("kwok", "sigs.k8s.io/kwok/cmd/kwok", minutes=2)
METRICS_SERVER = Program(
    "metrics-server",
    "sigs.k8s.io/metrics-server/cmd/metrics-server",
    minutes=3,
    # Without it the server would not say which version it is.
    ldflags=f"-X k8s.io/client-go/pkg/version.gitVersion={_METRICS_SERVER}",
)
PROMETHEUS_3 = Program(
    "prometheus",
    "github.com/prometheus/prometheus/cmd/prometheus",
    minutes=3,
    # Without it the server would not say which version it is.
    ldflags="-X github.com/prometheus/common/version.Version=3.16.0",
    flags=("-tags=remove_all_sd",),
)
HELM = Program(
    "helm",
    "helm.sh/helm/v4/cmd/helm",
    minutes=5,
    ldflags=f"-X helm.sh/helm/v4/internal/version.version={_HELM}",
)
PROGRAMS = (CONTROLPLANE, KWOK, METRICS_SERVER, PROMETHEUS_3, HELM)
"""What tests run on; what a lab does not ask for need not be there."""
INFORMER = Program("informer", ".", minutes=2)
"""Built by the benchmark that measures against it, on demand."""
NODE = Program("node", ".", minutes=2, ldflags=_VERSION_FLAGS)
WEB = Program("web", ".", minutes=0.1)
"""What runs on a real node, and in its containers: built for the end-to-end tests."""


def cache_folder() -> Path:
    """Where built programs and the state of running labs are kept: ``$XDG_CACHE_HOME/remediator-lab``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "remediator-lab"


def key_of(program: Program, go_version: str) -> str:
    """A short hash over everything that decides what the built program is."""
    digest = hashlib.sha256()
    digest.update(f"{go_version}\0{program.build_command(Path('out'))}\0".encode())
    sources = [path for path in program.source.rglob("*") if path.suffix in {".go", ".mod", ".sum"}]
    for path in sorted(sources):
        digest.update(f"{path.relative_to(program.source)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def built(program: Program, say: Say) -> Path:
    """The path of the program's binary, built first where it is not in the cache yet.

    Takes minutes when cold; ``say`` gets a line every few seconds. Another build of this user is waited for.
    """
    binary = _place(program)
    if not binary.exists():
        with only_one(cache_folder() / "build.lock", "a build is under way", say):
            if not binary.exists():
                _build(program, binary, say)
    return binary


def is_built(program: Program) -> bool:
    """Whether ``built`` would return at once."""
    return _place(program).exists()


def parse_go_version(text: str) -> tuple[int, int]:
    """``go1.26.8`` or ``go1.27rc1`` → ``(1, 26)``; a ``LabError`` where it is no such thing."""
    found = re.match(r"go(\d+)\.(\d+)", text)
    if not found:
        raise LabError(f"`go env GOVERSION` says {text!r}, which is no Go version: is the right `go` on the PATH?")
    return int(found[1]), int(found[2])


def _place(program: Program) -> Path:
    return cache_folder() / f"{program.name}-{key_of(program, _go_version(program))}" / program.name


def _go_version(program: Program) -> str:
    """The Go release that builds the program; one older than go.mod asks for fetches that one."""
    if shutil.which("go") is None:
        raise LabError(
            "The lab's servers are built with Go, and there is no `go` on the PATH. Install Go 1.21 or newer "
            "(on Debian 12: the package golang-go of bookworm-backports), then run this again."
        )
    installed = _go_env("GOVERSION", {"GOTOOLCHAIN": "local"}, cwd=Path("/"))
    if parse_go_version(installed) < _OLDEST_GO:
        raise LabError(
            f"{shutil.which('go')} is {installed}, and the lab needs Go 1.21 or newer, which fetches the release "
            "that go.mod asks for. On Debian 12: the package golang-go of bookworm-backports."
        )
    return _go_env("GOVERSION", {}, cwd=program.source)


def _go_env(name: str, extra: dict[str, str], cwd: Path) -> str:
    asked = subprocess.run(
        ["go", "env", name], cwd=cwd, env=os.environ | extra, capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        raise LabError(f"`go env {name}` failed in {cwd}:\n{asked.stderr.strip()}")
    return asked.stdout.strip()


def _build(program: Program, binary: Path, say: Say) -> None:
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished = binary.with_suffix(".unfinished")
    say(f"building {program.name}: once on this machine, about {program.minutes:g} min on two cores")
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    try:
        run_with_progress(program.build_command(unfinished), program.source, environment, program.name, say)
        unfinished.rename(binary)
    finally:
        unfinished.unlink(missing_ok=True)
