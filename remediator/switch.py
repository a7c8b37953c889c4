"""Switch: a ConfigMap that pauses everything while it is there, for whoever has kubectl and nothing else.

What it says becomes a pause of the journal like anybody's word, so that guards and people see it as every other one.
"""

from __future__ import annotations

from collections.abc import Callable

from remediator.controller import Controller
from remediator.core.events import Pause
from remediator.core.kinds import CONFIG_MAP
from remediator.core.model import Json, Ref
from remediator.core.observations import Paused
from remediator.core.text import cut, printable
from remediator.logs import logger
from remediator.ports import Clock, Cluster, ClusterError, Forbidden, JournalError, NotFound

EVERY = 5.0
"""Seconds between two looks."""
NOT_ALLOWED = 600.0
"""Seconds until it is looked again after the API server said that the account may not."""
ID = "configmap"
"""The id of its pause; there is one at most."""
LONGEST = 1000

log = logger("switch")


def place(namespace: str, name: str) -> Ref:
    """The ConfigMap of that name."""
    return Ref(CONFIG_MAP, namespace, name)


class Switch:
    """Looks at the ConfigMap while this replica is in charge. What cannot be read changes nothing: a pause stays."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        ref: Ref,
        controller: Callable[[], Controller],
        in_charge: Callable[[], bool],
    ) -> None:
        self._cluster, self._clock, self._ref = cluster, clock, ref
        self._controller, self._in_charge = controller, in_charge

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            seconds = EVERY
            try:
                if self._in_charge():
                    await self.look()
            except Forbidden as error:
                log.warning(f"the switch is not looked at: the account lacks get on {self._ref}", problem=error.message)
                seconds = NOT_ALLOWED
            except (ClusterError, JournalError) as error:
                log.debug("the switch could not be looked at", problem=str(error))
            await self._clock.sleep(seconds)

    async def look(self) -> None:
        """Pause where it is there and no pause of it stands, lift that where it is gone."""
        live = await self._read()
        stands = ID in self._controller().state.pauses
        if live is not None and not stands:
            await self._say(Pause(ID, reason=_reason(live)))
        elif live is None and stands:
            await self._say(Pause(ID, reason=f"{self._ref} is gone", lifted=True))

    async def _read(self) -> Json | None:
        try:
            return await self._cluster.get(self._ref)
        except NotFound:
            return None

    async def _say(self, pause: Pause) -> None:
        await self._controller().ask(Paused(pause, f"kubernetes:{self._ref}"))


def _reason(live: Json) -> str:
    said = (live.get("data") or {}).get("reason", "")
    return cut(printable(str(said).strip()), LONGEST)
