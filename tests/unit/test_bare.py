"""Parts of packages are to be had without what the packages would load."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from remediator.bare import bare

LOADED = """
remediator.cli.run remediator.config.apart remediator.app remediator.journal.sqlite remediator.clients.kubernetes
remediator.clients.kubeconfig_loader remediator.notify.receivers sqlalchemy starlette.applications
uvicorn.server
"""
"""What the service with a journal and a kubeconfig has loaded when it is ready."""
NEEDLESS = """
aiohttp cel_expr_python google.protobuf http.server kubernetes.client multiprocessing pydantic requests rich
sqlalchemy.dialects.postgresql sqlalchemy.orm uvicorn.supervisors wsgiref
"""
"""What it does not need for that: these would be a third of its memory and half of its start."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that loads too much, with a part that is wanted."""
    name = "loads_too_much"
    (tmp_path / name / "inner").mkdir(parents=True)
    (tmp_path / name / "__init__.py").write_text("loaded = True\n")
    (tmp_path / name / "inner" / "__init__.py").write_text("from .. import missing\n")
    (tmp_path / name / "part.py").write_text("value = 1\n")
    (tmp_path / name / "inner" / "part.py").write_text("from ..part import value\n")
    monkeypatch.syspath_prepend(tmp_path)
    for each in ("", ".part", ".inner", ".inner.part"):
        monkeypatch.delitem(sys.modules, name + each, raising=False)
    return name


def test_a_part_is_imported_and_its_package_is_not_run(package: str) -> None:
    with bare(package, f"{package}.inner"):
        assert importlib.import_module(f"{package}.inner.part").value == 1
        assert not hasattr(sys.modules[package], "loaded")


def test_afterwards_the_package_is_as_if_nobody_had_imported_it(package: str) -> None:
    with bare(package):
        part = importlib.import_module(f"{package}.part")
    assert importlib.import_module(package).loaded
    assert importlib.import_module(f"{package}.part") is part


def test_a_package_that_is_loaded_is_taken_as_it_is(package: str) -> None:
    whole = importlib.import_module(package)
    with bare(package):
        assert sys.modules[package] is whole
    assert sys.modules[package] is whole


def test_afterwards_is_also_where_an_import_failed(package: str) -> None:
    with pytest.raises(ModuleNotFoundError), bare(package):
        importlib.import_module(f"{package}.other")
    assert package not in sys.modules


def test_what_is_no_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no package there_is_none"), bare("there_is_none"):
        pass


def test_the_service_is_ready_without_what_only_others_need() -> None:
    program = "import sys, importlib\nfor each in sys.argv[1:]: importlib.import_module(each)\nprint(*sys.modules)"
    command = [sys.executable, "-c", program, *LOADED.split()]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert set(NEEDLESS.split()).intersection(loaded) == set()
