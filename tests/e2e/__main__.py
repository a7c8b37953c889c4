"""`python -m tests.e2e [PYTEST ARGUMENTS]`: the end-to-end tests, in namespaces of their own.

Network, mounts and processes are apart from the machine's: what the node makes of bridges, packet filters, mounts and
containers is gone with the last process, however that ends. What needs the world outside comes first.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.requirements import ARCHIVE, WITHIN, cgroups
from tests.lab.build import CONTROLPLANE, HELM, NODE, WEB, built
from tests.lab.errors import LabError
from tests.lab.packages import IMAGE, MONITORING, POSTGRESQL, require
from tests.lab.packages import NODE as NODE_PACKAGES
from tests.lab.progress import print_line

_CHECKOUT = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    """Prepare, then run pytest within; its exit code. Whoever ends this ends all of it, and nothing is left behind."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        _prepare()
    except LabError as error:
        print(f"e2e: {error}", file=sys.stderr)
        return 1
    apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    pytest = [sys.executable, "-m", "pytest", "-s", "tests/e2e", *arguments]
    # A folder of our own for temporary files: labs look for each other by process ids, which are not seen from within.
    folder = tempfile.mkdtemp(prefix="remediator-e2e-", dir="/var/tmp")
    with cgroups() as group:
        environment = os.environ | {WITHIN: group, "TMPDIR": folder}
        done = subprocess.run([*apart, *pytest], cwd=_CHECKOUT, env=environment, check=False)
    if done.returncode == 0:
        shutil.rmtree(folder)
    return done.returncode


def _prepare() -> None:
    if os.geteuid() != 0:
        raise LabError("a node needs root: sudo make e2e")
    require([*NODE_PACKAGES, *IMAGE, *MONITORING, *POSTGRESQL])
    for program in (CONTROLPLANE, NODE, WEB, HELM):
        built(program, print_line)
    if not ARCHIVE.exists():
        print_line("there is no image yet")
        subprocess.run([_CHECKOUT / "image" / "build", ARCHIVE], check=True)
    if shutil.which("unshare") is None:
        raise LabError("there is no `unshare` on the PATH: install the Debian package util-linux")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
