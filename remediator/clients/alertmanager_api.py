"""Alertmanager's API v2 as it is asked which alerts it holds, and what keeps it from telling us of them."""

from __future__ import annotations

from typing import Any

import msgspec

from remediator.clients.alertmanager import Alert, UnusableAlert, usable
from remediator.clients.http_config import HttpConfig
from remediator.clients.outbound import NotPosted, Outbound, Question, Replied
from remediator.core.model import Value

ALERTS = "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true"
"""All of them: also those that no receiver is told of."""
STATUS = "/api/v2/status"


class Unanswered(Exception):
    """Alertmanager did not say; the message says from where and why."""


class Held(Value, frozen=True):
    """One alert that fires, as Alertmanager holds it: `state` is active, suppressed or unprocessed.

    The ids of silences, fingerprints of inhibiting alerts and names of mute time intervals say why it is suppressed;
    `receivers` are those that its routes lead to.
    """

    alert: Alert
    state: str = ""
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        """Whether its receivers are told of it."""
        return self.state == "active" and not (self.silenced_by or self.inhibited_by or self.muted_by)


class Holding(Value, frozen=True):
    """All alerts of one or more Alertmanagers by their fingerprints. `whole`: what is not here does not fire, as far as
    they know; `lives` tells one run of them from the next.
    """

    alerts: dict[str, Held]
    whole: bool = True
    lives: tuple[str, ...] = ()


class AlertmanagerApi:
    """One Alertmanager at a URL; `timeout` in seconds, of one request."""

    def __init__(self, url: str, timeout: float, http_config: HttpConfig, outbound: Outbound) -> None:
        self.url = url.rstrip("/")
        self._timeout, self._config, self._outbound = timeout, http_config, outbound

    async def holding(self) -> Holding:
        """What it holds now. Raises `Unanswered`."""
        status = _decode(await self._get(STATUS), _Status)
        found, whole = {}, status.cluster.status in ("ready", "disabled")
        for raw in _decode(await self._get(ALERTS), list[msgspec.Raw]):
            try:
                held = _held(raw)
            except (UnusableAlert, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                whole = False
                continue
            found[held.alert.fingerprint] = held
        return Holding(found, whole, (f"{self.url} {status.uptime}",))

    async def _get(self, path: str) -> bytes:
        try:
            replied = await self._outbound.ask(Question("GET", self.url + path, self._timeout), self._config)
        except NotPosted as error:
            raise Unanswered(str(error)) from error
        if not replied.taken or replied.cut:
            raise Unanswered(_refusal(replied))
        return replied.body


def merged(holdings: list[Holding], whole: bool = True) -> Holding:
    """What several Alertmanagers of one cluster hold: an alert is there where one has it, and is suppressed where one
    says so. `whole`: all of them have answered.
    """
    alerts: dict[str, Held] = {}
    for holding in holdings:
        for fingerprint, held in holding.alerts.items():
            before = alerts.get(fingerprint)
            if before is None or (before.told and not held.told and held.state == "suppressed"):
                alerts[fingerprint] = held
    lives = tuple(life for holding in holdings for life in holding.lives)
    return Holding(alerts, whole and all(each.whole for each in holdings), lives)


class _Cluster(Value, frozen=True):
    status: str = ""


class _Status(Value, frozen=True):
    uptime: str = ""
    cluster: _Cluster = _Cluster()


class _Receiver(Value, frozen=True):
    name: str = ""


class _State(Value, frozen=True, rename="camel"):
    state: str = ""
    silenced_by: tuple[str, ...] | None = None
    inhibited_by: tuple[str, ...] | None = None
    muted_by: tuple[str, ...] | None = None


class _Held(Value, frozen=True):
    status: _State = _State()
    receivers: tuple[_Receiver, ...] | None = None


_held_decoder = msgspec.json.Decoder(_Held)


def _held(raw: msgspec.Raw) -> Held:
    wire = _held_decoder.decode(raw)
    status = wire.status
    return Held(
        usable(raw, "firing"),
        status.state,
        status.silenced_by or (),
        status.inhibited_by or (),
        status.muted_by or (),
        tuple(each.name for each in wire.receivers or ()),
    )


def _decode(body: bytes, type_: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unanswered(f"the answer is not understood: {str(error)[:200]}") from error


def _refusal(replied: Replied) -> str:
    if replied.cut:
        return f"{replied.host} has more to say than is read"
    return f"{replied.host} answered {replied.status}: {replied.text or 'nothing'}"
