"""Guard `breaker`: an action that keeps failing is stopped, tried once, and only then goes on."""

from __future__ import annotations

import pytest

from remediator.core.events import Event, IncidentClosed, Pause, Verification
from remediator.core.fold.results import MOST_RESULTS, results_key
from remediator.core.model import CloseReason, Mode, OutcomeStatus
from remediator.core.state import State
from remediator.guards.breaker import GUARD, trace
from remediator.guards.guard import Breaker, Limits
from tests.unit.builders import at, request, rule, snapshot
from tests.unit.waiting import Crowd

LIMIT = Breaker(failures=3, within=100.0, open_for=50.0)
LATCHED = Breaker(failures=3, within=100.0, open_for=50.0, latch=True)


class Trials(Crowd):
    """Remediations of rule `r` by action `restart`, one after the other, each about a target of its own."""

    def __init__(self, history: str = "", every: float = 10) -> None:
        """`f` fails and `h` helps, each `every` seconds after the one before."""
        super().__init__(rule("r"), rule("other"))
        for number, what in enumerate(history):
            self.tries(f"t{number}", every * number, "failed" if what == "f" else "helped")

    def tries(self, name: str, seconds: float, what: str = "") -> None:
        """One more, to its end where `what` says which."""
        self.opens(name, "r", seconds)
        self.acts(name, seconds)
        if what:
            self.ends_as(name, seconds, what)

    def ends_as(self, name: str, seconds: float, what: str) -> None:
        """What was under way fails, helps, or comes to nothing."""
        if what in ("failed", "void"):
            self.ends(name, OutcomeStatus.FAILED if what == "failed" else OutcomeStatus.CONFLICT, seconds)
        else:
            self.about(name, IncidentClosed(CloseReason.RECOVERED), seconds)

    def ask(self, now: float, limit: Breaker = LIMIT, name: str = "", since: float | None = None):
        """The answer about an incident that is opened now, or the named one."""
        if not name:
            name = f"asks-{len(self.state.incidents)}"
            self.opens(name, "r", now if since is None else since)
        return GUARD.ask(request(self.of(name), breaker=limit), self.state, snapshot().facts, at(now))


@pytest.mark.parametrize(
    ("history", "every", "now", "verdict", "why"),
    [
        ("", 10, 0, "allow", "nothing was tried"),
        ("ff", 10, 20, "allow", "two failures"),
        ("fff", 10, 21, "hold", "three in a row"),
        ("fff", 1000, 2001, "hold", "three in a row, however far apart"),
        ("ffhf", 10, 31, "hold", "three within 100 s, whatever helped in between"),
        ("ffhf", 40, 121, "allow", "the first is older than 100 s when the third comes, and it is not in a row"),
        ("ffhf", 100 / 3, 101, "allow", "the first is exactly 100 s old when the third comes"),
        ("hhhhh", 10, 50, "allow", "all helped"),
    ],
)
def test_failures_in_a_row_or_within_a_time_open_it(history, every, now, verdict, why):
    assert Trials(history, every).ask(now).verdict == verdict, why


def test_it_is_open_until_its_time_has_passed_and_then_lets_one_probe_through():
    trials = Trials("fff")  # opens at 20
    assert trials.ask(30).retry_at == at(70)
    assert trials.ask(69.999999).verdict == "hold"
    answer = trials.ask(70)
    assert (answer.verdict, answer.reason) == ("allow", "half-open: this one is the probe")


def test_while_the_probe_is_under_way_all_others_wait():
    trials = Trials("fff")
    trials.tries("probe", 70)
    answer = trials.ask(75)
    assert (answer.verdict, answer.retry_at) == ("hold", at(90))
    assert answer.reason == "half-open: incident probe is the probe"


@pytest.mark.parametrize(
    ("what", "verdict", "retry_at", "why"),
    [
        ("helped", "allow", None, "it is closed"),
        ("failed", "hold", 130, "it is open again, from then on"),
        ("void", "allow", None, "it came to nothing: this one is the next probe"),
    ],
)
def test_what_the_probe_shows(what, verdict, retry_at, why):
    trials = Trials("fff")
    trials.tries("probe", 70)
    trials.ends_as("probe", 80, what)
    answer = trials.ask(85)
    assert (answer.verdict, answer.retry_at) == (verdict, retry_at and at(retry_at)), why


def test_after_it_closed_it_takes_as_many_failures_again():
    trials = Trials("fff")
    trials.tries("probe", 70, "helped")
    for number in range(3):
        assert trials.ask(75 + number).verdict == "allow"
        trials.tries(f"again{number}", 75 + number, "failed")
    assert trials.ask(79).verdict == "hold"


@pytest.mark.parametrize(
    ("since", "verdict"),
    [(10, "deny"), (69, "deny"), (79.999999, "deny"), (80, "allow"), (81, "allow")],
)
def test_a_backlog_is_not_replayed_when_it_closes(since, verdict):
    """NVSentinel 450: what had piled up for days was carried out at the reset."""
    trials = Trials("fff")
    trials.tries("probe", 70)
    trials.ends_as("probe", 80, "helped")
    assert trials.ask(90, since=since).verdict == verdict


