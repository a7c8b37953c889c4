"""Every record is one readable line, and hostile text stays text."""

from __future__ import annotations

import typing

import pytest

from remediator.core.events import (
    Approval,
    Decision,
    Escalated,
    Event,
    IncidentClosed,
    Outcome,
    Payload,
    RulesChanged,
    Signal,
    Verification,
)
from remediator.core.model import CloseReason, OutcomeStatus, allow, deny, hold
from remediator.core.text import printable
from remediator.narrate import _LINES, narrate
from tests.unit.builders import START, WEB, at

HELD = (allow("mode", "mode is enforce"), hold("cooldown", "last action ended at 11:50", at(60)))
DENIED = (*HELD, deny("protected", "namespace shop is protected"))


def line(data: Payload):
    return narrate(Event(START, data, "abc", "undo", WEB))


@pytest.mark.parametrize(
    ("data", "word", "text", "below"),
    [
        (Signal("alertmanager", "firing", "f", {"alertname": "Stuck"}), "signal", "Stuck fires", ()),
        (Signal("alertmanager", "skipped", reason="no labels"), "signal", "skipped: alert: no labels", ()),
        (Decision("act", HELD[:1], 0, "rollback"), "decision", "rollback: 1 guards asked, all allow", ()),
        (
            Decision("hold", HELD, 0, "rollback", retry_at=at(60)),
            "hold",
            "rollback waits until 12:01:00Z",
            ("cooldown: last action ended at 11:50",),
        ),
        (
            Decision("deny", DENIED, 0, "rollback", then="rest"),
            "refused",
            "rollback may not be done",
            ("protected: namespace shop is protected",),
        ),
        (
            Decision("await_approval", HELD[:1], 0, "rollback", retry_at=at(900), plan="p1"),
            "approval",
            "rollback: plan p1 waits for approval until 12:15:00Z",
            (),
        ),
        (Approval("approve", "p1", True, "fine"), "approval", "approved by controller: plan p1: fine", ()),
        (Outcome("i", OutcomeStatus.REFUSED, "Forbidden: no"), "outcome", "refused: Forbidden: no", ()),
        (Outcome("i", OutcomeStatus.NEVER_DONE), "outcome", "not written, and fenced off", ()),
        (Outcome("i", OutcomeStatus.ADOPTED), "outcome", "found written already, adopted", ()),
        (
            Outcome("i", OutcomeStatus.ADOPTED, "Pod/shop/web-1 is gone"),
            "outcome",
            "found done already, adopted: Pod/shop/web-1 is gone",
            (),
        ),
        (Verification("not_yet", 0, "1 of 3 replicas ready"), "verify", "not yet: 1 of 3 replicas ready", ()),
        (Escalated("oncall", "delivered", CloseReason.FAILED, "why"), "escalated", "oncall: delivered: why", ()),
        (IncidentClosed(CloseReason.RECOVERED, "ready"), "closed", "recovered: ready", ()),
        (RulesChanged(error="a.yaml:1:1"), "rules", "rejected, the last good ones stay: a.yaml:1:1", ()),
    ],
)
def test_the_line_says_what_happened(data, word, text, below):
    said = line(data)
    assert (said.word, said.text, said.below) == (word, text, below)


def test_every_kind_of_event_has_a_line():
    assert set(typing.get_args(Payload)) == set(_LINES)


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\x07", "\r", "\u202e", "\x00"])
def test_hostile_text_is_shown_and_not_obeyed(text):
    shown = line(Signal("alertmanager", "firing", "f", {"alertname": f"x{text}y"})).text
    assert shown.isprintable()
    assert "\\" in shown
    assert printable(text) in shown
