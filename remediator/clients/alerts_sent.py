"""Webhook payloads as nearly all of them are: one decoder reads the whole of them at once, and checks all bounds on
its way. What it does not take, `alertmanager.parse` reads alert by alert, and says what is wrong with it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from remediator.core.model import Value

VERSION = "4"
MOST_LABELS = 256
"""Labels of one alert, and annotations likewise."""
LONGEST_NAME = 1024
"""Characters of a label's or annotation's name."""
LONGEST_VALUE = 64 * 1024
"""Characters of a label's or annotation's value."""
LARGEST_ALERT = 256 * 1024
"""Bytes of one alert, and of a payload that is read at once: no alert of it can be larger."""
BAD_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)

Instant = Annotated[datetime, msgspec.Meta(tz=True)] | None
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
_Text = Annotated[str, msgspec.Meta(max_length=LONGEST_VALUE)]
_Value = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_VALUE)]
_Labels = Annotated[dict[_Name, _Value], msgspec.Meta(min_length=1, max_length=MOST_LABELS)]
_Annotations = Annotated[dict[_Name, _Text], msgspec.Meta(max_length=MOST_LABELS)]


class SentAlert(Value, frozen=True, rename={"starts_at": "startsAt", "ends_at": "endsAt"}):
    """One alert on the wire; what else is in it is not read."""

    status: Literal["firing", "resolved"]
    labels: _Labels
    annotations: _Annotations | None = None
    starts_at: Instant = None
    ends_at: Instant = None
    fingerprint: Any = ""


class SentGroup(Value, frozen=True, rename="camel"):
    """The payload on the wire. What is not needed may be of any type."""

    version: Literal["4"]
    alerts: tuple[SentAlert, ...]
    group_key: Any = ""
    receiver: Any = ""
    status: Any = ""
    truncated_alerts: Any = 0


_group = msgspec.json.Decoder(SentGroup)


def whole(body: bytes) -> SentGroup | None:
    """A payload in which nothing is wrong; None where something may be."""
    if len(body) > LARGEST_ALERT or (b"\\" in body and b"\\u0000" in body):  # one character is found much faster
        return None
    try:
        return _group.decode(body)
    except BAD_JSON:
        return None
