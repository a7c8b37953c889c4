"""One version of a tool, wherever it is named."""

from __future__ import annotations

import re

from tests.unit.repository.sources import ROOT


def named(path: str, pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"))


def test_the_oldest_python_is_the_same_for_users_linters_and_set_up() -> None:
    (oldest,) = named("pyproject.toml", r'requires-python = ">=([\d.]+)"')
    assert named("pyproject.toml", r'pythonVersion = "([\d.]+)"') == [oldest]
    assert named("pyproject.toml", r'target-version = "py(\d+)"') == [oldest.replace(".", "")]
    assert named(".ci/setup", r"version_info < \((\d+, \d+)\)") == [oldest.replace(".", ", ")]


def test_the_image_has_the_oldest_python() -> None:
    (oldest,) = named("pyproject.toml", r'requires-python = ">=([\d.]+)"')
    assert named("image/assemble", r"readonly PYTHON=([\d.]+)") == [oldest]
    assert f"python{oldest}-minimal" in named("image/packages", r"(python\S+)")
