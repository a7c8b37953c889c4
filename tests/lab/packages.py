"""Debian packages that tests run servers from: installed here where root may, named with their command otherwise.

Only the programs are wanted. The services that the packages would start are kept from starting and disabled.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.lab.build import cache_folder
from tests.lab.errors import LabError
from tests.lab.locks import only_one
from tests.lab.progress import Say, print_line, run_with_progress

MONITORING = ("prometheus", "prometheus-alertmanager")
"""Prometheus with promtool, Alertmanager with amtool."""

POSTGRESQL = ("postgresql",)
"""PostgreSQL; its servers are under ``/usr/lib/postgresql``, not on the PATH."""

NODE = ("containerd", "runc", "containernetworking-plugins", "iptables", "iproute2")
"""What a node is made of beside the kubelet."""

IMAGE = ("buildah",)
"""What makes an image where there is no container engine."""

_POLICY = Path("/usr/sbin/policy-rc.d")
_NO_SERVICE_STARTS = "#!/bin/sh\nexit 101\n"
_SERVICES_OF = {
    "prometheus": ("prometheus",),
    "prometheus-alertmanager": ("prometheus-alertmanager",),
    "postgresql": ("postgresql",),
    "containerd": ("containerd",),
}


def require(packages: Sequence[str], say: Say = print_line) -> None:
    """Make sure that these Debian packages are installed; ``LabError`` with the command to type where root must."""
    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise LabError(f"Needs the programs of the Debian packages {', '.join(missing)}, and this is no Debian.")
    if os.geteuid() != 0:
        raise LabError(
            f"Needs the Debian packages {', '.join(missing)}, and only root may install them. Type:\n"
            f"  {command_for_people(missing)}"
        )
    with only_one(cache_folder() / "packages.lock", "packages are being installed", say):
        _install([package for package in missing if not is_installed(package)], say)


def is_installed(package: str) -> bool:
    """Whether dpkg has the package unpacked and configured."""
    if shutil.which("dpkg-query") is None:
        return False
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.returncode == 0 and asked.stdout.strip() == "installed"


def command_for_people(packages: Sequence[str]) -> str:
    """What a person types to get the packages without their services running."""
    names = " ".join(packages)
    units = " ".join(unit for package in packages for unit in _SERVICES_OF.get(package, ()))
    return (
        f"sudo apt-get update && sudo apt-get install --no-install-recommends {names} "
        f"&& sudo systemctl disable --now {units}"
    )


def _install(packages: Sequence[str], say: Say) -> None:
    if not packages:
        return
    say(f"installing the Debian packages {', '.join(packages)}; their services stay off")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    with _services_stay_off():
        run_with_progress([*apt, "update"], Path("/"), environment, "apt-get update", say)
        install = [*apt, "install", "--no-install-recommends", *packages]
        run_with_progress(install, Path("/"), environment, "apt-get install", say)
    _disable([unit for package in packages for unit in _SERVICES_OF.get(package, ())])


@contextlib.contextmanager
def _services_stay_off() -> Iterator[None]:
    """Forbid maintainer scripts to start services, as policy-rc.d does; a policy that is there already stays."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text(_NO_SERVICE_STARTS)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _disable(units: Sequence[str]) -> None:
    """Keep the services from starting at the next boot; where no systemd runs there is nothing to do."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "disable", "--now", "--quiet", *units], check=False)
