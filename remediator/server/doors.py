"""The doors on one page: every route, who is let in, what it takes and what it answers."""

from __future__ import annotations

from remediator.server.access import Access
from remediator.server.answers import Answers, Word
from remediator.server.door import AFTER, LIMIT, SEQ, Door, Param, Text
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
    ready = {200: Readiness, 503: Readiness}
    return (
        Door(
            "POST",
            "/webhook/alertmanager",
            webhook.take,
            "Hand in alerts",
            ("alertmanager",),
            {200: Taken},
            (400, 413),
            AlertPayload,
        ),
        Door("GET", "/healthz", views.healthz, "Whether the process answers", ANYBODY, {200: PLAIN}),
        Door("GET", "/readyz", views.readyz, "Whether it is ready, with every check", ANYBODY, ready),
        Door("GET", "/metrics", views.metrics, "Metrics for Prometheus", ANYBODY, {200: PLAIN}),
    )


def _of_lookers(service: Service, access: Access) -> tuple[Door, ...]:
    views, pauses, following = Views(service, access), Pauses(service, access), Following(service, access)
    one, pages = "/api/v1/incidents/{id}", (_STATE, AFTER, LIMIT)
    journal, why = "/api/v1/journal", "/api/v1/explain/{name}"
    return (
        Door("GET", "/api/v1/status", views.status, "The service on one page", LOOK, {200: StatusView}),
        Door(
            "GET",
            "/api/v1/incidents",
            views.incidents,
            "Incidents, newest first",
            LOOK,
            {200: IncidentPage},
            (400,),
            None,
            pages,
        ),
        Door("GET", one, views.incident, "One incident, open or past", LOOK, {200: IncidentStory}, (404,)),
        Door("GET", f"{one}/journal", views.story, "Its journal lines, at most 1000", LOOK, {200: JournalPage}, (404,)),
        Door("GET", why, views.explain, "Why", LOOK, {200: Explanation}, (400, 404), None, (_AT, _WHAT_IF)),
        Door("GET", "/api/v1/rules", views.rules, "The rules in force", LOOK, {200: Rules}),
        Door("GET", "/api/v1/pauses", pauses.standing, "The pauses that stand", LOOK, {200: PausesStanding}),
        Door(
            "GET",
            journal,
            views.journal,
            "Journal lines, in order",
            LOOK,
            {200: JournalPage},
            (400,),
            None,
            (_FROM, LIMIT),
        ),
        Door(
            "GET",
            f"{journal}/follow",
            following.follow,
            "Journal lines as they come",
            LOOK,
            {200: EVENTS},
            (400,),
            None,
            (_SINCE,),
        ),
    )


def _of_operators(service: Service, access: Access) -> tuple[Door, ...]:
    views, answers, pauses = Views(service, access), Answers(service, access), Pauses(service, access)
    incident, counted = "/api/v1/incidents/{id}", {200: Counted, 202: Waiting}
    said, ended = {200: Paused, 202: Waiting}, {200: Resumed, 202: Waiting}
    words, names = (*BODY, 409), (*BODY, 409, 422)
    return (
        Door(
            "POST",
            f"{incident}/approve",
            answers.approve,
            "Let its plan be carried out",
            ("approve",),
            counted,
            words,
            Word,
        ),
        Door(
            "POST",
            f"{incident}/deny",
            answers.deny,
            "Let its plan not be carried out",
            ("approve",),
            counted,
            words,
            Word,
        ),
        Door("POST", "/api/v1/pause", pauses.pause, "Hold steps back", STOP, said, names, PauseAsked),
        Door("POST", "/api/v1/resume", pauses.resume, "Let what was paused go on", STOP, ended, names, ResumeAsked),
        Door("POST", "/-/reload", views.reload, "Read the rule files again", ("admin",), {200: Reloaded}, (422,)),
    )
