"""`remediator plan`: what would be done now is what the service would decide, and nothing of it is done."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from remediator.clients.query_answer import Answer, Sample, Unknown, Vector
from remediator.core.guarding import Budget, GuardSettings
from remediator.core.model import Mode
from remediator.core.rules import ObjectSpec, Rule, TargetSpec, When
from remediator.core.state import Ended, State
from remediator.foresight import RulePlan
from remediator.prospect import Plan, Prospect, Wish
from remediator.simulation import objects
from remediator.simulation.audit import WRITES
from remediator.simulation.world import World
from remediator.sources.reconciliation import Alerting
from tests.unit.builders import ESCALATE, policy, rule
from tests.unit.playing import ACCOUNT, BROKEN, GOOD, play, roll_out, shop

NAME = "undo-bad-rollout"
UNDO = rule(NAME, "rollback", ESCALATE)


def stuck(*names: str) -> bytes:
    """A payload with the alert `Stuck` about Deployments of `shop`."""
    labels = [{"alertname": "Stuck", "namespace": "shop", "deployment": name} for name in names]
    alerts = [{"status": "firing", "labels": each, "startsAt": "2026-01-01T00:00:00Z"} for each in labels]
    return json.dumps({"version": "4", "alerts": alerts}).encode()


def broken(*more: str) -> World:
    """`shop/web`, and more like it, all with an image that cannot be pulled."""
    world = shop()
    for name in more:
        world.create(objects.deployment(name, "shop", GOOD))
    world.advance(3600)
    roll_out(world, BROKEN)
    world.advance(120)
    return world


def planned(world: World, *rules: Rule, wish: Wish | None = None, state: State | None = None, **more: Any) -> Plan:
    """The plan for all rules, by default for a payload about `web`; afterwards nothing but dry runs is in the audit."""
    ask, said = more.pop("ask", None), policy(**more)
    prospect = Prospect(world.cluster(ACCOUNT), world.clock, ask, Alerting())
    wish = replace(wish or Wish((), payload=stuck("web")), rules=rules)
    found = play(world, prospect.plan(state or State(), said, rules, wish))
    writes = [each.request for each in world.audit.entries if each.request.verb in WRITES]
    assert [each for each in writes if each.account == ACCOUNT and not each.dry_run] == []
    return found


def only(plan: Plan) -> RulePlan:
    (found,) = plan.rules
    return found


def results(plan: RulePlan) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(each.target, [(rung.action, rung.result) for rung in each.rungs]) for each in plan.incidents]


def test_what_would_be_done_is_told_with_the_api_servers_diff():
    world = broken()
    plan = only(planned(world, UNDO))
    assert (plan.signals, plan.mode, results(plan)) == (1, "enforce", [("Deployment/shop/web", [("rollback", "act")])])
    (rung,) = plan.incidents[0].rungs
    assert f'- spec.template.spec.containers[app].image: "{BROKEN}"' in rung.diff
    assert f'+ spec.template.spec.containers[app].image: "{GOOD}"' in rung.diff
    assert {"mode", "cooldown", "plan", "rehearsal"} <= {verdict.guard for verdict in rung.verdicts}


@pytest.mark.parametrize(
    ("mode", "result"), [(Mode.OBSERVE, "observe"), (Mode.APPROVE, "await_approval"), (Mode.OFF, "deny")]
)
def test_the_mode_in_force_counts(mode, result):
    plan = only(planned(broken(), rule(NAME, "rollback", ESCALATE, mode=mode)))
    assert results(plan)[0][1][0] == ("rollback", result)
    if mode is not Mode.OFF:
        assert plan.incidents[0].rungs[0].diff, "the API server was asked"


def test_what_the_journal_knows_holds_it_back():
    world = broken()
    state = State()
    state = replace(state, ended=state.ended.set("Deployment/shop/web", Ended(world.clock.now(), "other")))
    plan = only(planned(world, UNDO, state=state, guards=GuardSettings(cooldown=600.0)))
    (rung,) = plan.incidents[0].rungs
    assert rung.result == "hold"
    assert [each.guard for each in rung.verdicts if not each.allows] == ["cooldown"]


def test_what_one_takes_of_a_budget_the_next_no_longer_has():
    guards = GuardSettings(cooldown=0.0, budget=Budget(1, 3600.0), max_in_flight=9)
    world = broken("cart")
    plan = only(planned(world, rule(NAME, "restart", guards=guards), wish=Wish((), payload=stuck("web", "cart"))))
    assert results(plan) == [
        ("Deployment/shop/cart", [("restart", "act")]),
        ("Deployment/shop/web", [("restart", "hold")]),
    ]


def test_a_step_that_is_denied_leads_to_the_next_one():
    world = shop()  # a Deployment of one revision: nowhere to roll back to
    plan = only(planned(world, rule(NAME, "rollback", "restart", ESCALATE)))
    assert results(plan)[0][1] == [("rollback", "deny"), ("restart", "act")]


def test_for_is_taken_to_have_passed():
    waiting = rule(NAME, "rollback", ESCALATE, when=replace(UNDO.when, for_=900.0))
    assert results(only(planned(broken(), waiting)))[0][1] == [("rollback", "act")]


@pytest.mark.parametrize(
    ("answer", "signals", "reason"),
    [
        (Vector((Sample({"namespace": "shop", "deployment": "web"}, 1.0),)), 1, ""),
        (Vector(()), 0, ""),
        (Unknown("the answer may be partial"), None, "the answer may be partial"),
    ],
)
def test_queries_are_asked_once(answer, signals, reason):
    asked: list[str] = []

    async def ask(query: str, at: datetime) -> Answer:
        asked.append(query)
        return answer

    plan = only(planned(broken(), rule(NAME, "rollback", when=When(query="stuck == 1")), wish=Wish(()), ask=ask))
    assert (plan.signals, plan.reason, asked) == (signals, reason, ["stuck == 1"])
    assert len(plan.incidents) == (signals or 0)


def test_alerts_are_read_from_prometheus_where_no_alertmanager_is_named():
    async def ask(query: str, at: datetime) -> Answer:
        assert query == 'ALERTS{alertstate="firing", alertname="Stuck"}'
        labels = {"alertname": "Stuck", "alertstate": "firing", "namespace": "shop", "deployment": "web"}
        return Vector((Sample(labels, 1.0),))

    assert results(only(planned(broken(), UNDO, wish=Wish(()), ask=ask)))[0][1] == [("rollback", "act")]


def test_with_nobody_to_ask_that_is_said():
    plan = planned(shop(), UNDO, rule("q", "restart", when=When(query="x")), wish=Wish(()))
    assert [(each.signals, each.reason) for each in plan.rules] == [
        (None, "the settings name no Alertmanager or Prometheus to ask; give the alerts by --alert"),
        (None, "the settings name no Prometheus to ask"),
    ]


NODES = rule(
    "uncordon-left", "uncordon", when=When(object=ObjectSpec("Node", where="object.spec.unschedulable")),
    target=TargetSpec("Node"),
)  # fmt: skip


def test_objects_are_listed_once():
    world = World()
    assert only(planned(world, NODES, wish=Wish(()))).signals == 0
    world.create(objects.node("left") | {"spec": {"unschedulable": True}})
    plan = only(planned(world, NODES, wish=Wish(())))
    assert [each.target for each in plan.incidents] == ["Node/left"]
    assert plan.incidents[0].rungs[0].result in ("hold", "deny", "act")


def test_a_target_that_is_named_is_planned_for_though_no_signal_stands():
    plan = only(planned(broken("cart"), UNDO, wish=Wish((), "Deployment/shop/web")))
    assert (plan.signals, plan.incidents[0].assumed, results(plan)) == (
        0, True, [("Deployment/shop/web", [("rollback", "act")])]
    )  # fmt: skip
    named = Wish((), "Deployment/shop/web", stuck("web", "cart"))
    assert [each.assumed for each in only(planned(broken("cart"), UNDO, wish=named)).incidents] == [False]


def test_a_rule_for_another_kind_has_nothing_to_say_of_it():
    assert only(planned(shop(), NODES, wish=Wish((), "Deployment/shop/web"))).incidents == ()


def test_a_target_that_is_not_there_is_told():
    plan = only(planned(shop(), UNDO, wish=Wish((), "Deployment/shop/none")))
    assert "there is no Deployment/shop/none" in plan.reason


def test_signals_that_lead_nowhere_are_told():
    plan = only(planned(shop(), UNDO, wish=Wish((), payload=stuck("gone"))))
    assert (plan.signals, plan.incidents) == (1, ())
    assert plan.unresolved[0].startswith("Deployment/shop/gone cannot be followed to a target")


def test_a_payload_that_is_none_is_told():
    plan = only(planned(shop(), UNDO, wish=Wish((), payload=b"[]")))
    assert plan.reason.startswith("the payload is none of Alertmanager's: ")
