"""The one hand that writes: every answer of the API server becomes an outcome, and no intent has two effects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from remediator.actions import restart
from remediator.actions.action import REMEDIATION, Order, deletion
from remediator.core.events import Intent, Undo
from remediator.core.model import Change, OutcomeStatus, Precondition, Target
from remediator.core.observations import Carried
from remediator.core.snapshot import Snapshot
from remediator.core.workload import facts_of
from remediator.executor import FENCE, PATIENCE, Executor, _has_moved_on
from remediator.ports import ClusterError, Conflict, Forbidden, Throttled, Unavailable
from remediator.simulation.faults import Fault, FaultKind
from remediator.simulation.world import World
from tests.unit.playing import ACCOUNT, WEB, change, effects, fences, play, shop, web


def intent(world: World) -> Intent:
    """A restart of `shop/web`, planned on what it is now."""
    live = web(world)
    target = Target("Deployment", "shop", "web", live["metadata"]["uid"])
    planned = restart.plan(Order("incident-1-1", target, {}, Snapshot(facts_of(live, world.clock.now()), live)))
    assert isinstance(planned, Change)
    return Intent("incident-1-1", "restart", 0, 1, planned)


async def nothing_objects(incident: str, intent: Intent | Undo, waited: bool) -> str:
    return ""


def executor(world: World) -> Executor:
    return Executor(world.cluster(ACCOUNT), world.clock, nothing_objects)


def carry_out(world: World, of: Intent) -> Carried:
    return play(world, executor(world).carry_out("incident-1", of))


def settle(world: World, of: Intent) -> Carried:
    return play(world, executor(world).settle("incident-1", of))


@pytest.fixture
def world() -> World:
    return shop()


def fault(kind: FaultKind, verbs: tuple[str, ...] = ("patch",), **fields) -> Fault:
    return Fault(kind, ACCOUNT, verbs, **fields)


# Carrying out


def test_a_write_that_is_taken_is_applied_and_leaves_the_remediations_id(world):
    outcome = carry_out(world, intent(world))
    meta = web(world)["metadata"]
    assert (outcome.incident, outcome.intent, outcome.status) == ("incident-1", "incident-1-1", OutcomeStatus.APPLIED)
    assert outcome.resource_version
    assert outcome.generation == meta["generation"]
    assert meta["annotations"][REMEDIATION] == "incident-1-1"
    assert (len(effects(world)), len(fences(world))) == (1, 0)


def test_a_target_that_changed_since_is_a_conflict_and_stays_as_it_is(world):
    planned = intent(world)
    change(world, {"metadata": {"labels": {"touched": "yes"}}})
    assert carry_out(world, planned).status is OutcomeStatus.CONFLICT
    assert effects(world) == []


def test_a_target_that_is_gone_is_gone(world):
    planned = intent(world)
    world.server.delete(WEB)
    assert carry_out(world, planned).status is OutcomeStatus.GONE


def test_a_successor_of_the_same_name_is_never_hit(world):
    planned = intent(world)
    world.server.delete(WEB)
    world.advance(60)
    shop_again = shop()
    world.create({**web(shop_again), "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}}})
    assert carry_out(world, planned).status in (OutcomeStatus.CONFLICT, OutcomeStatus.GONE)
    assert effects(world) == []


def test_what_the_account_may_not_do_is_refused_with_the_missing_right(world):
    world.authorise = lambda request: request.verb != "patch"
    outcome = carry_out(world, intent(world))
    assert outcome.status is OutcomeStatus.REFUSED
    assert 'cannot patch resource "deployments"' in outcome.detail


def test_what_the_api_server_finds_invalid_is_refused(world):
    planned = intent(world)
    planned.change.body["spec"] = {"replicas": -1}
    outcome = carry_out(world, planned)
    assert (outcome.status, effects(world)) == (OutcomeStatus.REFUSED, [])


@pytest.mark.parametrize("kind", [FaultKind.THROTTLED, FaultKind.ERROR, FaultKind.UNREACHABLE])
def test_what_was_not_done_is_tried_again_with_patience(world, kind):
    world.faults.add(fault(kind, count=3))
    assert carry_out(world, intent(world)).status is OutcomeStatus.APPLIED
    assert len(effects(world)) == 1


@pytest.mark.parametrize("kind", [FaultKind.THROTTLED, FaultKind.ERROR, FaultKind.UNREACHABLE])
def test_patience_ends_and_nothing_was_done(world, kind):
    world.faults.add(fault(kind, count=0))
    began = world.clock.now()
    assert carry_out(world, intent(world)).status is OutcomeStatus.FAILED
    waited = (world.clock.now() - began).total_seconds()
    assert PATIENCE <= waited <= PATIENCE + 10
    assert (effects(world), fences(world)) == ([], [])


@pytest.mark.parametrize(("asks", "waits"), [(0.0, 0.5), (3.0, 3.0), (20.0, 20.0), (3600.0, PATIENCE)])
def test_a_server_that_says_when_is_asked_no_sooner_within_our_patience(world, asks, waits):
    world.faults.add(fault(FaultKind.THROTTLED, seconds=asks))
    began = world.clock.now()
    carry_out(world, intent(world))
    assert (world.clock.now() - began).total_seconds() == waits


# What cannot be known


def test_a_write_whose_answer_was_lost_is_found_by_its_id_and_adopted(world):
    world.faults.add(fault(FaultKind.LOST_ANSWER))
    outcome = carry_out(world, intent(world))
    assert outcome.status is OutcomeStatus.ADOPTED
    assert outcome.generation == web(world)["metadata"]["generation"]
    assert (len(effects(world)), len(fences(world))) == (1, 0)


def test_a_write_that_never_arrived_is_fenced_off_and_never_done(world):
    world.faults.add(fault(FaultKind.LOST_REQUEST))
    assert carry_out(world, intent(world)).status is OutcomeStatus.NEVER_DONE
    assert (len(effects(world)), len(fences(world))) == (0, 1)
    assert web(world)["metadata"]["annotations"][FENCE] == "incident-1-1"


def test_a_write_that_arrives_after_it_was_fenced_off_fails(world):
    world.faults.add(fault(FaultKind.LATE, seconds=5.0))
    assert carry_out(world, intent(world)).status is OutcomeStatus.NEVER_DONE
    world.advance(10)
    assert effects(world) == []


def test_a_write_that_arrives_while_it_is_looked_for_is_adopted(world):
    world.faults.add(fault(FaultKind.LATE, seconds=0.5), fault(FaultKind.SLOW, ("get",), seconds=1.0))
    assert carry_out(world, intent(world)).status is OutcomeStatus.ADOPTED
    assert (len(effects(world)), len(fences(world))) == (1, 0)


def test_a_write_that_arrives_between_the_look_and_the_fence_is_adopted(world):
    world.faults.add(fault(FaultKind.LATE, seconds=0.5), fault(FaultKind.SLOW, seconds=1.0))
    assert carry_out(world, intent(world)).status is OutcomeStatus.ADOPTED
    assert (len(effects(world)), len(fences(world))) == (1, 0)


class WroteAllTheSame:
    """A cluster that answers 500 to the first `broken_for` writes although it did them, and then `later` if given."""

    broken_for = 1
    later: ClusterError | None = None

    def __init__(self, world: World) -> None:
        self.inner, self.tries = world.cluster(ACCOUNT), 0

    async def write(self, planned: Change):
        self.tries += 1
        if self.tries > 1 and self.later:
            raise self.later
        try:
            return await self.inner.write(planned)
        finally:
            if self.tries <= self.broken_for:
                raise Unavailable("internal error", status=500)

    async def get(self, ref):
        return await self.inner.get(ref)


def test_a_conflict_after_an_error_may_be_with_the_own_write_and_is_looked_up(world):
    """A server that answers 500 and has written all the same: the second try meets the first one's resourceVersion."""

    outcome = play(world, Executor(WroteAllTheSame(world), world.clock, nothing_objects).carry_out("i", intent(world)))
    assert outcome.status is OutcomeStatus.ADOPTED
    assert len(effects(world)) == 1


