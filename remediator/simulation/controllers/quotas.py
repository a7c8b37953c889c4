"""ResourceQuotas: what of them is used (pkg/controller/resourcequota)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.simulation.admission import counted
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System


class Quotas:
    """The quota controller. It counts pods only; `count/…` is used up by admission alone."""

    watches = ("ResourceQuota", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A quota itself, and those of a pod's namespace."""
        if commit.kind == "ResourceQuota":
            return [commit.key]
        quotas = self._system.store.each("ResourceQuota", commit.key[0])
        return [(commit.key[0], quota["metadata"]["name"]) for quota in quotas]

    def reconcile(self, key: Key) -> None:
        """Write `status.hard` and `status.used`."""
        quota = self._system.get("ResourceQuota", *key)
        if quota is None:
            return
        hard = (quota.get("spec") or {}).get("hard") or {}
        used = {name: str(counted(self._system.store, "Pod", key[0], name)) for name in hard if name == "pods"}
        self._system.update_status(quota, {"hard": hard, "used": used})
