"""A message as parts with headings, in the order in which they are read; endpoints put them into their own form."""

from __future__ import annotations

from collections.abc import Iterator

from remediator.core.diagnosis import Diagnosis
from remediator.core.message import Message, Occasion
from remediator.core.model import Value

GOOD = ("recovered", "resolved")


class Part(Value, frozen=True):
    """Lines under a heading; `verbatim` ones are of a log or a diff, and are shown with fixed pitch."""

    heading: str
    lines: tuple[str, ...]
    verbatim: bool = False


def parts(message: Message) -> Iterator[Part]:
    """All of a message but its title: what happened, what was done, what was refused and why, what to do next."""
    yield from _filled("What happened", message.happened)
    yield from _filled("What was done", message.did)
    yield from _filled("What was refused", message.refused)
    yield from _filled("Next", (message.next_step,))
    if message.diagnosis is not None:
        yield from diagnosed(message.diagnosis)
    yield from _filled("Annotations that could not be rendered", message.problems)


def diagnosed(found: Diagnosis) -> Iterator[Part]:
    """What the findings do not say already: the roll-out's difference, the ends of logs, what could not be read."""
    if found.changed:
        yield Part("Changed by the last roll-out", tuple(found.changed.splitlines()), verbatim=True)
    for log in found.logs:
        which = "previous log" if log.previous else "log"
        yield Part(f"End of the {which} of {log.pod}/{log.container}", log.lines, verbatim=True)
    yield from _filled("Not read", tuple(f"{what}: {why}" for what, why in found.unread.items()))


def references(message: Message) -> Iterator[tuple[str, str]]:
    """Where to look: names and addresses."""
    if message.runbook_url:
        yield "Runbook", message.runbook_url
    if message.link:
        yield "Incident", message.link


def is_good(message: Message) -> bool:
    """Whether it is good news: an end that nobody need do anything about."""
    return message.occasion is Occasion.CLOSED and message.news.startswith(GOOD)


def _filled(heading: str, lines: tuple[str, ...]) -> Iterator[Part]:
    if kept := tuple(line for line in lines if line):
        yield Part(heading, kept)
