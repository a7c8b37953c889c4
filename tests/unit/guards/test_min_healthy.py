"""Guard `min_healthy`: enough siblings stay healthy, in numbers and in shares, whichever is stricter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.guarding import Portion
from remediator.core.model import Target
from remediator.core.state import State
from remediator.core.surroundings import Namespace, Siblings, Surroundings
from remediator.guards.min_healthy import GUARD, needs
from tests.unit.builders import START, WEB, at, incident, request, snapshot, state

NODE = Target("Node", "", "n1", "uid-n1")
DRAIN = Action("drain", (), no_arguments, disrupts=Disruption.NODE)


def ask(total: int, healthy_others: int, target: Target = NODE, journal: State | None = None, **given):
    """`healthy_others` of `total` siblings are healthy, the target not counted."""
    limits = {name: value for name, value in given.items() if name in ("min_healthy", "max_unhealthy")}
    facts = {name: value for name, value in given.items() if name not in limits and name != "busy"}
    found = Siblings(total, healthy_others, given.pop("busy", ()))
    facts.pop("busy", None)
    around = Surroundings(namespace=Namespace(), owners=(), siblings=found)
    asked = replace(request(incident(target=target), **limits), action=DRAIN)
    return GUARD.ask(asked, journal or state(), snapshot(around=around, **facts).facts, START)


def share(percent: int, at_least: int | None = None) -> Portion:
    return Portion(share=percent, at_least=at_least)


@pytest.mark.parametrize(
    ("limits", "total", "most", "why"),
    [
        ({"min_healthy": share(60)}, 5, 2, "40 % of five are two"),
        ({"min_healthy": share(60)}, 4, 1, "40 % of four are 1.6: what may be disturbed rounds down"),
        ({"min_healthy": share(60)}, 3, 1, "40 % of three are 1.2"),
        ({"max_unhealthy": share(20)}, 10, 2, "20 % of ten are two"),
        ({"max_unhealthy": share(20)}, 9, 1, "20 % of nine are 1.8, rounded down"),
        ({"max_unhealthy": share(20)}, 3, 1, "20 % of three would be never: at least one"),
        ({"max_unhealthy": share(20, 0)}, 3, 0, "unless at_least says so"),
        ({"max_unhealthy": share(20, 2)}, 3, 2, "or says more"),
        ({"min_healthy": share(100)}, 10, 1, "at least one also here"),
        ({"max_unhealthy": share(0, 0)}, 10, 0, "none"),
        ({"min_healthy": Portion(count=2)}, 5, 3, "all but two"),
        ({"min_healthy": Portion(count=5)}, 5, 0, "a number means itself: no at_least"),
        ({"max_unhealthy": Portion(count=0)}, 5, 0, "a number means itself"),
        ({"max_unhealthy": Portion(count=3)}, 5, 3, "a number means itself"),
        ({"max_unhealthy": Portion(count=3, share=40)}, 5, 2, "of number and share the stricter"),
        ({"max_unhealthy": Portion(count=1, share=40)}, 5, 1, "of number and share the stricter"),
        ({"min_healthy": share(60), "max_unhealthy": Portion(count=1)}, 5, 1, "of both settings the stricter"),
        ({"min_healthy": Portion(count=4), "max_unhealthy": share(50)}, 5, 1, "of both settings the stricter"),
    ],
)
def test_how_many_may_be_unhealthy_the_target_among_them(limits, total, most, why):
    allowed, held = ask(total, total - most, **limits), ask(total, max(total - most - 1, 0), **limits)
    if most:
        assert allowed.verdict == "allow", why
    assert held.verdict == "hold", why
    assert held.inputs == {"siblings": total, "unhealthy_with_target": min(most + 1, total), "may_be_unhealthy": most}


def test_twenty_percent_of_a_pool_of_three_is_not_never():
    """Karpenter 2134: a share of a small pool rounded down to nothing, and no node was ever replaced."""
    assert ask(3, 2, max_unhealthy=share(20)).verdict == "allow"


def test_a_control_plane_node_has_no_free_one():
    assert ask(3, 2, max_unhealthy=share(20), control_plane=True).verdict == "hold"
    assert ask(3, 2, max_unhealthy=share(20, 1), control_plane=True).verdict == "allow"


def test_a_node_in_remediation_is_not_counted_healthy():
    """OpenShift BZ1975296: nodes that were being remediated counted as healthy, and too many went at once."""
    at_work = State(hands=state().hands.set("Node//n2", "incident-2"))
    limits = {"max_unhealthy": Portion(count=1)}
    assert ask(5, 4, **limits).verdict == "allow"
    assert ask(5, 4, journal=at_work, **limits).verdict == "hold", "taken in hand since the look"
    assert ask(5, 4, journal=at_work, busy=("Node//n2",), **limits).verdict == "allow", "the look had counted it"


def test_other_kinds_and_namespaces_in_hand_are_no_siblings():
    at_work = State(hands=state().hands.update({"Deployment/cart/web": "i2", "StatefulSet/shop/db": "i3"}))
    assert ask(5, 4, WEB, at_work, max_unhealthy=Portion(count=1)).verdict == "allow"
    ours = State(hands=state().hands.set("Deployment/shop/api", "i2"))
    assert ask(5, 4, WEB, ours, max_unhealthy=Portion(count=1)).verdict == "hold"


def test_siblings_are_read_where_a_limit_is_written_and_unread_is_unknown():
    def asked(disrupts: Disruption, **limits):
        return replace(request(**limits), action=Action("act", (), no_arguments, disrupts=disrupts))

    facts = snapshot().facts
    assert needs(asked(Disruption.ROLLING, min_healthy=share(60)), state(), facts, START) == ("siblings",)
    assert needs(asked(Disruption.ROLLING), state(), facts, START) == ()
    assert needs(asked(Disruption.NONE, min_healthy=share(60)), state(), facts, START) == ()
    answer = GUARD.ask(asked(Disruption.ROLLING, min_healthy=share(60)), state(), facts, START)
    assert (answer.verdict, answer.retry_at) == ("hold", at(15))
    assert GUARD.ask(asked(Disruption.ROLLING), state(), facts, START).verdict == "allow"


portions = st.none() | st.builds(Portion, st.none() | st.integers(0, 20), st.none() | st.integers(0, 100), st.just(0))


@given(st.integers(1, 20), st.data(), portions, portions)
def test_with_at_least_0_no_share_is_ever_overdrawn(total, data, low, high):
    """Whatever is allowed, the healthy ones that stay are at least what is written, to the last percent."""
    others = data.draw(st.integers(0, total - 1))
    if ask(total, others, min_healthy=low, max_unhealthy=high).verdict == "allow":
        unhealthy = total - others
        if low is not None:
            assert others >= (low.count or 0)
            assert low.share is None or others * 100 >= low.share * total
        if high is not None:
            assert high.count is None or unhealthy <= high.count
            assert high.share is None or unhealthy * 100 <= high.share * total


@pytest.mark.parametrize("kind", ["Job", "CronJob", "HorizontalPodAutoscaler", "ReplicaSet", "Namespace"])
def test_a_limit_of_the_settings_does_not_hold_what_has_no_siblings_for_ever(kind):
    job = Target(kind, "shop", "one", "uid-1")
    asked = replace(request(incident(target=job), min_healthy=share(60)), action=DRAIN)
    verdict = GUARD.ask(asked, state(), snapshot().facts, START)
    assert (verdict.verdict, verdict.reason) == ("allow", f"a {kind} has no siblings that would serve in its stead")
    assert needs(asked, state(), snapshot().facts, START) == ()
