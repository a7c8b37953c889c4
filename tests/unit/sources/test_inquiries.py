"""Live questions of conditions and guards: what an answer means, and that equal ones are asked once at a time."""

from __future__ import annotations

import asyncio

import pytest

from remediator.clients.query_answer import Answer, Sample, Scalar, Unknown, Vector
from remediator.core.guarding import GuardSettings, Veto
from remediator.core.rules import Query
from remediator.core.state import State
from remediator.simulation.clock import VirtualClock
from remediator.sources.inquiries import Inquiries, conditions, firing
from tests.unit.builders import START, incident, rule
from tests.unit.playing import ACCOUNT, shop

SHOP = {"namespace": "shop", "pod": "web-1"}
NAN = float("nan")


class Asked:
    """Answers by query; counts how often each was asked, and may be told to wait."""

    def __init__(self, **answers: Answer) -> None:
        self.answers, self.asked, self.open = answers, [], asyncio.Event()
        self.open.set()

    async def __call__(self, query: str, at) -> Answer:
        self.asked.append(query)
        await self.open.wait()
        return self.answers.get(query, Vector(()))


def series(value: float | None = 1.0, **labels: str) -> Sample:
    return Sample(labels, value)


async def said(answer: Answer, *match: str, labels=SHOP):
    asking = Inquiries(Asked(up=answer), VirtualClock(START))
    (found,) = await conditions(asking, (Query("up", match),), labels)
    return found.holds, found.reason


@pytest.mark.parametrize(
    ("answer", "match", "holds"),
    [
        (Vector((series(namespace="shop"),)), ("namespace",), True),
        (Vector((series(namespace="cart"), series(namespace="shop"))), ("namespace",), True),
        (Vector((series(namespace="cart"),)), ("namespace",), False),
        (Vector((series(),)), ("namespace",), False),
        (Vector((series(namespace="shop"),)), ("namespace", "pod"), False),
        (Vector((series(namespace="shop", pod="web-1"),)), ("namespace", "pod"), True),
        (Vector((series(0.0),)), (), True),
        (Vector(()), (), False),
        (Vector(()), ("namespace",), False),
        (Vector((series(NAN), series(1.0))), (), True),
        (Vector((series(NAN),)), (), None),
        (Vector((series(float("inf")),)), (), None),
        (Vector((series(None),)), (), None),
        (Vector((series(NAN, namespace="shop"), series(1.0, namespace="cart"))), ("namespace",), None),
        (Vector((series(NAN, namespace="cart"),)), ("namespace",), False),
        (Scalar(1.0), (), None),
        (Unknown("no answer within 10 s"), (), None),
    ],
)
async def test_a_query_holds_where_its_result_has_a_series_of_the_signals_labels(answer, match, holds):
    assert (await said(answer, *match))[0] is holds


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Unknown("the answer may be partial: 1 of 3"), "the answer may be partial: 1 of 3"),
        (Vector((series(NAN),)), "the result has no series with a finite value"),
        (Scalar(1.0), "the result is one number without labels: write vector(…), or ask for series"),
    ],
)
async def test_what_is_unknown_says_why(answer, reason):
    assert (await said(answer))[1] == reason


@pytest.mark.parametrize("labels", [{}, {"namespace": ""}])
async def test_a_label_that_the_signal_does_not_have_matches_nothing_and_makes_it_unknown(labels):
    found = await said(Vector((series(),)), "namespace", labels=labels)
    assert found == (None, "the signal has no label namespace to match on")


async def test_without_a_prometheus_everything_is_unknown():
    asking = Inquiries(None, VirtualClock(START))
    (found,) = await conditions(asking, (Query("up"),), SHOP)
    assert (found.holds, found.reason) == (None, "no Prometheus is configured to ask")


# Asked once


async def test_equal_queries_of_one_look_are_asked_once():
    ask = Asked()
    await conditions(
        Inquiries(ask, VirtualClock(START)), (Query("up", ("namespace",)), Query("up"), Query("down")), SHOP
    )
    assert sorted(ask.asked) == ["down", "up"]


async def test_equal_queries_under_way_are_asked_once_and_later_ones_anew():
    ask = Asked()
    asking = Inquiries(ask, VirtualClock(START))
    ask.open.clear()
    looks = [asyncio.create_task(asking.answers(["up"])) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ask.open.set()
    assert len({id((await look)["up"]) for look in looks}) == 1
    assert ask.asked == ["up"]
    await asking.answers(["up"])
    assert ask.asked == ["up", "up"], "an answer is never used again"


async def test_a_look_that_is_called_off_leaves_the_others_their_answer():
    ask = Asked(up=Vector((series(),)))
    asking = Inquiries(ask, VirtualClock(START))
    ask.open.clear()
    first, second = (asyncio.create_task(asking.answers(["up"])) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    ask.open.set()
    assert await second == {"up": Vector((series(),))}


# Gates


async def test_gates_are_told_by_their_texts_and_alerts_are_asked_of_prometheus_own_series():
    upgrade = 'ALERTS{alertstate="firing", alertname="ClusterUpgrade"}'
    ask = Asked(**{"up == 1": Vector((series(),)), upgrade: Vector((series(),)), "down": Unknown("no")})
    written = GuardSettings(require=("up == 1",), veto=Veto(("ClusterUpgrade", "Freeze"), ("down",)))
    asking, cluster = Inquiries(ask, VirtualClock(START)), shop().cluster(ACCOUNT)
    found = await asking.gates(cluster, State(), incident(rule(guards=written)), {})
    assert [(gate.text, gate.holds) for gate in found] == [
        ("up == 1", True),
        ("down", None),
        ("ClusterUpgrade", True),
        ("Freeze", False),
    ]


@pytest.mark.parametrize(
    ("alert", "query"),
    [
        ("ClusterUpgrade", 'ALERTS{alertstate="firing", alertname="ClusterUpgrade"}'),
        ('X{team=~"a|b"}', 'ALERTS{alertstate="firing", alertname="X", team=~"a|b"}'),
        ('X{path!="C:\\\\dir\\n\\"q\\""}', 'ALERTS{alertstate="firing", alertname="X", path!="C:\\\\dir\\n\\"q\\""}'),
        ('{"my.label"="ü"}', 'ALERTS{alertstate="firing", "my.label"="ü"}'),
    ],
)
def test_an_alert_by_name_or_matchers_is_a_query_with_its_quotes_kept(alert, query):
    assert firing(alert) == query
