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
from remediator.sources.surroundings import namespace_of

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
        kept = self._kept.get(incident.target.namespace)
        if kept is None or kept.began <= since:
            kept = self._asked(cluster, incident.target.namespace)
        return await kept.answer.get()

    def begin(self, cluster: Cluster, name: str) -> None:
        """Begin to read a namespace for looks which come in a moment, and whose targets were read before this."""
        self._asked(cluster, name).answer.begin()

    def _asked(self, cluster: Cluster, name: str) -> _Read:
        self._kept.pop(name, None)
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        kept = self._kept[name] = _Read(self._clock.now(), Fresh(partial(namespace_of, cluster, name), MOMENT))
        return kept
