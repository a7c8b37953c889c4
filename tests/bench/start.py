"""`start`: how long the code takes to load, and how much memory the service holds while it has nothing to do."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import spread
from tests.bench.process import resident_mebibytes
from tests.bench.product import start_product
from tests.bench.table import Row, at_most, between, said
from tests.bench.targets import account, namespace_with
from tests.lab.lab import Lab
from tests.lab.progress import Say

PROCESSES = 9
"""Cold processes of each kind, in turns."""
IMPORT_MILLISECONDS = 500
IDLE_MEBIBYTES = 80
"""The goals."""
IDLE_SECONDS = 3.0
"""From readiness to the look at the memory."""

RULES = """
groups:
  - name: bench
    rules:
      - name: restart
        when: {alert: KubeDeploymentReplicasMismatch}
        target: {kind: Deployment}
        if: 'target.replicas > 0'
        do: [restart]
"""
ALL = """
remediator.cli.run remediator.config.apart remediator.app remediator.journal.sqlite remediator.clients.kubernetes
remediator.clients.kubeconfig_loader remediator.notify.receivers
"""
"""What the service has loaded when it is ready."""
_IMPORT = """
import importlib, sys, time
took, used = time.perf_counter(), time.process_time()
for each in sys.argv[1:]:
    importlib.import_module(each)
print(1000 * (time.perf_counter() - took), 1000 * (time.process_time() - used))
"""


def measure(lab: Lab, say: Say) -> list[Row]:
    """Run it; some fifteen seconds."""
    imports, alls, cores, versions, bares = [], [], [], [], []
    compiled = _compiled(lab.folder.data / "bytecode")
    for _ in range(PROCESSES):
        imports.append(_imported(compiled, "remediator.app")[0])
        took, used = _imported(compiled, *ALL.split())
        alls.append(took)
        cores.append(used)
        versions.append(_milliseconds(compiled, "-m", "remediator", "--version"))
        bares.append(_milliseconds(compiled, "-c", "pass"))
    say(f"start: {PROCESSES} processes of each kind: import {statistics.median(imports):.0f} ms")
    memory = _idle(lab, lab.folder.data / "start")
    return [
        at_most(
            "start", "import of remediator.app", spread(imports).median, IMPORT_MILLISECONDS, "ms", _range(imports)
        ),
        at_most(
            "start",
            "import of all that is loaded when ready",
            spread(alls).median,
            IMPORT_MILLISECONDS,
            "ms",
            _range(alls),
        ),
        Row("start", "of that on a core", said(spread(cores).median, "ms"), _range(cores)),
        at_most("start", "resident memory of an idle service, kubeconfig", memory, IDLE_MEBIBYTES, "MiB"),
        Row("start", "remediator --version", said(spread(versions).median, "ms"), _range(versions)),
        Row("start", "a bare Python, for comparison", said(spread(bares).median, "ms"), _range(bares)),
    ]


def _idle(lab: Lab, folder: Path) -> float:
    namespace_with(lab, "bench-start", 0)
    product = start_product(lab.servers, folder, account(lab, "remediator", "bench-start").kubeconfig, RULES)
    product.get("/metrics")  # some of it is loaded with the first scrape
    time.sleep(IDLE_SECONDS)
    memory = resident_mebibytes(product.server.pid)
    product.server.stop()
    return memory


def _compiled(folder: Path) -> dict[str, str]:
    """The environment of processes that find all code compiled, as in the image and after `pip install`. Where Python
    is told to write no bytecode, each process of a checkout compiles the product anew, and half of its time is that.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    _imported(environment, *ALL.split())
    _output(environment, "-m", "remediator", "--version")
    return environment


def _imported(environment: dict[str, str], *modules: str) -> tuple[float, float]:
    """Milliseconds that their imports take in a new process, and how many of them on a core."""
    took, used = map(float, _output(environment, "-c", _IMPORT, *modules).split())
    return took, used


def _output(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def _milliseconds(environment: dict[str, str], *arguments: str) -> float:
    begun = time.perf_counter()
    _output(environment, *arguments)
    return 1000 * (time.perf_counter() - begun)


def _range(values: list[float]) -> str:
    seen = spread(values)
    return between(seen.least, seen.greatest, "ms")
