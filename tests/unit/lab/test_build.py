"""Where a built program is kept, and what is said when it cannot be built."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import threading
from pathlib import Path

import pytest

from tests.lab.build import (
    CONTROLPLANE,
    INFORMER,
    KWOK,
    PROGRAMS,
    Program,
    built,
    cache_folder,
    key_of,
    parse_go_version,
)
from tests.lab.errors import LabError
from tests.lab.locks import only_one
from tests.lab.progress import run_with_progress


def test_key_differs_by_program_flags_and_go() -> None:
    other_flags = dataclasses.replace(CONTROLPLANE, ldflags="-X a=b")
    keys = {
        key_of(CONTROLPLANE, "go1.26.8"),
        key_of(CONTROLPLANE, "go1.27.0"),
        key_of(other_flags, "go1.26.8"),
        key_of(KWOK, "go1.26.8"),
    }
    assert len(keys) == 4
    assert key_of(KWOK, "go1.26.8") == key_of(KWOK, "go1.26.8")


def test_key_changes_with_the_sources(tmp_path: Path) -> None:
    shutil.copytree(KWOK.source, tmp_path / "kwok")
    copy = dataclasses.replace(KWOK, sources=tmp_path)
    before = key_of(copy, "go1.26.8")
    assert before == key_of(KWOK, "go1.26.8")
    with (tmp_path / "kwok" / "go.sum").open("a") as sums:
        sums.write("\n")
    assert key_of(copy, "go1.26.8") != before


@pytest.mark.parametrize("program", [*PROGRAMS, INFORMER], ids=lambda program: program.name)
def test_module_versions_are_locked(program: Program) -> None:
    assert (program.source / "go.sum").read_text().strip()


def test_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "remediator-lab"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "remediator-lab"


@pytest.mark.parametrize(("text", "version"), [("go1.26.8", (1, 26)), ("go1.27rc1", (1, 27))])
def test_go_versions_are_read(text: str, version: tuple[int, int]) -> None:
    assert parse_go_version(text) == version


def test_missing_go_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"no `go` on the PATH. Install Go 1.21 or newer"):
        built(KWOK, print)


def test_old_go_is_told_with_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.19.8\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LabError, match=r"go is go1.19.8, and the lab needs Go 1.21"):
        built(KWOK, print)


def test_failing_build_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\n[ "$1" = env ] && echo go1.26.0 && exit\necho cannot find module x\nexit 1\n')
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(LabError, match=r"(?s)go failed with code 1 in .*cannot find module x"):
        built(KWOK, lambda line: None)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith("kwok.")] == []


def test_progress_is_said_while_a_command_runs(tmp_path: Path) -> None:
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        if "package one" in line:
            (tmp_path / "heard").touch()

    works = "import os, time\nprint('package one')\nwhile not os.path.exists('heard'): time.sleep(0.05)"
    run_with_progress([sys.executable, "-uc", works], tmp_path, {}, "thing", hear, every=0.05)
    assert any("package one" in line for line in said[:-1])
    assert said[-1].startswith("thing: done")


def test_second_holder_of_a_lock_waits_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    told = threading.Event()

    def hear(line: str) -> None:
        said.append(line)
        told.set()

    def second() -> None:
        with only_one(tmp_path / "x.lock", "a build is under way", hear):
            said.append("mine")

    with only_one(tmp_path / "x.lock", "a build is under way", said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(120)
        assert len(said) == 1
    thread.join()
    assert said[0].startswith("a build is under way by another process")
    assert said[1] == "mine"