def test_patience_that_ends_after_an_error_looks_whether_a_try_got_through(world):
    class WroteAndBroke(WroteAllTheSame):
        broken_for = 100

    outcome = play(world, Executor(WroteAndBroke(world), world.clock, nothing_objects).carry_out("i", intent(world)))
    assert (outcome.status, len(effects(world))) == (OutcomeStatus.ADOPTED, 1)


def test_being_forbidden_after_an_error_says_nothing_of_the_first_try(world):
    class WroteAndForbids(WroteAllTheSame):
        later = Forbidden("may not patch", status=403)

    outcome = play(world, Executor(WroteAndForbids(world), world.clock, nothing_objects).carry_out("i", intent(world)))
    assert (outcome.status, len(effects(world))) == (OutcomeStatus.ADOPTED, 1)


# What speaks against it by now


class Objecting:
    """Says each of its answers once, the last one for ever; an error is raised. `asked` are the flags it was given."""

    def __init__(self, *answers: str | ClusterError) -> None:
        self.answers, self.asked = list(answers), []

    async def __call__(self, incident: str, of: Intent | Undo, waited: bool) -> str:
        self.asked.append(waited)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ClusterError):
            raise answer
        return answer


def carry_out_unless(world: World, objecting: Objecting, cluster=None) -> Carried:
    acting = Executor(cluster or world.cluster(ACCOUNT), world.clock, objecting)
    return play(world, acting.carry_out("incident-1", intent(world)))


