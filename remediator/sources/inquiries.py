"""Live questions to Prometheus: the queries of conditions, proofs and guards, asked in the look that they decide.

Equal queries that are under way at the same time are asked once. Whatever is no good answer is unknown, with a reason.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Iterable, Mapping

from remediator.clients.query_answer import Answer, Scalar, Unknown, Vector
from remediator.config.matchers import parse_matchers
from remediator.core import snapshot
from remediator.core.model import Json
from remediator.core.rules import Matcher, Query
from remediator.core.state import Incident, State
from remediator.core.surroundings import Gate
from remediator.guards.guard import limits_of
from remediator.ports import Clock, Cluster
from remediator.sources.queries import AT_ONCE, Ask

NOBODY = Unknown("no Prometheus is configured to ask")


class Inquiries:
    """Asks of one Prometheus, `AT_ONCE` queries at a time; `ask` is None where there is none."""

    def __init__(self, ask: Ask | None, clock: Clock) -> None:
        self._ask, self._clock = ask, clock
        self._under_way: dict[str, asyncio.Task[Answer]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def answers(self, queries: Iterable[str]) -> dict[str, Answer]:
        """The answer to each query as of now; never raises."""
        wanted = list(dict.fromkeys(queries))
        found = await asyncio.gather(*(self._one(query) for query in wanted))
        return dict(zip(wanted, found, strict=True))

    async def gates(self, cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[Gate, ...]:
        """What the queries and alerts of `require` and `veto` say about an incident's rule, by their texts."""
        limits = limits_of(state.policy, incident.definition)
        alerts = {text: firing(text) for text in limits.veto.alerts}
        asked = {text: text for text in (*limits.require, *limits.veto.queries)} | alerts
        answers = await self.answers(asked.values())
        return tuple(Gate(text, *_holds(answers[query])) for text, query in asked.items())

    async def _one(self, query: str) -> Answer:
        if self._ask is None:
            return NOBODY
        task = self._under_way.get(query)
        if task is None:
            task = self._under_way[query] = asyncio.create_task(self._put(self._ask, query))
        return await asyncio.shield(task)  # whoever else waits for it still does when this one is called off

    async def _put(self, ask: Ask, query: str) -> Answer:
        try:
            async with self._places:
                return await ask(query, self._clock.now())
        finally:
            del self._under_way[query]


async def conditions(
    asking: Inquiries, queries: Iterable[Query], labels: Mapping[str, str]
) -> tuple[snapshot.Answer, ...]:
    """What queries say of a signal with these labels, in their order."""
    asked = tuple(queries)
    answers = await asking.answers(each.query for each in asked)
    return tuple(_condition(each, answers[each.query], labels) for each in asked)


@functools.lru_cache(maxsize=1024)
def firing(alert: str) -> str:
    """The query for alerts that fire, by their name or matchers: Prometheus' own series `ALERTS`."""
    return firing_of(parse_matchers(alert))


def firing_of(matchers: Iterable[Matcher]) -> str:
    """The same, of matchers as they are read."""
    selectors = ['alertstate="firing"', *map(_selector, matchers)]
    return f"ALERTS{{{', '.join(selectors)}}}"


def _selector(matcher: Matcher) -> str:
    """A matcher in PromQL. Its strings have Go's escapes, of which JSON's are some."""
    name = matcher.name if _PLAIN.fullmatch(matcher.name) else json.dumps(matcher.name, ensure_ascii=False)
    return f"{name}{matcher.op}{json.dumps(matcher.value, ensure_ascii=False)}"


_PLAIN = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


def _condition(asked: Query, answer: Answer, labels: Mapping[str, str]) -> snapshot.Answer:
    missing = next((name for name in asked.match if not labels.get(name)), None)
    if missing is not None:
        return snapshot.Answer(str(asked), None, f"the signal has no label {missing} to match on")
    return snapshot.Answer(str(asked), *_holds(answer, {name: labels[name] for name in asked.match}))


def _holds(answer: Answer, wanted: Mapping[str, str] | None = None) -> tuple[bool | None, str]:
    """Whether the result has a series with the wanted labels; None with the reason where that is not known.

    A series whose value is NaN, infinite or a histogram is there and says nothing: it is only unknown.
    """
    if isinstance(answer, Unknown):
        return None, answer.reason
    if isinstance(answer, Scalar):
        return None, "the result is one number without labels: write vector(…), or ask for series"
    assert isinstance(answer, Vector)
    matching = [
        each for each in answer.samples if all(each.labels.get(key) == is_ for key, is_ in (wanted or {}).items())
    ]
    if matching and not any(each.known for each in matching):
        return None, "the result has no series with a finite value"
    return bool(matching), ""
