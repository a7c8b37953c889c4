"""The repository as data: its modules as syntax trees, its documents as links, blocks and tables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "remediator"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file of the product; `name` is its path under the package, as `core/fold.py`."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def part(self) -> str:
        """The package or module right below `remediator` that it belongs to."""
        return self.name.split("/")[0].removesuffix(".py")

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    @property
    def imports(self) -> Iterator[tuple[str, int]]:
        """Every imported module by its full name, with the line; also those inside functions."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module, node.lineno

    def at(self, node: ast.expr | ast.stmt | int) -> str:
        """Where something stands, as a terminal makes it clickable."""
        return f"remediator/{self.name}:{node if isinstance(node, int) else node.lineno}"


@cache
def modules() -> tuple[Module, ...]:
    """All modules of the product, each read once."""
    return tuple(Module(path) for path in sorted(PACKAGE.rglob("*.py")))


@dataclass(frozen=True)
class Block:
    """A fenced block of a document: its language, its text and its first line's number."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Document:
    """One Markdown file; `name` is its path in the repository."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks and code spans."""
        return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", self.text, flags=re.MULTILINE | re.DOTALL))

    @property
    def blocks(self) -> Iterator[Block]:
        for found in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL):
            yield Block(found[1], found[2], self.text.count("\n", 0, found.start()) + 2)

    def below(self, heading: str, *languages: str) -> list[str]:
        """The texts of the blocks of these languages below a heading, up to the next one."""
        found, current = [], ""
        for part in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```|^#+ ([^\n]+)$", self.text, re.MULTILINE | re.DOTALL):
            current = part[3] or current
            if not part[3] and current == heading and part[1] in languages:
                found.append(part[2])
        return found

    @property
    def links(self) -> Iterator[str]:
        """Targets of links and pictures that lead into the repository."""
        for target in re.findall(r"\]\(([^)\s]+)\)", self.prose):
            if not re.match(r"[a-z]+:", target):
                yield target

    @property
    def anchors(self) -> set[str]:
        """The headings as links name them."""
        text = re.sub(r"^```.*?^```", "", self.text, flags=re.MULTILINE | re.DOTALL)
        return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}

    def table(self, heading: str) -> dict[str, list[str]]:
        """The rows of the table whose first column has this heading, by that column without its code marks."""
        rows = [_cells(line) for line in self.text.splitlines() if line.startswith("|")]
        start = next(place for place, cells in enumerate(rows) if cells[0] == heading)
        width = len(rows[start])
        found: dict[str, list[str]] = {}
        for cells in rows[start + 2 :]:
            if len(cells) != width:
                break
            found[cells[0].strip("`")] = cells[1:]
        return found


def documents() -> list[Document]:
    """All Markdown files that belong to the repository."""
    places = (ROOT.glob("*.md"), *((ROOT / folder).rglob("*.md") for folder in ("docs", "helm", "rules")))
    return [Document(path) for paths in places for path in sorted(paths)]


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _cells(line: str) -> list[str]:
    """The cells of a table's row; a bar behind a backslash or inside a code span is text."""
    marked = re.sub(r"`[^`]*`", lambda found: found[0].replace("|", "\0"), line.replace(r"\|", "\0"))
    return [cell.strip().replace("\0", "|") for cell in marked.strip().strip("|").split("|")]
