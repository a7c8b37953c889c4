"""``python -m tests.lab`` in a checkout of its own, beside the lab of this test session."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.waiting import wait_for

pytestmark = pytest.mark.lab

HERE = Path(__file__).parents[1] / "lab"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """Another checkout, with its own folder for temporary files; programs come from the user's cache."""
    shutil.copytree(HERE, tmp_path / "tests" / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests" / "__init__.py").touch()
    yield tmp_path
    run(tmp_path, "down")


def command(checkout: Path, name: str) -> subprocess.Popen[str]:
    """It listens to Ctrl-C, also where the suite runs in the background of a shell, which does not."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.lab", name],
        cwd=checkout,
        env=os.environ | {"TMPDIR": str(checkout)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def run(checkout: Path, name: str) -> tuple[int, str]:
    process = command(checkout, name)
    output, _ = process.communicate()
    return process.returncode, output


def test_up_stands_beside_another_lab_until_down(lab: Lab, checkout: Path) -> None:
    assert run(checkout, "status")[0] == 1
    code, output = run(checkout, "up")
    assert code == 0, output
    kubeconfig = output.rpartition("export KUBECONFIG=")[2].strip()
    assert kubeconfig.startswith(str(checkout)), "the lab is the copied checkout's"
    assert run(checkout, "up")[1].endswith(f"{kubeconfig}\n"), "the second `up` finds the first one's lab"
    asked = subprocess.run(
        [str(lab.kubectl), f"--kubeconfig={kubeconfig}", "get", "nodes", "-o", "name"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.split() == ["node/node-a", "node/node-b", "node/node-c"]
    assert run(checkout, "down")[0] == 0
    assert run(checkout, "status")[0] == 1
    wait_for(lambda: processes_of(checkout), lambda found: found == [], "the end of all servers")
    assert lab.admin.list("nodes"), "the session's own lab is still there"


def interrupted(checkout: Path) -> tuple[int, str]:
    """`up`, which hears Ctrl-C as soon as a server of its has begun."""
    process = command(checkout, "up")
    wait_for(lambda: processes_of(checkout), lambda found: any("kube-apiserver" in one for one in found), "a server")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    return process.returncode, output


def test_ctrl_c_during_up_ends_all(lab: Lab, checkout: Path) -> None:
    code, output = interrupted(checkout)
    if code == 0:  # the machine was away for so long that all stood before the signal was sent
        run(checkout, "down")
        code, output = interrupted(checkout)
    assert code == 130
    assert "interrupted" in output
    wait_for(lambda: processes_of(checkout), lambda found: found == [], "the end of all servers")
    assert run(checkout, "status")[0] == 1


def test_killed_keeper_takes_its_servers_with_it(lab: Lab, checkout: Path) -> None:
    code, output = run(checkout, "up")
    assert code == 0, output
    (keeper,) = [int(one.split()[0]) for one in processes_of(checkout) if "tests.lab keep" in one]
    os.kill(keeper, signal.SIGKILL)
    wait_for(lambda: processes_of(checkout), lambda found: found == [], "the end of all servers")
    assert run(checkout, "status")[0] == 1


def processes_of(checkout: Path) -> list[str]:
    """The running processes, but this one's children, that work in or on the checkout: ``PID COMMAND LINE``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            place = str((folder / "cwd").readlink())
        except OSError:
            continue
        if (str(checkout) in line or (place == str(checkout) and "keep" in line)) and "up" not in line.split():
            found.append(f"{folder.name} {line}")
    return found