def test_one_that_latches_stays_open_until_an_operator_resumes_the_rule():
    trials = Trials("fff")
    answer = trials.ask(1_000_000, LATCHED)
    assert (answer.verdict, answer.retry_at) == ("hold", at(1_000_060))
    assert answer.reason == "restart failed too often: open until an operator resumes rule r"
    trials.see(Event(at(1_000_001), Pause("p", rule="other", lifted=True), actor="operator:alice"))
    assert trials.ask(1_000_002, LATCHED).verdict == "hold", "another rule was resumed"
    trials.see(Event(at(1_000_003), Pause("p", rule="r", lifted=True), actor="operator:alice"))
    assert trials.ask(1_000_004, LATCHED).verdict == "allow"
    assert trials.ask(1_000_005, LATCHED, since=5).verdict == "deny", "and no backlog is replayed"


def test_resuming_a_rule_also_closes_a_breaker_that_does_not_latch():
    trials = Trials("fff")
    trials.see(Event(at(30), Pause("p", rule="r", lifted=True)))
    assert trials.ask(31).verdict == "allow"


def test_pausing_and_resuming_everything_acknowledges_nothing():
    trials = Trials("fff")
    for lifted in (False, True):
        trials.see(Event(at(30), Pause("p", lifted=lifted)))
    assert trials.ask(31, LATCHED).verdict == "hold"


def test_rules_and_actions_have_breakers_of_their_own():
    trials = Trials("fff")
    trials.opens("elsewhere", "other", 30)
    assert trials.ask(31, name="elsewhere").verdict == "allow"
    assert list(trials.state.results) == [results_key("r", "restart")]


def test_what_was_under_way_when_it_opened_changes_nothing():
    trials = Trials()
    trials.tries("slow", 0)
    for number in range(3):
        trials.tries(f"t{number}", 1 + number, "failed")
    trials.ends_as("slow", 10, "helped")
    assert trials.ask(20).retry_at == at(53)


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (Verification("failed", 0, then="next"), "failed"),
        (Verification("failed", 0, then="undo"), "failed"),
        (Verification("failed", 0, then="again"), "void"),
        (Verification("failed", 0, then="person"), "void"),
        (Verification("healthy", 0), "began"),
        (Verification("unknown", 0), "began"),
        (IncidentClosed(CloseReason.RECOVERED), "helped"),
        (IncidentClosed(CloseReason.CANCELLED), "void"),
    ],
)
def test_what_a_verification_makes_of_it(event, what):
    trials = Trials()
    trials.tries("t", 0)
    trials.ends("t", OutcomeStatus.APPLIED, 1)
    trials.about("t", event, 2)
    assert trials.state.results[results_key("r", "restart")][-1].what == what


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (OutcomeStatus.APPLIED, "began"),
        (OutcomeStatus.ADOPTED, "began"),
        (OutcomeStatus.REFUSED, "failed"),
        (OutcomeStatus.FAILED, "failed"),
        (OutcomeStatus.CONFLICT, "void"),
        (OutcomeStatus.NEVER_DONE, "void"),
        (OutcomeStatus.GONE, "void"),
    ],
)
def test_what_an_outcome_makes_of_it(status, what):
    trials = Trials()
    trials.tries("t", 0)
    trials.ends("t", status, 1)
    assert trials.state.results[results_key("r", "restart")][-1].what == what


def test_a_failure_counts_once_however_often_its_undo_is_looked_at():
    trials = Trials()
    trials.tries("t", 0)
    trials.ends("t", OutcomeStatus.APPLIED, 1)
    for second in (2, 3, 4):
        trials.about("t", Verification("failed", 0, then="undo"), second)
    kept = trials.state.results[results_key("r", "restart")]
    assert [each.what for each in kept] == ["began", "failed"]


def test_a_rehearsal_is_neither_failure_nor_success():
    crowd = Crowd(rule("r", mode=Mode.OBSERVE))
    crowd.opens("i", "r")
    crowd.acts("i", 1, Mode.OBSERVE)
    crowd.ends("i", OutcomeStatus.REHEARSED, 1)
    assert dict(crowd.state.results) == {}


def test_the_settings_of_now_judge_the_journal():
    """A restart or a reload neither opens nor closes anything by itself."""
    trials = Trials("ff")
    assert trials.ask(20, Breaker(failures=2, within=100.0, open_for=50.0)).verdict == "hold"
    assert trials.ask(20, LIMIT).verdict == "allow"


def test_results_are_kept_in_bounded_space():
    trials = Trials("h" * (MOST_RESULTS // 2 + 10), every=1)
    assert len(trials.state.results[results_key("r", "restart")]) == MOST_RESULTS


def test_nothing_known_is_closed():
    assert trace((), LIMIT).opened is None
    assert State().results.get("restart|r") is None
    assert Limits().breaker == Breaker(3, 3600.0, 1800.0, False)
