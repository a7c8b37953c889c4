"""A run as lines for people: what happened, what was written, what the journal says, in one order."""

from __future__ import annotations

from datetime import datetime

from remediator.core.events import Record
from remediator.narrate import narrate
from remediator.simulation.audit import Entry


class Trace:
    """Lines of one run, each with the seconds since its start; kept only where somebody wants to read them."""

    def __init__(self, start: datetime, *, wanted: bool) -> None:
        self.lines: list[str] = []
        self._start, self._wanted = start, wanted

    def say(self, at: datetime, who: str, what: str) -> None:
        """Keep a line."""
        if self._wanted:
            self.lines.append(f"{(at - self._start).total_seconds():10.3f}s  {who:14} {what}")

    def record(self, at: datetime, process: str, record: Record) -> None:
        """Keep a record of the journal."""
        if self._wanted:
            event, line = record.event, narrate(record.event)
            about = " ".join(filter(None, (event.incident, event.rule, str(event.target or ""))))
            below = f" ({'; '.join(line.below)})" if line.below else ""
            self.say(at, process, f"#{record.seq} {about} {line.word}: {line.text}{below}"[:400])

    def request(self, at: datetime, entry: Entry) -> None:
        """Keep a write, or a dry run."""
        if self._wanted:
            request = entry.request
            word = "dry run of " if request.dry_run else ""
            where = "/".join(filter(None, (request.kind, request.namespace, request.name)))
            body = request.body if isinstance(request.body, dict) else {}
            marks = (body.get("metadata") or {}).get("annotations") or {}
            ours = [f"{name.rpartition('/')[2]} {mark}" for name, mark in marks.items() if "remediator.io/" in name]
            self.say(at, "API server", f"{word}{request.verb} {where} {', '.join(ours)}: {entry.code}")
