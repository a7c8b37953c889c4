"""What people are told, on which occasions, and to whom: threads that begin where somebody is asked for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator import bookkeeping
from remediator.announce import MOST_LETTERS, announced
from remediator.core.events import IncidentClosed, Notice, Verification
from remediator.core.guarding import ApprovalSettings
from remediator.core.histories import history
from remediator.core.message import Message, Occasion
from remediator.core.model import CloseReason, Mode, OutcomeStatus, Phase
from remediator.core.observations import Answered, Ticked, Told
from remediator.core.rules import GuardSettings, Notices, Reach
from remediator.core.ruling import Ruling
from tests.unit.builders import ESCALATE, Story, at, deployment, healthy, policy, replica_set, rule, snapshot

NAME = "undo-bad-rollout"
BOTH = {"oncall": Reach(("slack-0", "pagerduty-0"), 3600.0), "ops": Reach(("webhook-0",))}
ALL = ("opened", "acted", "approval", "gitops", "failed", "refused")


def story(*ladder, notices: Notices | None = None, **fields):
    settings = policy(receivers=BOTH, notices=notices or Notices(), external_url="https://r.example.org/")
    return Story(rule(NAME, *(ladder or ("rollback", ESCALATE)), **fields), policy=settings)


def requested(told: Story) -> list[tuple[str, str]]:
    """Occasion and receiver of every message, in order."""
    notices = [each for each in told.all("notice") if each.status == "requested"]
    return [(str(each.message.occasion), each.receiver) for each in notices]


def last(told: Story) -> Message:
    """The last message."""
    return [each.message for each in told.all("notice") if each.message is not None][-1]


def first_revision():
    """A Deployment that has nothing to go back to."""
    seen = snapshot(deployment(ready=0, metadata={"annotations": {"deployment.kubernetes.io/revision": "1"}}))
    return replace(seen, revisions=history(seen.live, (replica_set(1),)))


def escalated(**fields) -> Story:
    """Nothing to go back to: a person is asked for."""
    told = story(**fields)
    told.fires(0)
    told.looks(1, first_revision())
    told.looks(2, first_revision())
    return told


def close(told: Story, seconds: float = 100) -> None:
    told.resolves(seconds)
    told.see(Ticked(told.incident.id), seconds)


# Who is told, and when


def test_a_cure_that_needs_nobody_is_told_to_nobody():
    told = story()
    told.fires(0)
    told.looks(1)
    told.carries(OutcomeStatus.APPLIED, 2)
    told.looks(3, healthy())
    told.looks(90, healthy())
    assert told.closed == ["recovered"]
    assert requested(told) == []


def test_an_escalation_is_told_and_so_is_its_end_in_the_same_thread():
    told = escalated()
    assert requested(told) == [("escalated", "oncall")]
    close(told)
    assert requested(told) == [("escalated", "oncall"), ("closed", "oncall")]
    assert [event.kind for event in told.journal[-2:]] == ["notice", "incident_closed"]
    keys = [each.key for each in told.all("notice")]
    assert keys == [f"{told.journal[-1].incident}-escalated-1", f"{told.journal[-1].incident}-closed-2"]


def test_opened_acted_and_recovered_are_one_thread_where_the_settings_name_them():
    told = story(notices=Notices("ops", ALL))
    told.fires(0)
    told.looks(1)
    told.carries(OutcomeStatus.APPLIED, 2)
    told.looks(3, healthy())
    told.looks(90, healthy())
    assert requested(told) == [("opened", "ops"), ("acted", "ops"), ("closed", "ops")]
    assert last(told).news.startswith("recovered: ")


def test_once_somebody_follows_they_are_told_what_fails_and_who_else_is_asked():
    told = story("restart", ESCALATE, notices=Notices("ops", ("opened",)))
    told.fires(0)
    told.looks(1)
    told.carries(OutcomeStatus.APPLIED, 2)
    told.looks(700)
    told.looks(701)
    assert requested(told) == [
        ("opened", "ops"),
        ("acted", "ops"),
        ("failed", "ops"),
        ("escalated", "ops"),
        ("escalated", "oncall"),
    ]
    close(told, 800)
    assert requested(told)[-2:] == [("closed", "ops"), ("closed", "oncall")]


@pytest.mark.parametrize(("receiver", "asked"), [("", "oncall"), ("ops", "ops")])
def test_a_plan_that_waits_is_told_to_whom_the_settings_name_or_the_rule_itself(receiver, asked):
    told = story(mode=Mode.APPROVE, notices=Notices(receiver))
    told.fires(0)
    told.looks(1)
    assert requested(told) == [("approval", asked)]
    message = last(told)
    assert message.plan == told.incident.plan
    assert f"remediator approve {told.incident.id} --plan {message.plan}" in message.next_step
    told.see(Answered(told.incident.id, message.plan, True, "alice"), 5)
    assert requested(told)[-1] == ("answered", asked)
    assert last(told).news == "operator:alice approved rollback"
    told.looks(6)
    told.carries(OutcomeStatus.APPLIED, 7)
    assert requested(told)[-1] == ("acted", asked)


def test_a_plan_that_nobody_approves_in_time_is_told_as_such():
    settings = GuardSettings(approval=ApprovalSettings(timeout=60.0))
    told = story(mode=Mode.APPROVE, guards=settings)
    told.fires(0)
    told.looks(1)
    told.see(Ticked(told.incident.id), 61)
    assert requested(told)[-1] == ("answered", "oncall")
    told.looks(62)
    assert last(told).occasion is Occasion.ESCALATED
    assert last(told).next_step.startswith("Nobody approved the plan in time")


def test_what_another_tool_keeps_is_told_where_the_policy_is_notify():
    told = story(guards=GuardSettings(gitops="notify"))
    told.fires(0)
    told.looks(1, snapshot(reconcilers=("Argo CD",)))
    assert requested(told) == [("gitops", "oncall")]
    assert "Argo CD keeps its template" in last(told).news


def test_guards_that_refuse_are_told_where_nobody_is_asked_and_the_settings_want_it():
    told = story("rollback", notices=Notices("ops", ("refused",)))
    told.fires(0)
    told.looks(1, snapshot(exclude="true"))
    assert requested(told) == [("refused", "ops")]
    assert "nothing is done: " in last(told).news


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.OFF])
def test_in_observe_mode_nobody_is_told_anything(mode):
    told = story("restart", ESCALATE, mode=mode, notices=Notices("ops", ALL))
    told.fires(0)
    told.looks(1)
    close(told)
    assert requested(told) == []


def test_without_a_receiver_there_is_nobody_to_tell():
    told = story("rollback", mode=Mode.APPROVE)
    told.fires(0)
    told.looks(1)
    assert requested(told) == []
    assert told.incident.phase is Phase.AWAITING


def test_an_endless_incident_does_not_fill_a_channel():
    told = escalated()
    incident, held = next(iter(told.state.post.items()))
    full = replace(held, threads=tuple(replace(each, told=MOST_LETTERS) for each in held.threads))
    told.state = replace(told.state, post=told.state.post.set(incident, full))
    failed = bookkeeping.about(told.state, told.incident, Verification("failed", 0, "again"), at(3))
    assert announced(told.state, Ruling((failed,)), at(3)).events == (failed,)
    over = bookkeeping.about(told.state, told.incident, IncidentClosed(CloseReason.REFUSED), at(4))
    assert [event.kind for event in announced(told.state, Ruling((over,)), at(4)).events] == [
        "notice",
        "incident_closed",
    ]


# What becomes of a message


def test_each_endpoint_is_tracked_by_itself_and_the_first_that_takes_it_counts():
    told = escalated()
    told.tells("503", 3, endpoint="slack-0")
    assert told.incident.escalation.status == "undelivered"
    told.tells("", 4, endpoint="pagerduty-0")
    assert (told.incident.phase, told.incident.escalation.status) == (Phase.RESTING, "delivered")
    told.tells("", 5, endpoint="slack-0")
    statuses = [(each.endpoint, each.status) for each in told.all("notice")[1:]]
    assert statuses == [("slack-0", "undelivered"), ("pagerduty-0", "delivered"), ("slack-0", "delivered")]
    assert [each.status for each in told.all("escalated")] == ["requested", "undelivered", "delivered"]


def test_a_message_is_given_up_after_its_time_and_said_so_once_all_endpoints_did():
    told = escalated()
    told.tells("503", 3, endpoint="slack-0")
    assert told.tells("503", 3601, endpoint="slack-0") == (), "not yet"
    assert told.tells("503", 3602, endpoint="slack-0")[0].data.status == "abandoned"
    assert told.incident.phase is Phase.ESCALATING, "the other endpoint is still tried"
    told.tells("no route", 3700, endpoint="pagerduty-0")
    assert (told.incident.phase, told.incident.escalation.status) == (Phase.RESTING, "abandoned")
    (held,) = told.state.post.values()
    assert [(each.lost, each.waiting) for each in held.threads] == [(1, ()), (1, ())]


def test_what_an_endpoint_calls_the_thread_is_kept_for_what_follows():
    told = escalated()
    notice = told.all("notice")[0]
    told.see(Told(told.incident.id, notice.key, "oncall", "slack-0", thread="C1 1.2"), 3)
    close(told)
    (held,) = told.state.post.values()
    assert held.thread("oncall", "slack-0").ref == "C1 1.2"


def test_a_receiver_that_is_down_does_not_keep_an_incident_open_nor_its_rule_from_acting_again():
    told = escalated()
    told.tells("503", 3, endpoint="slack-0")
    told.tells("503", 3, endpoint="pagerduty-0")
    close(told)
    assert told.closed == ["refused"]
    ((incident, held),) = told.state.post.items()
    assert [[letter.message.occasion for letter in each.waiting] for each in held.threads] == [
        [Occasion.ESCALATED, Occasion.CLOSED]
    ] * 2
    told.fires(200, "b2", starts_at=at(200))
    told.looks(201)
    assert told.incident.phase is Phase.ACTING
    for endpoint in ("slack-0", "pagerduty-0"):
        for _ in range(2):
            told.tells(seconds=300, endpoint=endpoint) if incident in told.state.post else None
    assert incident not in told.state.post, "all is told: nothing is left of it"


def test_an_answer_to_what_does_not_wait_changes_nothing():
    told = escalated()
    for about in (
        Told(told.incident.id, "another", "oncall", "slack-0"),
        Told(told.incident.id, told.all("notice")[0].key, "nobody", "slack-0"),
        Told("no-such-incident", "k", "oncall", "slack-0"),
    ):
        assert told.see(about, 3) == ()


def test_a_receiver_that_the_settings_do_not_name_still_gets_its_message_tried():
    told = Story(rule(NAME, ESCALATE), policy=policy())
    told.fires(0)
    told.looks(1)
    ((_, held),) = told.state.post.items()
    assert [(each.receiver, each.endpoint) for each in held.threads] == [("oncall", "")]


# What a message says


def test_a_message_says_what_happened_what_was_done_and_what_was_refused_and_why():
    ladder = ("restart", "rollback", ESCALATE)
    told = story(
        *ladder,
        annotations={"summary": "{{ target.name }} is stuck", "runbook_url": "https://x/{{ labels.alertname }}"},
    )
    told.fires(0, annotations={"description": "the roll-out does not go on"})
    told.looks(1)
    told.carries(OutcomeStatus.APPLIED, 2)
    told.looks(700)
    told.looks(701, first_revision())
    told.looks(702, first_revision())
    message = last(told)
    assert message.title.startswith("Deployment/shop/web: needs a person: ")
    assert message.happened[0] == "Stuck fires since 2026-01-01 12:00:00Z"
    assert message.happened[1:3] == ("web is stuck", "the roll-out does not go on")
    assert message.did[0].startswith("12:00:02Z restart Deployment/shop/web")
    assert message.did[1].startswith("12:11:40Z restart did not help: ")
    assert message.refused == (
        "12:11:41Z rollback: no earlier revision to go back to: revision 1 is the only one in the history (plan)",
    )
    assert message.next_step.startswith("What was tried did not help: take over by hand")
    assert message.runbook_url == "https://x/Stuck"
    assert message.link == f"https://r.example.org/api/v1/incidents/{message.incident}"


def test_an_annotation_that_cannot_be_rendered_stays_as_written_and_is_told():
    told = story(ESCALATE, annotations={"summary": "{{ labels.cluster }}/{{ target.name }}"})
    told.fires(0)
    told.looks(1)
    assert last(told).annotations["summary"] == "{{ labels.cluster }}/web"
    assert last(told).problems == ("annotation summary: there is no labels.cluster",)


def test_hostile_and_secret_text_of_alerts_is_harmless_in_a_message():
    told = story(ESCALATE)
    labels = {"alertname": "Stuck", "x\x1b[31m": "\u202epassword=hunter2"}
    told.fires(0, labels=labels, annotations={"summary": "see postgres://app:hunter2@db/x\r\nBcc: me"})
    told.looks(1)
    said = repr(last(told))
    assert "hunter2" not in said
    assert "\\x1b" not in said
    assert all(text.isprintable() for text in (*last(told).happened, *last(told).labels, *last(told).labels.values()))


def test_the_state_is_rebuilt_from_the_journal_with_what_waits():
    told = escalated()
    assert any(isinstance(event.data, Notice) for event in told.journal)
    assert next(iter(told.state.post.values())).is_waiting
