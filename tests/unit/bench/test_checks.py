"""What the benchmark of `check` writes has no mistake and no warning, or it would measure something else."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from remediator.cli.check import command
from tests.bench.checks import write


def test_the_files_are_in_order(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--config", str(write(tmp_path, files=3))])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "ok: 4 files, 30 rules\n", "")
