"""What a person is told about an incident, whatever carries it. It stands in the journal as it was told."""

from __future__ import annotations

import enum
from datetime import datetime

from remediator.core.diagnosis import Diagnosis
from remediator.core.model import Target, Value


class Occasion(enum.StrEnum):
    """Why somebody is told. Each begins a thread where it is asked for, and goes on with one that was begun."""

    OPENED = "opened"  # a rule has evidence about a target
    APPROVAL = "approval"  # a plan waits for a person's word
    ANSWERED = "answered"  # a person approved or denied a plan, or nobody did in time
    ACTED = "acted"  # something was written
    CALLED = "called"  # an outside system is asked to act, by the action `webhook`
    GITOPS = "gitops"  # what is about to be written is kept by another tool, which has to be told
    FAILED = "failed"  # a step did not help, or could not be carried out
    REFUSED = "refused"  # nothing more is done, and nobody is asked
    ESCALATED = "escalated"  # the ladder came to its person
    CLOSED = "closed"  # the incident ended


class Deed(Value, frozen=True):
    """One thing that was done about an incident, or `refused`; in few words."""

    at: datetime
    text: str
    refused: bool = False


class Message(Value, frozen=True):
    """A message in the order in which it is read at night: what happened, what was done, what was refused and why, what
    to do next. Texts are plain: without control characters, and secrets are taken out.

    `title` says it all in one line; `told_at` is when it was decided to tell it. `news` is what is new since the last
    message of the thread. `problems` are annotations that could not be rendered.
    """

    occasion: Occasion
    title: str
    incident: str
    rule: str
    target: Target
    opened_at: datetime
    told_at: datetime
    news: str = ""
    happened: tuple[str, ...] = ()
    did: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    next_step: str = ""
    cause: str = ""
    reason: str = ""
    plan: str = ""
    severity: str = ""
    runbook_url: str = ""
    link: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    problems: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None