def test_what_is_objected_to_right_before_the_write_is_never_written(world):
    outcome = carry_out_unless(world, Objecting("pause: paused by alice"))
    assert outcome.status is OutcomeStatus.NEVER_DONE
    assert outcome.detail == "withdrawn before it was written: pause: paused by alice"
    assert world.audit.writes(ACCOUNT) == []


def test_it_is_asked_again_before_every_try_and_told_that_time_has_passed(world):
    world.faults.add(fault(FaultKind.THROTTLED, count=2))
    objecting = Objecting("")
    assert carry_out_unless(world, objecting).status is OutcomeStatus.APPLIED
    assert objecting.asked == [False, True, True]


def test_what_is_objected_to_while_it_waits_is_not_written_any_more(world):
    world.faults.add(fault(FaultKind.THROTTLED, count=2))
    outcome = carry_out_unless(world, Objecting("", "", "mode: the mode is observe by now"))
    assert (outcome.status, effects(world), fences(world)) == (OutcomeStatus.NEVER_DONE, [], [])


def test_what_may_have_got_through_before_the_objection_is_looked_up(world):
    outcome = carry_out_unless(world, Objecting("", "paused"), WroteAllTheSame(world))
    assert (outcome.status, len(effects(world))) == (OutcomeStatus.ADOPTED, 1)


def test_where_it_cannot_be_known_whether_anything_objects_nothing_is_written_until_it_is(world):
    began = world.clock.now()
    outcome = carry_out_unless(world, Objecting(Unavailable("no route"), Unavailable("no route"), ""))
    assert (outcome.status, len(effects(world))) == (OutcomeStatus.APPLIED, 1)
    assert (world.clock.now() - began).total_seconds() == 1.5


def test_where_it_is_never_known_patience_ends_with_nothing_done(world):
    assert carry_out_unless(world, Objecting(Unavailable("no route"))).status is OutcomeStatus.FAILED
    assert world.audit.writes(ACCOUNT) == []


# Settling what somebody else began


def test_an_intent_of_a_predecessor_that_was_done_is_adopted(world):
    planned = intent(world)
    carry_out(world, planned)
    assert settle(world, planned).status is OutcomeStatus.ADOPTED
    assert len(effects(world)) == 1


def test_an_intent_of_a_predecessor_that_was_not_done_is_fenced_off(world):
    planned = intent(world)
    assert settle(world, planned).status is OutcomeStatus.NEVER_DONE
    assert carry_out(world, planned).status is OutcomeStatus.CONFLICT, "the predecessor wakes up and tries"
    assert effects(world) == []


def test_settling_never_writes_what_was_intended(world):
    settle(world, intent(world))
    assert effects(world) == []


def test_settling_looks_again_where_somebody_writes_in_between(world):
    world.faults.add(fault(FaultKind.CONFLICT, count=4))
    assert settle(world, intent(world)).status is OutcomeStatus.NEVER_DONE


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.UNREACHABLE, FaultKind.THROTTLED, FaultKind.LOST_REQUEST])
def test_settling_tries_until_it_knows(world, kind):
    world.faults.add(Fault(kind, ACCOUNT, count=40))
    assert settle(world, intent(world)).status is OutcomeStatus.NEVER_DONE
    assert world.faults.pending == []


def test_settling_does_not_hammer_a_server_that_answers_with_conflicts(world):
    world.faults.add(fault(FaultKind.CONFLICT, count=20))
    began = world.clock.now()
    settle(world, intent(world))
    assert (world.clock.now() - began).total_seconds() > 60


@pytest.mark.parametrize("whose", ["ours", "somebody else's"])
def test_a_deletion_that_is_settled_says_that_nothing_tells_whose_it_was(world, whose):
    """What is gone bears no id: it is as intended all the same, and nothing is left to do."""
    live = web(world)
    planned = Intent("incident-1-1", "delete_job", 0, 1, deletion(WEB, live, "incident-1-1"))
    if whose == "ours":
        carry_out(world, planned)
    else:
        world.server.delete(WEB)
    outcome = settle(world, planned)
    assert (outcome.status, outcome.detail) == (
        OutcomeStatus.ADOPTED,
        f"{WEB} is not there any more, by this write or by another's: nothing there tells",
    )


def test_a_change_that_is_settled_is_known_by_its_id_and_needs_no_explanation(world):
    planned = intent(world)
    carry_out(world, planned)
    outcome = settle(world, planned)
    assert (outcome.status, outcome.detail) == (OutcomeStatus.ADOPTED, "")


