"""ResourceQuotas: what of them is used (pkg/controller/resourcequota)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.kinds import KINDS
from remediator.simulation.admission import counted
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.validation import qualified


class Quotas:
    """The quota controller. It counts `pods` and `count/RESOURCE`."""

    watches = tuple(KINDS)

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A quota itself, and those of the namespace in which something appears, ends or goes."""
        if commit.kind == "ResourceQuota":
            return [commit.key]
        if commit.type == "MODIFIED" and commit.kind != "Pod":
            return []
        quotas = self._system.store.each("ResourceQuota", commit.key[0])
        return [(commit.key[0], quota["metadata"]["name"]) for quota in quotas]

    def reconcile(self, key: Key) -> None:
        """Write `status.hard` and `status.used`."""
        quota = self._system.get("ResourceQuota", *key)
        if quota is None:
            return
        hard = (quota.get("spec") or {}).get("hard") or {}
        used = {name: str(self._used(key[0], name)) for name in hard if name in _COUNTED}
        self._system.update_status(quota, {"hard": hard, "used": used})

    def _used(self, namespace: str, name: str) -> int:
        return counted(self._system.store, _COUNTED[name], namespace, name)


_COUNTED = {f"count/{qualified(resource, plural=True)}": kind for kind, resource in KINDS.items()} | {"pods": "Pod"}
"""Which kind a quota's name is about."""
