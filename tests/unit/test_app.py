"""The composition root: what of the journal is in the log."""

from __future__ import annotations

from typing import Any

from remediator.app import log_record
from remediator.core.events import Decision, Event, Record
from remediator.core.model import allow, deny
from tests.unit.builders import START, WEB

RULE = '- {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}'


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.lines.append((event, values))


def logged(decision: Decision) -> tuple[str, dict[str, Any]]:
    log = Log()
    log_record(log, Record(7, Event(START, decision, "incident-1", "undo", WEB), "", ""))
    ((event, values),) = log.lines
    return event, values


def test_a_refusal_is_logged_with_its_reasons_such_as_the_right_that_is_missing():
    event, values = logged(Decision("deny", (allow("mode"), deny("rehearsal", f"add {RULE}")), 0, "restart"))
    assert event == "refused: restart may not be done"
    assert values["why"] == f"rehearsal: add {RULE}"


def test_what_is_done_is_logged_without():
    event, values = logged(Decision("act", (allow("mode"),), 0, "restart"))
    assert (event.startswith("decision: restart"), "why" in values) == (True, False)
    assert (values["seq"], values["target"]) == (7, str(WEB))
