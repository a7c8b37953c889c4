"""From an operator's word that waits in the inbox to the observation it is.

A replica that stands by takes words as it takes payloads: durable first, decided by the one in charge.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from remediator.core.model import Value
from remediator.core.observations import Answered, Paused

SOURCE = "operator"
"""The source that receipts of words name. No webhook's does: what comes in there is never taken for a word."""

Word: TypeAlias = Answered | Paused


class _Kept(Value, frozen=True):
    """A word as it is kept: one of the two."""

    answered: Answered | None = None
    paused: Paused | None = None


def kept(word: Word) -> bytes:
    """A word as the inbox keeps it."""
    return msgspec.json.encode(_Kept(answered=word) if isinstance(word, Answered) else _Kept(paused=word))


def word_of(body: bytes) -> Word:
    """The word that was kept. Raises `ValueError` for what is none, or is one of another version's."""
    found = msgspec.json.decode(body, type=_Kept)
    word = found.answered or found.paused
    if word is None:
        raise ValueError("it is a word of a kind that this version does not know")
    return word
