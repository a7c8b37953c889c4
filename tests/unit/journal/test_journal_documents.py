"""What docs/journal.md shows is true: its line, its bytes, its verifier."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from remediator.core.events import Payload
from remediator.journal.canonical import canonical
from remediator.journal.chain import FIELDS
from remediator.journal.verification import verify
from tests.unit.journal.test_journal_export import JSONL, export

PAGE = (Path(__file__).parents[3] / "docs" / "journal.md").read_text()


def shown(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"docs/journal.md shows no {language}"
    return found[1]


def run_verifier(tmp_path: Path, exported: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "verifier.py").write_text(shown("python"))
    (tmp_path / "export.jsonl").write_text(exported, encoding="utf-8", errors="surrogateescape")
    command = [sys.executable, "-I", "verifier.py", "export.jsonl"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_the_line_shown_holds_and_its_bytes_are_those_shown():
    line = json.loads(shown("json"))
    assert verify([line]).records == 1
    del line["hash"]
    assert canonical(line).decode() == shown("text").strip()


def test_the_verifier_shown_needs_nothing_of_this_program_and_agrees_with_it(path: Path, tmp_path: Path):
    done = run_verifier(tmp_path, export(path, "jsonl"))
    last = json.loads(export(path, "jsonl").split("\n")[-2])
    assert (done.returncode, done.stdout) == (0, f"ok: 7 records, head 7 {last['hash']}\n")


# The shown verifier reads JSON as Python does: of a doubled key it takes the last.
@pytest.mark.parametrize("tamper", sorted(JSONL.keys() - {"a key said twice"}))
def test_the_verifier_shown_finds_what_this_program_finds(path: Path, tmp_path: Path, tamper: str):
    doing, _ = JSONL[tamper]
    done = run_verifier(tmp_path, "\n".join(doing(export(path, "jsonl").split("\n")[:-1])))
    assert done.returncode != 0


def test_every_field_and_kind_is_told():
    for name in FIELDS:
        assert f"`{name}`" in PAGE
    for payload in Payload.__args__:
        assert f"`{payload.__struct_config__.tag}`" in PAGE
