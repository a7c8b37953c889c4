"""Each foreign library is known to one part of the product, so that it can be exchanged there."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache

import pytest

from tests.unit.repository.sources import ROOT, modules

KNOWN_TO = {
    "alembic": {"journal"},
    "aiohappyeyeballs": {"clients"},
    "apscheduler": {"sources"},
    "cel_expr_python": {"conditions"},
    "click": {"cli"},
    "google": {"conditions"},
    "httptools": {"clients"},
    "immutables": {"core"},
    "kubernetes": {"clients"},
    "prometheus_api_client": {"clients"},
    "prometheus_client": {"metrics", "server"},
    "promql_parser": {"config"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "re2": {"config", "core"},
    "requests": {"clients"},
    "rich": {"cli", "demo"},
    "psycopg": {"journal"},
    "sqlalchemy": {"journal"},
    "sqlite3": {"journal"},
    "starlette": {"server"},
    "structlog": {"logs"},
    "tests": {"cli"},
    "urllib3": {"clients"},
    "uvicorn": {"server"},
    "uvloop": {"cli"},
    "yaml": {"cli", "config"},
}
"""Library → the parts that may import it. The `msgspec` of all values is everybody's."""

EVERYBODYS = {"msgspec", "remediator"}


@cache
def imported() -> dict[str, set[str]]:
    """Every library that is imported, with the parts that do."""
    found: dict[str, set[str]] = {}
    for module in modules():
        for name, _ in module.imports:
            found.setdefault(name.split(".")[0], set()).add(module.part)
    return {name: parts for name, parts in found.items() if name not in EVERYBODYS}


def foreign() -> dict[str, set[str]]:
    """What of it does not come with Python."""
    return {name: parts for name, parts in imported().items() if name not in sys.stdlib_module_names}


@pytest.mark.parametrize("library", KNOWN_TO)
def test_a_library_is_known_to_its_part_alone(library: str) -> None:
    assert imported().get(library, set()) <= KNOWN_TO[library]


def test_no_other_library_is_imported() -> None:
    assert {name: parts for name, parts in foreign().items() if name not in KNOWN_TO} == {}


def test_what_is_installed_for_users_is_what_the_code_imports_or_will() -> None:
    """Nothing that is imported comes in only as somebody else's dependency."""
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    declared = {re.split(r"[\[>=]", requirement)[0].replace("-", "_") for requirement in said}
    of = {"google": "protobuf", "pydantic_core": "pydantic", "re2": "google_re2", "yaml": "pyyaml"}
    of |= dict.fromkeys(("requests", "urllib3"), "prometheus_api_client")
    wanted = {of.get(name, name) for name in foreign()} - {"tests"}
    assert wanted <= declared
