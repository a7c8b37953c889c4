"""What the state forgets: memories of targets that nothing can look back to any more, so that it stays bounded.

Pure and the same in every fold: a map is looked through when it has doubled since the last time, which costs each
event a constant share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from typing import Any

from immutables import Map
from msgspec.structs import replace

from remediator.core.guarding import LONGEST_WINDOW, GuardSettings
from remediator.core.memory import Good, Result, Tide
from remediator.core.state import Ended, Past, State

LEAST = 1024
"""Entries up to which a map is not looked through."""

MOST = 50_000
"""Entries of a map at most. One more, and those whose last instant is the longest ago go too, down to three quarters:
where there are more targets than that within `reach`, the oldest are forgotten too early.
"""

_NEVER = datetime.min.replace(tzinfo=UTC)


def bounded(state: State, at: datetime, least: int = LEAST, most: int = MOST, before: State | None = None) -> State:
    """The state without what is forgotten after an event of this instant. What is as it was `before` the event has
    been looked through.
    """
    for name in _LAST:
        held = getattr(state, name)
        if (before is None or held is not getattr(before, name)) and len(held) > state.room.get(name, least):
            state = _pruned(state, name, at, least, most)
    return state


def reach(state: State) -> timedelta:
    """How far back guards may look: `LONGEST_WINDOW`, or further where settings or a rule say so."""
    said = (state.policy.guards, *(rule.guards for rule in state.rules.values()))
    return timedelta(seconds=max((LONGEST_WINDOW, *(window for guards in said for window in _windows(guards)))))


def _windows(guards: GuardSettings) -> Iterable[float]:
    attempts, flapping = guards.attempts, guards.flapping
    said = (guards.cooldown, attempts and attempts.within, flapping and flapping.within)
    return (window for window in said if window)


def _pruned(state: State, name: str, at: datetime, least: int, most: int) -> State:
    """The state with one map looked through: what is `reach` old (inclusive) goes, and of too many the oldest."""
    entries: Map[str, Any] = getattr(state, name)
    oldest, last = at - reach(state), _LAST[name]
    instants = {key: last(value) for key, value in entries.items() if not _is_needed(state, name, key, value)}
    gone = {key for key, instant in instants.items() if instant <= oldest}
    if len(entries) > most:
        surplus = max(len(entries) - len(gone) - most * 3 // 4, 0)
        gone.update(nsmallest(surplus, instants.keys() - gone, key=lambda key: (instants[key], key)))
    with entries.mutate() as kept:
        for key in gone:
            del kept[key]
        entries = kept.finish()
    room = max(min(2 * len(entries), most), least) if len(entries) <= most else len(entries) + least
    return replace(state, room=state.room.set(name, room), **{name: entries})


def _is_needed(state: State, name: str, key: str, value: Any) -> bool:
    """Whether it is no memory but the present: targets that match now, breakers of rules that are there."""
    if name == "tides":
        return value.matched > 0
    return name == "results" and key.partition("|")[2] in state.rules


def _latest(instants: tuple[datetime, ...]) -> datetime:
    return max(instants, default=_NEVER)


def _past(past: Past) -> datetime:
    return past.closed_at


def _ended(ended: Ended) -> datetime:
    return ended.at


def _tide(tide: Tide) -> datetime:
    return max((until for until, _ in tide.ebbs), default=_NEVER)


def _results(results: tuple[Result, ...]) -> datetime:
    return max((result.at for result in results), default=_NEVER)


def _goods(goods: tuple[Good, ...]) -> datetime:
    return max((good.at for good in goods), default=_NEVER)


_LAST: dict[str, Callable[[Any], datetime]] = {
    "pasts": _past,
    "ended": _ended,
    "cured": _latest,
    "turns": _latest,
    "spent": _latest,
    "tides": _tide,
    "results": _results,
    "good": _goods,
}
"""The last instant that each memory is about. The other maps are as large as what is open, or bounded as they grow."""
