"""The doors on one page: every route, who is let in, what it takes and what it answers."""

from __future__ import annotations

from typing import Any

from remediator.server.access import Access
from remediator.server.answers import Answers, Word
from remediator.server.door import AFTER, LIMIT, SEQ, Door, Handler, Param, Text
from remediator.server.following import Following
from remediator.server.pauses import PauseAsked, Pauses, ResumeAsked
from remediator.server.service import Service
from remediator.server.shapes import (
    AlertPayload,
    Counted,
    IncidentPage,
    JournalPage,
    Paused,
    PausesStanding,
    Readiness,
    Reloaded,
    Resumed,
    Rules,
    Taken,
    Waiting,
)
from remediator.server.views import STATES, Views
from remediator.server.webhook import Limits, Webhook
from remediator.views import Explanation, IncidentStory, StatusView

ANYBODY, LOOK = ("anybody",), ("view",)
STOP = ("approve", "admin")
BODY = (400, 408, 413)
PLAIN, EVENTS = Text("text/plain"), Text("text/event-stream")

_STATE = Param("state", {"enum": list(STATES)}, "Open incidents, or past ones: of these at most 100 a page.")
_FROM = Param("after", SEQ, "Lines with higher sequence numbers; 0 if absent.")
_SINCE = Param("after", SEQ, "As Last-Event-ID; absent: what is still to come.")
_AT = Param("at", {"type": "string", "format": "date-time"}, "Up to this instant, inclusive; absent: until now.")
_WHAT_IF = Param(
    "what_if",
    {"type": "string", "maxLength": 4096},
    "JSON of `guards` (as in rule files, durations in seconds) and `mode` to decide it again under.",
)


def doors_of(service: Service, access: Access, limits: Limits) -> tuple[Door, ...]:
    """All doors over a running service."""
    return (
        *_of_machines(service, access, limits),
        *_of_lookers(service, access),
        *_of_operators(service, access),
    )


def _of_machines(service: Service, access: Access, limits: Limits) -> tuple[Door, ...]:
    views, webhook = Views(service, access), Webhook(service, access, limits)
    ready, path = {200: Readiness, 503: Readiness}, "/webhook/alertmanager"
    take, who = webhook.take, ("alertmanager",)
    return (
        Door("POST", path, take, "Hand in alerts", who, {200: Taken}, (400, 413), AlertPayload),
        Door("GET", "/healthz", views.healthz, "Whether the process answers", ANYBODY, {200: PLAIN}),
        Door("GET", "/readyz", views.readyz, "Whether it is ready, with every check", ANYBODY, ready),
        Door("GET", "/metrics", views.metrics, "Metrics for Prometheus", ANYBODY, {200: PLAIN}),
    )


def _of_lookers(service: Service, access: Access) -> tuple[Door, ...]:
    views, pauses, following = Views(service, access), Pauses(service, access), Following(service, access)
    one, all_, journal = "/api/v1/incidents/{id}", "/api/v1/incidents", "/api/v1/journal"
    why, pages, past = "/api/v1/explain/{name}", (_STATE, AFTER, LIMIT), (_AT, _WHAT_IF)
    return (
        _look("/api/v1/status", views.status, "The service on one page", StatusView),
        _look(all_, views.incidents, "Incidents, newest first", IncidentPage, (400,), pages),
        _look(one, views.incident, "One incident, open or past", IncidentStory, (404,)),
        _look(f"{one}/journal", views.story, "Its journal lines, at most 1000", JournalPage, (404,)),
        _look(why, views.explain, "Why", Explanation, (400, 404), past),
        _look("/api/v1/rules", views.rules, "The rules in force", Rules),
        _look("/api/v1/pauses", pauses.standing, "The pauses that stand", PausesStanding),
        _look(journal, views.journal, "Journal lines, in order", JournalPage, (400,), (_FROM, LIMIT)),
        _look(f"{journal}/follow", following.follow, "Journal lines as they come", EVENTS, (400,), (_SINCE,)),
    )


def _look(
    path: str, handler: Handler, text: str, gives: Any, fails: tuple[int, ...] = (), query: tuple[Param, ...] = ()
) -> Door:
    """A door for whoever may look."""
    return Door("GET", path, handler, text, LOOK, {200: gives}, fails, None, query)


def _of_operators(service: Service, access: Access) -> tuple[Door, ...]:
    views, answers, pauses = Views(service, access), Answers(service, access), Pauses(service, access)
    incident, counted = "/api/v1/incidents/{id}", {200: Counted, 202: Waiting}
    said, ended = {200: Paused, 202: Waiting}, {200: Resumed, 202: Waiting}
    words, names, who = (*BODY, 409), (*BODY, 409, 422), ("approve",)
    yes, no = "Let its plan be carried out", "Let its plan not be carried out"
    return (
        Door("POST", f"{incident}/approve", answers.approve, yes, who, counted, words, Word),
        Door("POST", f"{incident}/deny", answers.deny, no, who, counted, words, Word),
        Door("POST", "/api/v1/pause", pauses.pause, "Hold steps back", STOP, said, names, PauseAsked),
        Door("POST", "/api/v1/resume", pauses.resume, "Let what was paused go on", STOP, ended, names, ResumeAsked),
        Door("POST", "/-/reload", views.reload, "Read the rule files again", ("admin",), {200: Reloaded}, (422,)),
    )
