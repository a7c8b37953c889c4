"""Amounts that actions take as arguments: a number to set, or by how much to change one, with its rounding."""

from __future__ import annotations

import re

from remediator.core.model import Json, Value

_BY = re.compile(r"([+-]?)(\d{1,9})(%?)")
MOST = 1_000_000
"""No workload has more replicas."""


class Amount(Value, frozen=True):
    """A number `to` be set, or one to change it `by`: by so many, or by so many whole `percent` of what it is."""

    to: int | None = None
    by: int = 0
    percent: bool = False

    @property
    def grows(self) -> bool:
        """Whether it asks for more than there is; a number to be set does not tell."""
        return self.to is None and self.by > 0

    def of(self, present: int) -> int:
        """The number that is asked for, before bounds.

        A share is rounded so that something changes and as little as possible is taken away: growth up, and a
        reduction down, but by 1 at least; of 0 there is no share.
        """
        if self.to is not None:
            return self.to
        if not self.percent:
            return present + self.by
        size = abs(self.by) * present
        return present + -(-size // 100) if self.by > 0 else present - max(size // 100, int(present > 0))


def amount_of(args: Json) -> Amount:
    """The amount that checked arguments ask for."""
    if "to" in args:
        return Amount(args["to"])
    by = args["by"]
    if isinstance(by, int):
        return Amount(by=by)
    sign, digits, percent = _BY.fullmatch(by).groups()  # type: ignore[union-attr]  checked when the rules were loaded
    return Amount(by=int(sign + digits), percent=bool(percent))


def wrong_amount(args: Json) -> tuple[str, ...]:
    """What is wrong with `to` and `by`, of which exactly one is wanted."""
    if ("to" in args) is ("by" in args):
        return ("write either to (a number) or by (as in +1 or +50%)",)
    if "to" in args:
        return wrong_number(args, "to", 0)
    by = args["by"]
    found = _BY.fullmatch(by) if isinstance(by, str) else None
    if isinstance(by, int) and not isinstance(by, bool):
        return () if 0 < abs(by) <= MOST else (f"by is {by}: it changes the number by 1 at least",)
    if found is None or not int(found[2]) or int(found[2]) > MOST:
        return (f"by is {by!r}: it is by how much the number changes, as in +1, -2, +50% or -10%",)
    return ("by takes 100% at most away",) if found[1] == "-" and found[3] and int(found[2]) > 100 else ()


def wrong_number(args: Json, name: str, least: int) -> tuple[str, ...]:
    """What is wrong with a whole number among the arguments; nothing where it is not given."""
    value = args.get(name, least)
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST:
        return ()
    return (f"{name} is {value!r}: it is a whole number, {least} or above",)
