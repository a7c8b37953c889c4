"""Messages to deliver: one as a night brings it, and one in which every text is hostile."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from remediator.core.diagnosis import Diagnosis, LogTail, PodState, RecentEvent
from remediator.core.message import Message, Occasion
from remediator.core.model import Target
from remediator.ports import Delivery
from tests.unit.builders import WEB, at

HOSTILE = "<!channel> <http://evil|here> *b* `x` & \"q\" 's' </pre><script>alert(1)</script>"


def message(occasion: Occasion = Occasion.ESCALATED, **fields: Any) -> Message:
    """The Deployment `shop/web` after a roll-back that did not help."""
    given = {
        "news": "needs a person: not healthy within 10m",
        "happened": ("KubeDeploymentRolloutStuck fires since 2026-01-01 12:00:00Z", "3 pods, as web-x: exit 1 (Error)"),
        "did": ("12:00:05Z roll Deployment/shop/web back from revision 3 to 2",),
        "refused": ("12:10:00Z restart: budget is spent (budget)",),
        "next_step": "Take over by hand",
        "cause": "failed",
        "reason": "not healthy within 10m",
        "severity": "page",
        "runbook_url": "https://runbooks.example.org/stuck",
        "link": "https://remediator.example.org/api/v1/incidents/incident-1",
        "labels": {"alertname": "KubeDeploymentRolloutStuck"},
        "annotations": {"summary": "web is stuck"},
        "diagnosis": diagnosis(),
    } | fields
    title = f"Deployment/shop/web: {given['news']}"
    return Message(occasion, title, "incident-1", "undo-bad-rollout", WEB, at(0), at(600), **given)


def diagnosis() -> Diagnosis:
    return Diagnosis(
        at(1),
        pods=(PodState("web-x", state="CrashLoopBackOff", restarts=4, last_exit="exit 1 (Error)"),),
        logs=(LogTail("web-x", "app", ("starting", "panic: no such table")),),
        events=(RecentEvent("Pod/web-x", "Warning", "BackOff", "Back-off restarting failed container", 7),),
        changed="- image: app:2\n+ image: app:3",
        unread={"nodes": "forbidden"},
    )


def hostile(occasion: Occasion = Occasion.ESCALATED) -> Message:
    """What alerts and logs said, where somebody wrote them for us."""
    found = replace(diagnosis(), logs=(LogTail("web-x", "app", (HOSTILE, "```")),), changed=HOSTILE)
    told = message(occasion, news=HOSTILE, happened=(HOSTILE,), did=(HOSTILE,), diagnosis=found)
    return replace(told, target=Target("Deployment", "shop", HOSTILE), labels={HOSTILE: HOSTILE}, runbook_url=HOSTILE)


def delivery(said: Message | None = None, endpoint: str = "webhook-0", thread: str = "", number: int = 1) -> Delivery:
    """The message on its way."""
    said = said or message()
    return Delivery("oncall", endpoint, f"{said.incident}-{said.occasion}-{number}-{endpoint}", said, thread)
