"""The image as it was built (`make image`): unpacked, and run as a container runtime would, without an engine.

The root file system is mounted read-only, the user is no root and has no name, nothing of the machine is seen.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.requirements import ARCHIVE
from tests.unit.repository.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LIMIT_BYTES = 150_000_000

# What byte code says of itself that is taken without a look at its source (PEP 552).
_UNCHECKED = (0b01).to_bytes(4, "little")
# 65532 as the image says; then as OpenShift runs it: any user, and the group 0.
USERS = ["65532:65532", "1000710000:0"]


def reason_not_to() -> str:
    if os.geteuid() != 0:
        return "needs root, to unpack the image as it is and to mount it read-only"
    if missing := [name for name in ("unshare", "chroot", "tar") if shutil.which(name) is None]:
        return f"needs {', '.join(missing)} on the PATH"
    return "" if ARCHIVE.exists() else "there is no image: make image"


pytestmark = pytest.mark.skipif(bool(reason_not_to()), reason=reason_not_to())


class Image:
    """`root` is the unpacked file system, `config` what the image says of itself, `compressed` its layers' bytes."""

    def __init__(self, archive: Path, folder: Path) -> None:
        with tarfile.open(archive) as layout:
            layout.extractall(folder, filter="data")
        manifest = self._blob(folder, json.loads((folder / "index.json").read_text())["manifests"][0])
        self.config: dict[str, Any] = self._blob(folder, manifest["config"])["config"]
        self.compressed = sum(layer["size"] for layer in manifest["layers"])
        self.root = folder / "root"
        self.root.mkdir()
        for layer in manifest["layers"]:
            blob = folder / "blobs" / layer["digest"].replace(":", "/")
            subprocess.run(["tar", "-xpz", "--numeric-owner", "-C", self.root, "-f", blob], check=True)

    def run(self, *command: str, user: str = USERS[0]) -> subprocess.CompletedProcess[str]:
        """Run a command with the image's environment; output and code."""
        mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
        inside = ["chroot", f"--userspec={user}", "--groups=", str(self.root), *command]
        apart = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", mount, "sh", str(self.root), *inside]
        environment = dict(line.split("=", 1) for line in self.config["Env"])
        environment["PATH"] += f":{os.environ['PATH']}"
        return subprocess.run(apart, env=environment, capture_output=True, text=True, check=False, timeout=600)

    def files(self) -> Iterator[Path]:
        return (path for path in self.root.rglob("*") if not path.is_symlink())

    @staticmethod
    def _blob(folder: Path, descriptor: dict[str, Any]) -> dict[str, Any]:
        return json.loads((folder / "blobs" / descriptor["digest"].replace(":", "/")).read_text())


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(ARCHIVE, tmp_path_factory.mktemp("image"))


@pytest.mark.parametrize("user", USERS)
def test_it_runs_as_no_root_on_a_root_that_is_read_only(image: Image, user: str) -> None:
    version = image.run(*image.config["Entrypoint"], "--version", user=user)
    assert (version.stdout, version.stderr, version.returncode) == (
        f"remediator, version {PROJECT['version']}\n",
        "",
        0,
    )
    checked = image.run("remediator", "check", "/usr/share/remediator/rules/workloads.yaml", user=user)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_it_says_who_it_is_and_runs_as_a_number(image: Image) -> None:
    labels = image.config["Labels"]
    assert labels["org.opencontainers.image.title"] == PROJECT["name"]
    assert labels["org.opencontainers.image.version"] == PROJECT["version"]
    assert labels["org.opencontainers.image.licenses"] == PROJECT["license"]
    assert image.config["User"] == "65532:65532"
    assert image.config["Entrypoint"] + image.config["Cmd"] == [
        "remediator", "run", "--config", "/etc/remediator/remediator.yaml",
    ]  # fmt: skip


def test_it_is_small(image: Image) -> None:
    print(f"image: {image.compressed / 1e6:.1f} MB compressed")
    assert image.compressed < LIMIT_BYTES


def test_there_is_no_shell_in_it_and_no_program_but_python_and_its_own(image: Image) -> None:
    places = ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin")
    programs = {path.name for place in places for path in (image.root / place).glob("*")}
    assert programs == {"python3", "python3.11", "remediator"}
    denied = [path for path in image.files() if path.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID)]
    assert denied == []


def test_only_the_journals_folder_and_tmp_can_be_written_and_by_group_0_too(image: Image) -> None:
    for_others = {
        "/" + path.relative_to(image.root).as_posix() for path in image.files() if path.stat().st_mode & stat.S_IWOTH
    }
    assert for_others == {"/tmp"}
    journal = (image.root / "var/lib/remediator").stat()
    assert (journal.st_uid, journal.st_gid, stat.S_IMODE(journal.st_mode)) == (65532, 0, 0o775)
    others = [path for path in image.files() if path.name != "remediator" and path.stat().st_uid != 0]
    assert others == []


def test_every_module_is_compiled_so_that_nothing_is_at_start(image: Image) -> None:
    """And its byte code is marked as good whatever the source's time is: times change when an image is unpacked."""
    places = ("usr/local/lib/python3.11/dist-packages", "usr/lib/python3.11")
    packages, library = (list((image.root / place).rglob("*.py")) for place in places)
    sources = [path for path in (*packages, *library) if path.stem.isidentifier()]
    assert min(len(packages), len(library)) > 500
    compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc" for path in sources]
    assert [path for path in compiled if not path.exists()] == []
    assert [path for path in compiled if path.read_bytes()[4:8] != _UNCHECKED] == []


def test_what_distributions_say_that_they_brought_is_there(image: Image) -> None:
    packages = image.root / "usr/local/lib/python3.11/dist-packages"
    listed = [
        packages / line[0]
        for record in packages.glob("*.dist-info/RECORD")
        for line in csv.reader(record.read_text(encoding="utf-8").splitlines())
    ]
    assert len(listed) > 2000
    assert [path for path in listed if not path.exists()] == []


def test_the_bill_of_materials_names_all_that_is_locked_and_nothing_else(image: Image) -> None:
    bill = json.loads((image.root / "usr/share/remediator/sbom.cdx.json").read_text())
    lock = {
        (one["name"], one["version"])
        for one in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    }
    told = {(one["name"], one["version"]) for one in bill["components"] if one["purl"].startswith("pkg:pypi/")}
    assert told - lock == set()
    wanted = {name.split("=")[0].split(">")[0].split("[")[0] for name in PROJECT["dependencies"]}
    assert wanted - {name for name, _ in told} == set()
    debian = {one["name"] for one in bill["components"] if one["purl"].startswith("pkg:deb/")}
    assert debian == set((ROOT / "image/packages").read_text(encoding="utf-8").split())


def test_certificates_and_time_zones_are_there(image: Image) -> None:
    program = """
import ssl, zoneinfo
print(len(ssl.create_default_context().get_ca_certs()) > 100, zoneinfo.ZoneInfo("Europe/Berlin"))
"""
    looked = image.run("python3", "-c", program)
    assert looked.stdout == "True Europe/Berlin\n", looked.stderr
