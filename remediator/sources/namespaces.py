"""The live namespaces of targets, each read once for all who look at about the same time."""

from __future__ import annotations

from functools import partial

from remediator.core.model import Json
from remediator.core.state import Incident, State
from remediator.core.surroundings import Namespace
from remediator.ports import Cluster
from remediator.sources.fresh import Fresh
from remediator.sources.surroundings import namespace

MOMENT = 0.25
"""Seconds for which one read serves all looks: less than a look may take by itself."""

MOST_KEPT = 256


class Namespaces:
    """Reads of namespaces. A failure is shared as an answer is, and for no longer."""

    def __init__(self) -> None:
        self._kept: dict[str, Fresh[Namespace]] = {}

    async def read(self, cluster: Cluster, state: State, incident: Incident, live: Json) -> Namespace:
        """The target's namespace as it was within `MOMENT`. Raises `ClusterError`."""
        name = incident.target.namespace
        kept = self._kept.get(name)
        if kept is None:
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            kept = self._kept[name] = Fresh(partial(namespace, cluster, state, incident, live), MOMENT)
        return await kept.get()
