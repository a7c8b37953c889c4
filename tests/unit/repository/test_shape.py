"""The code stays small and speaks with one tongue: lengths, names, and what a module says of itself."""

from __future__ import annotations

import ast
import statistics

import pytest

from tests.unit.repository.sources import ROOT, Module, modules

EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "impl"}


def test_functions_are_short() -> None:
    """Nine in ten have at most 25 lines, their signature and docstring counted."""
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for module in modules() for node in module.functions)
    ninth_tenth = statistics.quantiles(lengths, n=10)[-1]
    assert ninth_tenth <= 25


def test_modules_have_one_subject() -> None:
    """Half of them have at most 150 lines."""
    assert statistics.median(len(module.text.splitlines()) for module in modules() if module.text) <= 150


def test_no_name_says_nothing() -> None:
    places = [path for folder in ("remediator", "tests") for path in (ROOT / folder).rglob("*.py")]
    empty = [str(path.relative_to(ROOT)) for path in places if EMPTY_WORDS.intersection(_words(path.stem))]
    empty += [
        f"{module.at(node)}: {node.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name.lower().endswith(("manager", "helper", "impl", "util", "utils"))
    ]
    assert empty == []


def _words(stem: str) -> set[str]:
    return set(stem.lower().split("_"))


@pytest.mark.parametrize("module", [each for each in modules() if each.text.strip()], ids=lambda module: module.name)
def test_a_module_begins_with_its_place_in_the_flow(module: Module) -> None:
    said = ast.get_docstring(module.tree)
    assert said, f"remediator/{module.name} has no docstring"
    assert len(said.splitlines()) <= 5
