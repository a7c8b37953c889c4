"""The live namespaces of targets, each read once for all looks that began before that read."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import NamedTuple

from remediator.core.model import Json
from remediator.core.state import Incident, State
from remediator.core.surroundings import Namespace
from remediator.ports import Clock, Cluster
from remediator.sources.fresh import Fresh
from remediator.sources.surroundings import namespace

MOMENT = 0.25
"""Seconds for which one read serves at most, whatever the clock says."""

MOST_KEPT = 256


class _Read(NamedTuple):
    began: datetime
    answer: Fresh[Namespace]


class Namespaces:
    """Reads of namespaces. A failure is shared as an answer is, and for no longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, _Read] = {}

    async def read(self, since: datetime, cluster: Cluster, state: State, incident: Incident, live: Json) -> Namespace:
        """The target's namespace, by a read that began after `since`: nothing in a look is older than the instant
        that it is said to be of. Raises `ClusterError`.
        """
        name = incident.target.namespace
        kept = self._kept.get(name)
        if kept is None or kept.began <= since:
            self._kept.pop(name, None)
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            answer = Fresh(partial(namespace, cluster, state, incident, live), MOMENT)
            kept = self._kept[name] = _Read(self._clock.now(), answer)
        return await kept.answer.get()
