"""`python -m tests.mutants`: plants each bug in a copy of the product and lets it be looked for."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.mutants.mutant import Gone, Mutant, plant
from tests.mutants.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]

SCENARIOS = ROOT / "tests/simulation/regressions"
SEEDS, EFFORT = 30, 8
"""How long the simulation looks for a bug whose scenario shows it no more, and makes what it finds smaller."""

LONGEST = 1800
"""Seconds for one look for a bug: what makes everything wait for ever is no finding, but ends."""


def main() -> int:
    """0 where every bug was found, else 1."""
    asked = _arguments()
    wanted = [mutant for mutant in MUTANTS if asked.only in mutant.name]
    begun, survivors = time.perf_counter(), 0
    for mutant in wanted:
        found, by, took = _hunt(replace(mutant, found_by="") if asked.simulate else mutant)
        survivors += not found
        print(f"{'found   ' if found else 'SURVIVED'}  {took:6.1f}s  {mutant.name:55}  {by}", flush=True)
    took = time.perf_counter() - begun
    print(f"{len(wanted) - survivors} of {len(wanted)} planted bugs found in {took:.0f} s")
    return 1 if survivors else 0


def _hunt(mutant: Mutant) -> tuple[bool, str, float]:
    """Whether the bug was found, by what, and in how many seconds."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "remediator", copy / "remediator", ignore=shutil.ignore_patterns("__pycache__"))
        os.symlink(ROOT / "tests", copy / "tests")
        try:
            plant(mutant, copy / "remediator")
        except Gone as error:
            return False, f"cannot be planted: {error}", time.perf_counter() - begun
        found, by = _shown(mutant, copy) or (_tested(mutant, copy) if mutant.found_by else _simulated(mutant, copy))
    return found, by, time.perf_counter() - begun


def _shown(mutant: Mutant, copy: Path) -> tuple[bool, str] | None:
    """Play the scenario that is known to show it, where there is one; None where that shows nothing."""
    known = SCENARIOS / mutant.scenario
    ended = _run(copy, "-m", "tests.simulate", "--file", str(known)) if known.exists() else None
    return (True, _broken(ended.stdout)) if ended is not None and ended.returncode == 1 else None


def _simulated(mutant: Mutant, copy: Path) -> tuple[bool, str]:
    """Play seeds until one breaks a promise, and keep it as the scenario that shows the bug.

    Anything else that ends the simulation is no finding.
    """
    known = SCENARIOS / mutant.scenario
    options = ("--seeds", str(SEEDS), "--first", "--effort", str(EFFORT), *mutant.options)
    ended = _run(copy, "-m", "tests.simulate", *options)
    if ended.returncode == 0:
        return False, f"not in {SEEDS} seeds"
    found = next(copy.glob("failing-*.json"), None)
    if ended.returncode != 1 or found is None:
        return False, f"the simulation itself fails: {ended.stderr.strip().splitlines()[-1:]}"
    known.write_bytes(found.read_bytes())
    return True, f"{_broken(ended.stdout)} (kept as {known.name})"


def _broken(said: str) -> str:
    """The line that says which promise was broken."""
    return next((line for line in said.splitlines() if " broken at " in line), "")[:150]


def _tested(mutant: Mutant, copy: Path) -> tuple[bool, str]:
    options = ("-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
    ended = _run(copy, "-m", "pytest", *options, mutant.found_by)
    if ended.returncode in (0, 1):
        return ended.returncode == 1, mutant.found_by
    return False, f"{mutant.found_by} does not run: {ended.stdout.strip().splitlines()[-1:]}"


def _run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    whole = [sys.executable, *command]
    try:
        return subprocess.run(
            whole, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(whole, 124, "", f"not over after {LONGEST} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="only mutants whose name has this in it")
    parser.add_argument("--simulate", action="store_true", help="only in the simulation, whatever test is named")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
