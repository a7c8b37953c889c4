"""Verification: health that holds, within the time allowed, on fresh evidence; else undo, next step, person."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.core.events import Intent, Verification
from remediator.core.histories import history
from remediator.core.kinds import ref_of
from remediator.core.model import Change, CloseReason, Mode, OutcomeStatus, Phase, Precondition, Verb
from remediator.core.observations import Carried, Looked
from remediator.core.rules import Step, Until
from remediator.core.snapshot import Answer, Facts, Rehearsal
from remediator.guards.contention import MOST_TRIES
from remediator.verify import judge
from tests.unit.builders import (
    ESCALATE,
    WEB,
    Story,
    at,
    deployment,
    gone,
    healthy,
    incident,
    kinds,
    policy,
    replica_set,
    rule,
    snapshot,
    template,
    unknown,
)

NAME = "undo-bad-rollout"
UNDO = Until(for_=60.0, within=600.0, on_failure="undo")


def facts(healthy: bool = True, **fields) -> Facts:
    return Facts(at(0), exists=True, uid=WEB.uid, healthy=healthy, health="ready" if healthy else "0 of 3", **fields)


# One judgement


@pytest.mark.parametrize(
    ("seen", "now", "healthy_since", "result", "why"),
    [
        (facts(False), 0, None, "not_yet", "there is time"),
        (facts(False), 599.999999, None, "not_yet", "one microsecond is left"),
        (facts(False), 600, None, "failed", "at the very instant of the deadline"),
        (facts(), 0, None, "healthy", "the hold begins"),
        (facts(), 59.999999, 0, "healthy", "the hold lacks a microsecond"),
        (facts(), 60, 0, "proven", "the hold is complete, inclusively"),
        (facts(), 601, 590, "healthy", "a hold that began in time may be completed after the deadline"),
        (facts(), 650, 590, "proven", "and is"),
        (facts(False), 601, 590, "failed", "but not if it breaks off"),
        (facts(False), 100, 90, "not_yet", "a hold that breaks off in time begins anew"),
        (Facts(at(0), unknown="no route"), 5000, None, "unknown", "no data judges nothing, however late"),
        (Facts(at(0), exists=False), 0, None, "failed", "gone"),
        (replace(facts(), uid="uid-2"), 60, 0, "failed", "healthy, but another object"),
    ],
)
def test_what_the_evidence_says_of_a_step_that_must_be_healthy_for_1m_within_10m(seen, now, healthy_since, result, why):
    before = None if healthy_since is None else Verification("healthy", 0, since=at(healthy_since))
    about = incident(phase=Phase.VERIFYING, carried_at=at(0), verified=before)
    assert judge(about, seen, at(now)).result == result, why


@pytest.mark.parametrize(
    ("seen", "result", "why"),
    [
        ({"generation": 5, "observed": 5}, "healthy", "the generation that the write made was acted on"),
        ({"generation": 6, "observed": 5}, "healthy", "somebody changed it since; ours was acted on"),
        ({"generation": 5, "observed": None}, "healthy", "a kind whose controller does not say"),
        ({"generation": 5, "observed": 4}, "not_yet", "its controller has not acted on the write"),
        ({"generation": 4, "observed": 4}, "unknown", "a read from before the write is no evidence about it"),
        ({"generation": 5, "observed": 5, "taken_at": at(9.9)}, "unknown", "and nor is a look that began before"),
    ],
)
def test_only_what_shows_the_write_and_what_its_controller_made_of_it_is_evidence(seen, result, why):
    about = incident(phase=Phase.VERIFYING, carried_at=at(10), generation=5)
    assert judge(about, replace(facts(), **({"taken_at": at(20)} | seen)), at(20)).result == result, why


def acted(action: str, **fields):
    """An incident whose step of this action was carried out at 0."""
    intent = Intent("incident-1-1", action, 0, 1, Change(Verb.DELETE, ref_of(WEB), {}, Precondition(WEB.uid, "1")))
    return incident(rule(NAME, action), phase=Phase.VERIFYING, carried_at=at(0), intent=intent, **fields)


@pytest.mark.parametrize(
    ("action", "seen", "now", "since", "result"),
    [
        ("evict", Facts(at(0), exists=False), 0, None, "healthy"),
        ("evict", Facts(at(0), exists=False), 60, 0, "proven"),
        ("evict", replace(facts(), uid="uid-2"), 60, 0, "proven"),
        ("evict", facts(), 60, None, "not_yet"),
        ("evict", facts(), 600, None, "failed"),
        ("delete_job", Facts(at(0), exists=False), 60, 0, "proven"),
        ("rerun_job", replace(facts(), uid="uid-2"), 60, 0, "proven"),
        ("rerun_job", replace(facts(False), uid="uid-2"), 60, None, "not_yet"),
        ("rerun_job", Facts(at(0), exists=False), 60, None, "failed"),
        ("restart", replace(facts(), uid="uid-2"), 60, 0, "failed"),
    ],
)
def test_what_was_to_go_is_proven_by_its_absence_and_what_was_made_anew_by_its_successor(
    action, seen, now, since, result
):
    before = None if since is None else Verification("healthy", 0, since=at(since))
    assert judge(acted(action, verified=before), seen, at(now)).result == result


def test_what_its_controller_never_acts_on_has_failed_at_the_deadline():
    about = incident(phase=Phase.VERIFYING, carried_at=at(0), generation=5)
    said = judge(about, facts(generation=5, observed=4), at(600))
    assert (said.result, said.detail) == (
        "failed",
        "not healthy within 600 s: its controller has acted on generation 4, the write made 5",
    )


def test_the_generation_that_a_write_made_is_kept_from_its_outcome():
    story = Story(rule(NAME, "restart"))
    story.fires(0)
    story.looks(0)
    intent = story.incident.intent
    story.see(Carried(story.incident.id, intent.id, OutcomeStatus.ADOPTED, "", "101", 7), 1)
    assert story.incident.generation == 7
    story.looks(2, healthy())
    assert story.all("verification")[-1].detail == "generation 3 was read, the write made 7"


def test_a_hold_of_no_length_is_proven_at_once():
    about = incident(rule(until=Until(for_=0.0)), phase=Phase.VERIFYING, carried_at=at(0))
    assert judge(about, facts(), at(0)).result == "proven"


def test_a_steps_own_until_counts_before_the_rules():
    ladder = (Step("restart", until=Until(for_=5.0)), Step("restart"))
    of = rule(NAME, *ladder, until=Until(for_=50.0))
    assert (of.until_of(0).for_, of.until_of(1).for_) == (5.0, 50.0)


# What proves it beside readiness


def proofs(*holds: bool | None) -> tuple[Answer, ...]:
    return tuple(Answer(f"proof {i}", each, "no answer" if each is None else "") for i, each in enumerate(holds))


@pytest.mark.parametrize(
    ("until", "healthy", "seen", "result", "why"),
    [
        ({}, True, (True,), "healthy", "all given ones hold"),
        ({}, False, (True,), "not_yet", "readiness is asked for unless it is switched off"),
        ({"ready": False}, False, (True,), "healthy", "it is switched off: the query alone proves it"),
        ({"ready": False}, False, (True, False), "not_yet", "one of two does not hold"),
        ({}, True, (False,), "not_yet", "ready, and the query says no"),
        ({}, True, (None,), "unknown", "ready, and the query says nothing"),
        ({"ready": False}, False, (False, None), "unknown", "what is unknown never fails, whatever else says no"),
    ],
)
def test_each_given_proof_must_hold(until, healthy, seen, result, why):
    about = incident(rule(until=Until(**until)), phase=Phase.VERIFYING, carried_at=at(0))
    assert judge(about, facts(healthy, proofs=proofs(*seen)), at(10)).result == result, why


@pytest.mark.parametrize(("seen", "result"), [((False,), "failed"), ((None,), "unknown")])
def test_at_the_deadline_what_does_not_hold_has_failed_and_what_is_unknown_has_not(seen, result):
    about = incident(phase=Phase.VERIFYING, carried_at=at(0))
    assert judge(about, facts(proofs=proofs(*seen)), at(600)).result == result


def test_a_proof_that_breaks_off_begins_the_hold_anew():
    before = Verification("not_yet", 0)
    about = incident(phase=Phase.VERIFYING, carried_at=at(0), verified=before)
    assert judge(about, facts(proofs=proofs(True)), at(90)).since == at(90)


RESOLVED = Until(ready=False, resolved=True)


@pytest.mark.parametrize(
    ("cleared_at", "healthy_since", "now", "result", "since"),
    [
        (None, None, 100, "not_yet", None),
        (at(50), None, 100, "healthy", at(100)),
        (at(50), at(50), 110, "proven", at(50)),
        (at(90), at(50), 110, "healthy", at(90)),
        (None, at(50), 600, "failed", None),
    ],
)
def test_an_alert_must_stay_resolved_and_one_that_came_back_begins_anew(cleared_at, healthy_since, now, result, since):
    before = Verification("healthy", 0, since=healthy_since) if healthy_since else None
    about = incident(
        rule(until=RESOLVED), phase=Phase.VERIFYING, carried_at=at(0), verified=before, cleared_at=cleared_at
    )
    seen = facts(False, proofs=(Answer("alert resolved", cleared_at is not None),))
    said = judge(about, seen, at(now))
    assert (said.result, said.since) == (result, since)


# The way through it


def verifying(*ladder, until: Until = UNDO, **fields) -> Story:
    """A story whose first step was applied at 0 s."""
    story = Story(rule(NAME, *(ladder or ("rollback", "restart", ESCALATE)), until=until), **fields)
    story.fires(0)
    story.looks(0)
    story.carries(OutcomeStatus.APPLIED, 0)
    return story


def rolled_back(image: str = "app:2", ready: int = 0, **meta):
    """`shop/web` after the roll-back to revision 2, which did not help."""
    live = deployment(image, ready=ready, metadata={"resourceVersion": "101", **meta})
    return replace(snapshot(live), revisions=history(live, (replica_set(2), replica_set(3))))


def test_what_stays_the_same_is_said_once():
    story = verifying()
    assert kinds(story.looks(1)) == ["verification"]
    assert story.looks(2) == ()
    assert kinds(story.looks(3, unknown())) == ["verification"]
    assert story.looks(4, unknown()) == ()
    assert kinds(story.looks(5, healthy())) == ["verification"]
    assert story.looks(6, healthy()) == ()
    assert [each.result for each in story.all("verification")] == ["not_yet", "unknown", "healthy"]


def test_a_gap_in_the_evidence_breaks_a_hold():
    story = verifying()
    story.looks(10, healthy())
    story.looks(30, unknown())
    story.looks(31, healthy())
    assert story.looks(70, healthy()) == (), "60 s since 10 s, but 39 s since the gap"
    story.looks(91, healthy())
    assert story.closed == ["recovered"]


def test_time_without_evidence_is_no_time_in_which_a_step_may_fail():
    story = verifying("restart", ESCALATE)
    story.looks(3)
    for second in (100, 400, 900):
        story.looks(second, unknown())
    story.looks(901)  # broken still, 901 s after the write, 801 s of them blind: 600 s end at 1401
    assert story.all("verification")[-1].result == "not_yet"
    story.looks(1400.9)
    assert story.all("verification")[-1].result == "not_yet"
    story.looks(1401)
    assert story.all("verification")[-1].result == "failed"


def test_unknown_never_fails_a_verification_and_keeps_the_hand_on_the_target():
    story = verifying()
    for second in (1, 599, 600, 100_000):
        story.looks(second, unknown())
    assert (story.incident.phase, WEB.key in story.state.hands) == (Phase.VERIFYING, True)


def test_a_signal_that_clears_proves_nothing():
    story = verifying()
    story.resolves(5)
    story.looks(600)
    assert story.all("verification")[-1].result == "failed"


def test_it_looks_again_often_at_first_and_never_misses_the_end():
    story = verifying()
    gaps = []
    second = 0.0
    while story.incident.phase is Phase.VERIFYING and second < 600:
        story.looks(second, rolled_back())
        if story.again_at is None:
            break
        gaps.append((story.again_at - at(second)).total_seconds())
        second = (story.again_at - at(0)).total_seconds()
    assert (gaps[0], max(gaps)) == (1.0, 15.0)
    assert second == 600.0, "the last look is at the deadline"


def test_a_hold_is_looked_at_when_it_is_complete():
    story = verifying()
    story.looks(590, healthy())
    story.looks(645, healthy())
    assert story.again_at == at(650)


def test_a_step_that_did_not_help_gives_way_to_the_next():
    story = verifying("restart", ESCALATE, until=Until())
    story.looks(600)
    assert [(each.result, each.then) for each in story.all("verification")] == [("failed", "next")]
    assert (story.incident.step, story.incident.phase, story.incident.cause) == (1, Phase.PENDING, "failed")
    assert story.state.ended[WEB.key].at == at(600)


def test_a_target_replaced_while_it_is_verified_is_not_undone_and_cancels():
    story = verifying()
    story.looks(5, snapshot(deployment(metadata={"uid": "uid-web-2"})))
    assert story.all("verification")[-1].then == "next"
    story.looks(6, gone())
    assert (story.all("undo"), story.closed) == ([], ["cancelled"])


# Undo


def test_a_step_that_did_not_help_is_undone_and_then_the_next_one_comes():
    story = verifying()
    assert kinds(story.looks(600, rolled_back())) == ["verification", "undo"]
    assert story.incident.phase is Phase.UNDOING
    (undo,) = story.all("undo")
    assert undo.of == story.all("intent")[0].id
    assert undo.id != undo.of
    assert undo.change.body["spec"]["template"] == {
        **template("app:3"),
        "metadata": {"labels": {"app": "web"}},
        "$patch": "replace",
    }
    assert kinds(story.carries(OutcomeStatus.APPLIED, 601)) == ["outcome"]
    assert (story.incident.phase, story.incident.step) == (Phase.PENDING, 1)
    assert kinds(story.looks(602, rolled_back("app:3"))) == ["decision", "intent"]


@pytest.mark.parametrize("status", [OutcomeStatus.REFUSED, OutcomeStatus.FAILED, OutcomeStatus.GONE])
def test_an_undo_that_cannot_be_done_is_said_and_the_next_step_comes(status):
    story = verifying()
    story.looks(600, rolled_back())
    story.carries(status, 601)
    assert (story.incident.phase, story.incident.step) == (Phase.PENDING, 1)
    assert story.incident.detail == f"not healthy within 600 s: 0 of 3 replicas ready; undo: {status}: as told"


def test_an_undo_over_what_somebody_has_changed_since_is_contended_and_goes_to_a_person():
    story = verifying()
    story.looks(600, rolled_back("app:hotfix"))
    (failed,) = story.all("verification")
    assert (failed.then, story.all("undo")) == ("person", [])
    assert story.incident.cause is CloseReason.CONTENDED
    assert failed.detail.endswith("not undone: the pod template was changed by somebody else since")


@pytest.mark.parametrize("status", [OutcomeStatus.CONFLICT, OutcomeStatus.NEVER_DONE])
def test_an_undo_under_conflict_is_looked_at_and_planned_again(status):
    story = verifying()
    story.looks(600, rolled_back())
    story.carries(status, 601)
    assert story.incident.phase is Phase.VERIFYING
    assert kinds(story.looks(602, rolled_back(resourceVersion="102"))) == ["verification", "undo"]
    first, second = story.all("undo")
    assert first.id != second.id
    assert second.change.precondition.resource_version == "102"


def test_a_target_that_recovers_while_its_undo_is_under_conflict_is_left_alone():
    story = verifying()
    story.looks(600, rolled_back())
    story.carries(OutcomeStatus.CONFLICT, 601)
    story.looks(602, rolled_back(ready=3))
    story.looks(662, rolled_back(ready=3))
    assert story.closed == ["recovered"]


def test_an_undo_is_not_planned_for_ever():
    story = verifying()
    for turn in range(MOST_TRIES + 3):
        story.looks(600 + 2 * turn, rolled_back())
        if story.incident.phase is Phase.UNDOING:
            story.carries(OutcomeStatus.CONFLICT, 601 + 2 * turn)
    assert len(story.all("undo")) == MOST_TRIES
    assert story.incident.step > 0


@pytest.mark.parametrize(
    ("api", "then"),
    [("conflict", None), ("unknown", None), ("refused", "next")],
)
def test_an_undo_is_rehearsed_as_well(api, then):
    story = verifying()
    story.looks(600, rolled_back(), api=api)
    assert story.all("undo") == []
    assert [each.then for each in story.all("verification")] == ([then] if then else [])
    if then is None:
        assert story.again_at is not None


def test_an_undo_that_was_rehearsed_as_something_else_is_not_written():
    story = verifying()
    seen = rolled_back()
    seen = replace(seen, facts=replace(seen.facts, taken_at=at(600)))
    assert story.see(Looked(story.incident.id, seen, Rehearsal("0123456789abcdef", "accepted")), 600) == ()
    assert story.again_at is not None


def test_a_step_without_an_undo_goes_on():
    story = verifying("restart", ESCALATE)
    story.looks(600)
    assert story.all("verification")[-1].detail.endswith("there is nothing to undo")
    assert story.incident.step == 1


@pytest.mark.parametrize("lowered", [Mode.OFF, Mode.OBSERVE])
@pytest.mark.parametrize("level", ["settings", "rule"])
def test_no_undo_is_written_under_a_mode_that_writes_nothing(lowered, level):
    story = verifying()
    ladder = rule(NAME, "rollback", "restart", ESCALATE, until=UNDO, mode=lowered if level == "rule" else Mode.ENFORCE)
    story.reload(ladder, policy=policy(mode=lowered) if level == "settings" else None, seconds=5)
    story.looks(600, rolled_back())
    assert story.all("undo") == []
    assert story.all("verification")[-1].detail.endswith(f"not undone: the mode is {lowered} by now")
