"""PagerDuty, Events API v2: an alert of the incident's own key is triggered, acknowledged and resolved."""

from __future__ import annotations

from typing import Any

import msgspec

from remediator.clients.http_config import secret_in
from remediator.clients.outbound import Outbound
from remediator.config.settings import PagerdutyConfig
from remediator.core.message import Message, Occasion
from remediator.core.text import cut
from remediator.notify.layout import diagnosed, references
from remediator.notify.posting import Refused, post
from remediator.ports import Delivered, Delivery

SUMMARY, DETAILS = 1024, 400_000
"""PagerDuty's limits: characters of a summary, bytes of an event (512 KiB, with room for the rest)."""

PAGES = frozenset({Occasion.ESCALATED, Occasion.APPROVAL, Occasion.REFUSED, Occasion.GITOPS})
"""What somebody is paged for. Anything else only adds to an alert that is there."""

_SEVERITIES = {"page": "critical", "critical": "critical", "error": "error", "warning": "warning", "info": "info"}


class Pagerduty:
    """One entry of `pagerduty_configs`."""

    def __init__(self, config: PagerdutyConfig, outbound: Outbound) -> None:
        self._config, self._outbound = config, outbound

    async def send(self, delivery: Delivery) -> Delivered:
        """Send what belongs to the occasion; raises `Refused`. `thread` is the deduplication key."""
        action = _action(delivery)
        if not action:
            return Delivered()
        try:
            key = secret_in(self._config.routing_key_file)
        except (OSError, ValueError) as error:
            raise Refused(str(error)) from error
        event = {"routing_key": key, "event_action": action, "dedup_key": delivery.message.incident}
        if action == "trigger":
            event |= self._triggering(delivery.message)
        await post(
            self._outbound, self._config.url, msgspec.json.encode(event), self._config.http_config, self._config.timeout
        )
        return Delivered(thread=delivery.message.incident)

    def _triggering(self, message: Message) -> dict[str, Any]:
        told = {"client": self._config.client, "client_url": self._config.client_url or message.link}
        links = [{"href": url, "text": name} for name, url in references(message) if url.startswith("http")]
        return {name: value for name, value in told.items() if value} | {
            "payload": {
                "summary": cut(message.title, SUMMARY),
                "source": str(message.target),
                "severity": self._config.severity or _SEVERITIES.get(message.severity.lower(), "error"),
                "timestamp": message.opened_at.isoformat(),
                "component": message.target.name,
                "group": message.target.namespace or message.target.kind,
                "class": message.rule,
                "custom_details": _details(message),
            },
            "links": links,
        }


def _action(delivery: Delivery) -> str:
    """`trigger`, `acknowledge` or `resolve`; empty where there is nothing to say."""
    occasion = delivery.message.occasion
    if not delivery.thread:
        return "trigger" if occasion in PAGES else ""
    return {Occasion.ANSWERED: "acknowledge", Occasion.CLOSED: "resolve"}.get(occasion, "trigger")


def _details(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {
        "incident": message.incident,
        "happened": list(message.happened),
        "done": list(message.did),
        "refused": list(message.refused),
        "next": message.next_step,
        "labels": message.labels,
        "annotations": message.annotations,
    }
    if message.diagnosis is not None:
        told |= {part.heading: "\n".join(part.lines) for part in diagnosed(message.diagnosis)}
    kept = {name: value for name, value in told.items() if value}
    while len(msgspec.json.encode(kept)) > DETAILS:
        kept.popitem()
    return kept
