"""A diagnosis in a few lines, the most telling ones first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from remediator.core.diagnosis import Diagnosis, PodState, RecentEvent
from remediator.core.text import cut

LONGEST = 240
"""Characters of one line."""


def findings(diagnosis: Diagnosis) -> tuple[str, ...]:
    """What a person reads first: pods that do not run and how they ended, traffic, nodes, roll-out, warnings."""
    return tuple(cut(line, LONGEST) for line in _lines(diagnosis))


def _lines(found: Diagnosis) -> Iterator[str]:
    yield from _pods(found.pods)
    for service in found.services:
        if service.not_ready or not service.ready:
            yield f"service {service.name}: {service.ready} endpoints ready, {service.not_ready} not"
    for node in found.nodes:
        if node.troubles:
            yield f"node {node.name}: {', '.join(node.troubles)}"
    if found.revisions:
        newest = found.revisions[0]
        since = f" since {newest.created_at:%Y-%m-%d %H:%M:%SZ}" if newest.created_at else ""
        yield f"revision {newest.number}{since}: {', '.join(newest.images)}" + (
            f" ({newest.cause})" if newest.cause else ""
        )
    yield from map(_event, [event for event in found.events if event.type == "Warning"][:3])


def _pods(pods: tuple[PodState, ...]) -> Iterator[str]:
    """Pods that do not run well, those of the same trouble in one line."""
    bad = [pod for pod in pods if not pod.ready]
    kinds = Counter((pod.state, pod.last_exit) for pod in bad)
    for (state, last_exit), count in kinds.most_common(4):
        one = next(pod for pod in bad if (pod.state, pod.last_exit) == (state, last_exit))
        who = one.name if count == 1 else f"{count} pods, as {one.name}"
        restarts = f"{one.restarts} restarts" if one.restarts else ""
        how = ", ".join(filter(None, (state or "not ready", last_exit, restarts)))
        yield f"{who}: {how}"


def _event(event: RecentEvent) -> str:
    often = f" ({event.count} times)" if event.count > 1 else ""
    return f"{event.reason} of {event.about}: {event.message}{often}"
