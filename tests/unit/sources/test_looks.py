"""A look reads what the rule's evidence speaks of, and nothing else: conditions before a step, proofs after it."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.clients.query_answer import Answer, Sample, Unknown, Vector
from remediator.core.events import Event, Intent, Source
from remediator.core.fold import apply
from remediator.core.guarding import GuardSettings, Veto
from remediator.core.model import Change, Phase, Precondition, Target, Verb
from remediator.core.observations import Looked
from remediator.core.rules import Query, Rule, Until
from remediator.core.snapshot import Facts
from remediator.core.state import Incident, State
from remediator.sources.inquiries import Inquiries
from remediator.sources.looks import Looks
from tests.unit.builders import at, incident, policy, rule
from tests.unit.playing import ACCOUNT, WEB, play, shop, web

LABELS = {"namespace": "shop", "deployment": "web"}
TRAFFIC = Query("traffic > 1", ("namespace",))
YES = Vector((Sample({"namespace": "shop"}, 2.0),))


def looked(of: Rule, answers: dict[str, Answer], phase: Phase = Phase.PENDING, state: State | None = None) -> Looked:
    """A look at `shop/web`, of whose queries these are the answers."""
    world = shop()
    target = Target("Deployment", "shop", "web", web(world)["metadata"]["uid"])
    since = world.clock.now()
    about = incident(of, target, labels=LABELS, phase=phase, carried_at=since, opened_at=since, since=since)
    about = about if phase is Phase.PENDING else _verifying(about)

    async def ask(query: str, instant) -> Answer:
        return answers[query]

    looks = Looks(world.cluster(ACCOUNT), world.clock, Inquiries(ask, world.clock))
    return play(world, looks.look(state or State(policy=policy()), about))


def _verifying(about: Incident) -> Incident:
    change = Change(Verb.PATCH, WEB, {}, Precondition(about.target.uid, "1"), prior={"restartedAt": "before"})
    intent = Intent("i", "restart", 0, 1, change, prior=change.prior)
    return replace(about, intent=intent)


def answers(facts: Facts) -> list[tuple[str, bool | None]]:
    return [(each.condition, each.holds) for each in facts.answers]


def test_conditions_are_answered_from_the_live_object_and_queries_from_prometheus():
    of = rule(conditions=("target.ready == 3",), queries=(TRAFFIC, Query("down")))
    facts = looked(of, {"traffic > 1": YES, "down": Unknown("no answer")}).snapshot.facts
    assert answers(facts) == [("target.ready == 3", True), ("traffic > 1 on (namespace)", True), ("down", None)]
    assert facts.proofs == ()


def test_what_proves_a_step_is_asked_after_it_and_conditions_are_not():
    until = Until(query=TRAFFIC, check="target.ready == 3", resolved=True)
    of = rule(conditions=("target.ready == 4",), queries=(Query("never asked"),), until=until)
    facts = looked(of, {"traffic > 1": YES}, Phase.VERIFYING).snapshot.facts
    assert facts.answers == ()
    assert [(each.condition, each.holds) for each in facts.proofs] == [
        ("target.ready == 3", True),
        ("traffic > 1 on (namespace)", True),
        ("alert resolved", False),
    ]


def test_in_the_dark_it_is_not_known_whether_the_alert_is_resolved():
    of = rule(until=Until(resolved=True))
    dark = apply(State(policy=policy()), Event(at(0), Source("prometheus", False, "no answer"), rule=of.name))
    (proof,) = looked(of, {}, Phase.VERIFYING, dark).snapshot.facts.proofs
    assert (proof.condition, proof.holds) == ("alert resolved", None)


def test_what_is_required_and_what_vetoes_is_asked_where_it_is_written():
    written = GuardSettings(require=("up",), veto=Veto(queries=("maintenance",)))
    around = looked(rule(guards=written), {"up": YES, "maintenance": Vector(())}).snapshot.facts.around
    assert [(gate.text, gate.holds) for gate in around.gates or ()] == [("up", True), ("maintenance", False)]


def test_a_held_gate_is_no_reason_to_rehearse():
    written = GuardSettings(veto=Veto(queries=("maintenance",)))
    assert looked(rule(guards=written), {"maintenance": YES}).rehearsal is None
    assert looked(rule(guards=written), {"maintenance": Vector(())}).rehearsal is not None


def test_where_no_gate_is_written_nothing_is_asked():
    assert looked(rule(), {}).snapshot.facts.around.gates in ((), None)
