"""What decides is pure, and one hand writes: the calls that no import contract can see."""

from __future__ import annotations

import ast
import tomllib
from functools import cache

import pytest

from tests.unit.repository.sources import ROOT, Module, modules

DATA_TYPES = {
    "__future__",
    "bisect",
    "calendar",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "immutables",
    "itertools",
    "json",
    "math",
    "msgspec",
    "operator",
    "re",
    "re2",
    "remediator",
    "typing",
    "zoneinfo",
}
"""What pure modules may stand on: values, arithmetic and text. A newcomer is added here by choice, not by chance."""

IMPURE = {
    "breakpoint",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "eval",
    "exec",
    "input",
    "open",
    "print",
}


@cache
def pure_parts() -> frozenset[str]:
    """The parts of the package that the import contract `pure` names."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (pure,) = (contract for contract in contracts if contract["id"] == "pure")
    return frozenset(name.removeprefix("remediator.") for name in pure["source_modules"])


def pure_modules() -> list[Module]:
    return [module for module in modules() if module.part in pure_parts()]


def impure_calls(tree: ast.AST) -> list[ast.Call]:
    """Calls of a clock, of randomness or of the outside, under whatever prefix."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_impure(ast.unparse(node.func))]


def _is_impure(called: str) -> bool:
    first, *rest = called.split(".")
    return called in IMPURE or ".".join([first, *rest][-2:]) in IMPURE or first in {"random", "uuid", "time", "os"}


def cluster_writes(tree: ast.AST) -> list[ast.expr]:
    """Uses of a cluster's `write`: awaited, or taken from something that is named a cluster."""
    awaited = [
        node.value.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call) and _attribute(node.value.func) == "write"
    ]
    taken = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "write" and "cluster" in ast.unparse(node.value).lower()
    ]
    return list(dict.fromkeys([*awaited, *taken]))


def _attribute(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""


@pytest.mark.parametrize("module", pure_modules(), ids=lambda module: module.name)
def test_what_decides_is_handed_time_and_chance(module: Module) -> None:
    assert [f"{module.at(call)}: {ast.unparse(call)}" for call in impure_calls(module.tree)] == []


@pytest.mark.parametrize("module", pure_modules(), ids=lambda module: module.name)
def test_what_decides_stands_on_data_types_alone(module: Module) -> None:
    strangers = [f"{module.at(line)}: {name}" for name, line in module.imports if name.split(".")[0] not in DATA_TYPES]
    assert strangers == []


def test_the_executor_is_the_one_hand_that_writes() -> None:
    """The elector writes too, to one object that is nobody's target: its own Lease; and the herald creates Events."""
    hands = {module.name for module in modules() if cluster_writes(module.tree)}
    assert hands == {"executor.py", "elector.py", "herald.py"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("datetime.now(UTC)", 1),
        ("datetime.datetime.utcnow()", 1),
        ("time.time()", 1),
        ("uuid.uuid4()", 1),
        ("random.choice(pods)", 1),
        ("state.random(pods)", 0),
        ("now - timedelta(seconds=1)", 0),
    ],
)
def test_a_clock_or_chance_is_noticed(source: str, found: int) -> None:
    assert len(impure_calls(ast.parse(source))) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("async def f(): await self._cluster.write(change)", 1),
        ("async def f(): await self.api.write(change)", 1),
        ("hand = partial(cluster.write, change)", 1),
        ("out.write(line)", 0),
        ("async def f(): await cluster.rehearse(change)", 0),
    ],
)
def test_a_second_hand_is_noticed(source: str, found: int) -> None:
    assert len(cluster_writes(ast.parse(source))) == found
