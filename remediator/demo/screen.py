"""What the demo shows: each journal record as a line while it happens, then what came of each incident."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from remediator.core.events import IncidentClosed, Record
from remediator.narrate import Line, narrate

STYLES = {
    "seen": "default",
    "good": "bold green",
    "bad": "bold red",
    "refused": "bold yellow",
    "told": "bold magenta",
    "quiet": "dim",
}

TARGET_STYLES = ("cyan", "blue", "bright_black")


class Screen:
    """A running commentary on a terminal; colour only where there is one and `NO_COLOR` is not set."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._styles: dict[str, str] = {}
        self._closed: dict[str, str] = {}

    def headline(self, text: str) -> None:
        """A new part begins."""
        self.console.print()
        self.console.rule(Text(text, style="bold"), align="left", characters="─")

    def say(self, text: str, style: str = "default") -> None:
        """A sentence of the narrator."""
        self.console.print(Text(text, style=style))

    def command(self, text: str) -> None:
        """A command to type: never broken into lines, so that it can be copied."""
        self.console.print(Text(f"  {text}", style="cyan"), soft_wrap=True)

    def record(self, record: Record) -> None:
        """Show one record; what concerns no target is the controller's own."""
        event = record.event
        if isinstance(event.data, IncidentClosed):
            self._closed[event.incident] = f"{event.data.reason}: {event.data.detail}"
        self._line(f"{event.time:%H:%M:%S}", str(event.target) if event.target else "controller", narrate(event))

    def _line(self, at: str, who: str, line: Line) -> None:
        style = STYLES[line.tone]
        head = Text.assemble(
            (f"{at} ", "dim"), (f"{who:<27}", self._style_of(who)), (f"{line.word:<10}", style), (line.text, style)
        )
        self.console.print(head, soft_wrap=True)
        for below in line.below:
            tint = {"-": "red", "+": "green"}.get(below[:1], style)
            self.console.print(Text(f"{'':<46}{below}", style=tint), soft_wrap=True)

    def _style_of(self, who: str) -> str:
        if who not in self._styles:
            self._styles[who] = TARGET_STYLES[len(self._styles) % len(TARGET_STYLES)]
        return self._styles[who]

    def summary(self, rows: list[tuple[str, str, str]]) -> None:
        """The incidents in one table: target, what happened, how it stands."""
        table = Table(title="What came of it", title_justify="left", title_style="bold")
        for name in ("target", "what was done", "how it stands"):
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print()
        self.console.print(table)
