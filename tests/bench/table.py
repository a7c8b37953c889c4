"""The table that the benchmarks print: one row a figure, with its goal where it has one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HEADINGS = ("bench", "figure", "value", "over the rounds", "goal", "")


@dataclass(frozen=True)
class Row:
    """One figure. `rounds` tells its spread in words; `met` is None where it has no goal."""

    bench: str
    figure: str
    value: str
    rounds: str = ""
    goal: str = ""
    met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The row's texts, by `HEADINGS`."""
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return (self.bench, self.figure, self.value, self.rounds, self.goal, verdict)


def at_most(bench: str, figure: str, value: float, limit: float, unit: str, rounds: str = "") -> Row:
    """A figure that must not exceed its goal."""
    return Row(bench, figure, said(value, unit), rounds, f"≤ {said(limit, unit)}", value <= limit)


def at_least(bench: str, figure: str, value: float, limit: float, unit: str, rounds: str = "") -> Row:
    """A figure that must reach its goal."""
    return Row(bench, figure, said(value, unit), rounds, f"≥ {said(limit, unit)}", value >= limit)


def said(value: float, unit: str) -> str:
    """A figure for people: three digits of what is small, no decimals of what is large."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def between(least: float, greatest: float, unit: str) -> str:
    """A range for people."""
    return f"{said(least, unit).removesuffix(f' {unit}')} … {said(greatest, unit)}"


def render(rows: Iterable[Row]) -> str:
    """The rows under their headings, as a table in Markdown whose columns stand below each other."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_line(cells, widths) for cells in (lines[0], rule, *lines[1:]))


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