def test_settling_finds_the_target_gone(world):
    planned = intent(world)
    world.server.delete(WEB)
    assert settle(world, planned).status is OutcomeStatus.GONE


def test_being_forbidden_to_look_is_no_knowledge_and_it_looks_until_it_may(world):
    planned = intent(world)
    carry_out(world, planned)
    world.authorise = lambda request: request.verb != "get"
    world.after(40.0, lambda: setattr(world, "authorise", lambda request: True))
    assert settle(world, planned).status is OutcomeStatus.ADOPTED


def test_being_forbidden_to_fence_is_no_knowledge_until_the_object_has_moved_on_by_itself(world):
    planned = intent(world)
    world.authorise = lambda request: request.account != ACCOUNT or request.verb != "patch"
    world.after(40.0, lambda: change(world, {"metadata": {"labels": {"touched": "yes"}}}))
    began = world.clock.now()
    outcome = settle(world, planned)
    assert (outcome.status, outcome.detail) == (
        OutcomeStatus.NEVER_DONE,
        "not found, and the object has moved on since",
    )
    assert (world.clock.now() - began).total_seconds() >= 40
    world.authorise = lambda request: True
    assert carry_out(world, planned).status is OutcomeStatus.CONFLICT, "a late write is refused without a fence"


@pytest.mark.parametrize(("then", "now"), [("100", "99"), ("100", "100"), ("100", "x101"), ("", "101")])
def test_a_version_that_does_not_clearly_follow_is_no_proof_that_a_late_write_fails(world, then, now):
    planned = intent(world)
    planned = replace(planned, change=replace(planned.change, precondition=Precondition("uid-1", then)))
    assert not _has_moved_on(planned, {"metadata": {"uid": "uid-1", "resourceVersion": now}})


def test_a_successor_is_not_searched_for_its_predecessors_marks(world):
    planned = intent(world)
    world.server.delete(WEB)
    world.advance(60)
    copied = {"name": "web", "namespace": "shop", "labels": {"app": "web"}, "annotations": {REMEDIATION: planned.id}}
    world.create({**web(shop()), "metadata": copied})
    assert settle(world, planned).status is OutcomeStatus.GONE
    assert fences(world) == []


@pytest.mark.parametrize("done", [True, False])
def test_an_undo_is_carried_out_and_settled_as_an_intent_is(world, done):
    of = intent(world)
    undo = Undo("incident-1-2", of.id, of.action, 0, 1, of.change)
    undo.change.body["metadata"]["annotations"][REMEDIATION] = undo.id
    if done:
        assert play(world, executor(world).carry_out("incident-1", undo)).status is OutcomeStatus.APPLIED
    expected = OutcomeStatus.ADOPTED if done else OutcomeStatus.NEVER_DONE
    assert play(world, executor(world).settle("incident-1", undo)).status is expected


# At most one effect, whatever goes wrong and whoever takes over


kinds = st.sampled_from([kind for kind in FaultKind if kind is not FaultKind.STALE])
troubles = st.lists(
    st.builds(
        Fault,
        kinds,
        account=st.just(ACCOUNT),
        verbs=st.sampled_from([("patch",), ("get",), ()]),
        count=st.integers(1, 3),
        seconds=st.sampled_from([0.1, 1.0, 7.0, 50.0]),
    ),
    max_size=6,
)


@given(troubles, st.booleans(), st.booleans())
def test_one_intent_has_at_most_one_effect_and_its_outcome_is_the_truth(troubles, taken_over, stranger):
    world = shop()
    planned = intent(world)
    world.faults.add(*troubles)
    if stranger:
        world.after(2.0, lambda: change(world, {"metadata": {"labels": {"touched": "yes"}}}))
    outcome = carry_out(world, planned)
    if taken_over:
        outcome = settle(world, planned)
    world.faults.lift()
    world.advance(200)
    done = outcome.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED)
    assert len(effects(world)) == (1 if done else 0)


# The same, word by word, for every error of the port


class Answering:
    """A cluster that answers every write with one error."""

    def __init__(self, error: ClusterError) -> None:
        self.error = error

    async def write(self, planned: Change):
        raise self.error

    async def get(self, ref):
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("changed", status=409), OutcomeStatus.CONFLICT),
        (ClusterError("odd", status=418), OutcomeStatus.FAILED),
        (Throttled("later"), OutcomeStatus.FAILED),
        (Unavailable("down", status=503), OutcomeStatus.FAILED),
    ],
)
def test_the_outcome_names_the_error(error, status, world):
    answering = Executor(Answering(error), world.clock, nothing_objects)
    outcome = play(world, answering.carry_out("incident-1", intent(world)))
    assert outcome.status is status
    assert outcome.detail == f"{type(error).__name__}: {error.message}"
