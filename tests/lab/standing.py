"""A lab that stands in the background for people: one a checkout, kept by a process of its own.

The keeper owns the servers and writes a state file once all are ready; when it ends, however it does, they end.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from tests.lab.build import cache_folder
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.progress import Say

CHECKOUT = Path(__file__).parents[2]
_START_SECONDS = 180.0
_END_SECONDS = 15.0


@dataclass(frozen=True)
class Standing:
    """What the keeper says about its lab. ``started`` is the kernel's start time of ``pid``, which makes it unique."""

    pid: int
    started: str
    kubeconfig: str
    kubectl: str
    api_server: str
    prometheus: str
    alertmanager: str
    exporter: str
    logs: str
    servers: dict[str, int]


def find() -> Standing | None:
    """The lab of this checkout, where one stands."""
    try:
        standing = Standing(**json.loads(_state_file().read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return standing if process_start(standing.pid) == standing.started else None


def start(say: Say) -> Standing:
    """Start the keeper of this checkout's lab and wait until all is ready; an exception (Ctrl-C) ends it again."""
    folder = _folder()
    _state_file().unlink(missing_ok=True)
    log = folder / "keeper.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.lab", "keep"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _wait_for(keeper, log, say)
    except BaseException:
        keeper.terminate()
        keeper.wait()
        raise


def stop(standing: Standing) -> None:
    """End a lab and wait until it has ended: asked first, killed after 15 s (its servers go with it)."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(standing.pid, how)
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            if process_start(standing.pid) != standing.started:
                _state_file().unlink(missing_ok=True)
                return
            time.sleep(0.05)
    raise LabError(f"Process {standing.pid}, which keeps the lab, does not end: look at it with `ps -f {standing.pid}`")


def keep() -> None:
    """Be the keeper: start the lab, say where it is, and wait for SIGTERM or SIGINT."""
    signal.signal(signal.SIGTERM, _leave)
    lab = Lab()
    try:
        _write_state(_standing(lab))
        while all(server.running() for server in lab.servers):
            time.sleep(0.5)
        ended = [server.name for server in lab.servers if not server.running()]
        raise LabError(f"{', '.join(ended)} ended by itself; the logs are in {lab.logs}")
    except LabError:
        lab.stop(keep_logs=True)
        raise
    finally:
        _state_file().unlink(missing_ok=True)
        lab.stop()


def process_start(pid: int) -> str:
    """When the process started, in ticks since boot as the kernel counts; empty where there is none (or a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _standing(lab: Lab) -> Standing:
    return Standing(
        pid=os.getpid(),
        started=process_start(os.getpid()),
        kubeconfig=str(lab.kubeconfig()),
        kubectl=str(lab.kubectl),
        api_server=lab.url,
        prometheus=lab.prometheus_url,
        alertmanager=lab.alertmanager_url,
        exporter=lab.monitoring.exporter_url,
        logs=str(lab.logs),
        servers={server.name: server.pid for server in lab.servers},
    )


def _wait_for(keeper: subprocess.Popen[bytes], log: Path, say: Say) -> Standing:
    deadline = time.monotonic() + _START_SECONDS
    say(f"starting the servers (what happens is in {log})")
    while time.monotonic() < deadline:
        if standing := find():
            return standing
        if keeper.poll() is not None:
            raise LabError(f"The lab did not start:\n{log.read_text(errors='replace').strip()}")
        time.sleep(0.05)
    raise LabError(f"The lab is not ready after {_START_SECONDS:g} s:\n{log.read_text(errors='replace').strip()}")


def _write_state(standing: Standing) -> None:
    unfinished = _state_file().with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(standing), indent=1))
    unfinished.rename(_state_file())


def _state_file() -> Path:
    return _folder() / "state.json"


def _folder() -> Path:
    key = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:16]
    folder = cache_folder() / "standing" / key
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
