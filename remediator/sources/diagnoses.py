"""Who is diagnosed: every target, but in a storm some go without, rather than crowd the API server."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from remediator.core.diagnosis import Diagnosis
from remediator.core.model import Json, Target
from remediator.ports import Clock, Cluster
from remediator.sources.diagnosis import diagnose

MOST = 8
"""Diagnoses under way, and begun within `WINDOW`: each takes six to twelve reads, a restart two."""

WINDOW = timedelta(seconds=2)


class Diagnoses:
    """Diagnoses targets of one cluster."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster, self._clock = cluster, clock
        self._under_way = 0
        self._begun: deque[datetime] = deque(maxlen=MOST)

    async def of(self, target: Target, live: Json) -> Diagnosis:
        """How a live target stands; in a storm, that it was not looked at. Never raises."""
        now = self._clock.now()
        if self._under_way >= MOST or self._are_many(now):
            return Diagnosis(now, unread={"all": f"{MOST} diagnoses are under way already, or were just now"})
        self._begun.append(now)
        self._under_way += 1
        try:
            return await diagnose(self._cluster, self._clock, target, live)
        finally:
            self._under_way -= 1

    def _are_many(self, now: datetime) -> bool:
        """Whether as many as may be were begun within the window; a clock that was set back has seen none."""
        return len(self._begun) == MOST and timedelta(0) <= now - self._begun[0] < WINDOW
