"""How often the server lets somebody ask, and itself log."""

from __future__ import annotations

from remediator.core.model import Value
from remediator.rate import Pace

OPERATOR = Pace(200, 50)
"""Requests of one operator: more is a program gone wild."""

STRANGER = Pace(20, 0.5)
"""Refusals for want of credentials, by the address they go to; after that it is 429, and nothing is looked up."""


class Paces(Value, frozen=True):
    """How often one operator may ask, and how often one address may be refused for want of credentials."""

    operator: Pace = OPERATOR
    stranger: Pace = STRANGER


LINES = Pace(50, 2)
"""Lines in the log about refusals."""
