"""What controllers may do: read the store, write as the system, and ask to be called again later."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref
from remediator.ports import Clock
from remediator.simulation.clock import stamp
from remediator.simulation.server import Server
from remediator.simulation.store import Commit, Key, Store

_RETRY = 5.0


class Controller(Protocol):
    """One control loop. `watches` names the kinds it hears of, `keys` says what a commit makes it look at,
    `reconcile` brings one object a step nearer to what is wanted.
    """

    @property
    def watches(self) -> tuple[str, ...]:
        """Kinds it hears of."""
        ...

    def keys(self, commit: Commit) -> Iterable[Key]:
        """Which of its objects a commit concerns."""
        ...

    def reconcile(self, key: Key) -> None:
        """Look at one object and write what is due now."""
        ...


class System:
    """The controllers' access to the cluster. Objects it answers are the stored ones: copy before changing."""

    def __init__(self, server: Server, clock: Clock, after: Callable[[float, Controller, Key], None]) -> None:
        self.server, self._clock, self.after = server, clock, after
        self.store: Store = server.store
        self._retries: dict[tuple[int, Key], datetime] = {}

    def retry(self, controller: Controller, key: Key) -> None:
        """Look again in a while, after something was refused; once, however often this is asked meanwhile."""
        mark = (id(controller), key)
        if self._retries.get(mark, self.now) <= self.now:
            self._retries[mark] = self.now + timedelta(seconds=_RETRY)
            self.after(_RETRY, controller, key)

    @property
    def now(self) -> datetime:
        """The virtual instant."""
        return self._clock.now()

    @property
    def stamp(self) -> str:
        """The virtual instant as the API writes it."""
        return stamp(self._clock.now())

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object, or `None`."""
        return self.store.get(kind, namespace, name)

    def create(self, obj: Json) -> Json:
        """Create through defaults, validation and admission."""
        return self.server.admit(obj)

    def update(self, obj: Json, **spec: object) -> Json:
        """Replace an object, with the given fields of its spec set."""
        return self.server.update({**obj, "spec": {**obj["spec"], **spec}} if spec else obj)

    def update_status(self, obj: Json, status: Json) -> Json:
        """Replace the status; writes nothing where it is the same."""
        if obj.get("status") == status:
            return obj
        return self.server.update_status({**obj, "status": status})

    def delete(self, obj: Json, *, grace: int | None = None) -> None:
        """Delete, gracefully where it is a pod."""
        metadata = obj["metadata"]
        ref = Ref(KINDS[obj["kind"]], metadata.get("namespace", ""), metadata["name"])
        self.server.delete(ref, grace=grace)
