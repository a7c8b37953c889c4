"""What every journal promises, whatever it is kept in.

A new adapter is one entry of `ADAPTERS`: a folder in, a function out that opens the same store once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from remediator.core.events import Checkpoint, Decision, Dropped, Event, IncidentOpened, Leader, Record
from remediator.core.model import Mode, Target, Verdict
from remediator.journal import connect
from remediator.journal.chain import line_of
from remediator.journal.verification import begins_rightly, verify
from remediator.ports import Fenced, Journal, JournalError

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
Open = Callable[[], Journal]


def sqlite(folder: Path) -> Open:
    return lambda: connect(f"sqlite:///{folder}/journal.db")


def memory(folder: Path) -> Open:
    journal = connect("memory:")
    return lambda: journal


ADAPTERS = {"sqlite": sqlite, "memory": memory}
ALL = (*ADAPTERS, pytest.param("postgresql", marks=pytest.mark.lab))
"""PostgreSQL needs a server: it is the lab's."""


@pytest.fixture(params=ALL)
def adapter(request: pytest.FixtureRequest) -> Callable[[Path], Open]:
    """Makes an empty journal of a kind."""
    if request.param != "postgresql":
        return ADAPTERS[request.param]
    server = request.getfixturevalue("postgresql")

    def postgresql(folder: Path) -> Open:
        url = server.fresh_database()
        return lambda: connect(url)

    return postgresql


@pytest.fixture
def again(adapter: Callable[[Path], Open], tmp_path: Path) -> Open:
    """Opens the test's journal, each time for another user of it."""
    return adapter(tmp_path)


@pytest.fixture
async def journal(again: Open) -> AsyncIterator[Journal]:
    opened = again()
    yield opened
    await opened.close()


def event(name: str = "", **more: object) -> Event:
    return Event(NOW, IncidentOpened(labels={"name": name}), incident="inc-1", **more)


def unwritable() -> Event:
    return Event(NOW, IncidentOpened(labels={"name": "half of a surrogate pair: \ud800"}))


async def test_an_empty_journal_has_no_records_and_an_empty_inbox(journal: Journal):
    assert await journal.head() == (0, "")
    assert await journal.read() == ()
    assert await journal.waiting() == ()
    assert await journal.backlog() == (0, 0)


async def test_records_are_numbered_from_one_and_each_names_its_predecessor(journal: Journal):
    first, second = await journal.append([event("a"), event("b")], after=0)
    (third,) = await journal.append([event("c")], after=2)
    assert [first.seq, second.seq, third.seq] == [1, 2, 3]
    assert [first.prev, second.prev, third.prev] == ["", first.hash, second.hash]
    assert await journal.head() == (3, third.hash)


async def test_what_append_answers_is_what_is_read_later(journal: Journal):
    """A restart folds the same values that the running process folded."""
    odd = Verdict(
        "budget", "hold", "", NOW, {"nan": float("nan"), "whole": 60.0, "tuple": (1, 2), "mode": Mode.OFF, "at": NOW}
    )
    target = Target("Deployment", "shop", "web", "uid-1")
    east = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    appended = await journal.append(
        [Event(east, Decision("hold", (odd,), 0), "inc-1", "restart", target, Mode.ENFORCE, "operator:alice")], after=0
    )
    assert appended == await journal.read()
    assert appended[0].event.time == NOW
    inputs = appended[0].event.data.verdicts[0].inputs
    assert inputs == {"nan": "NaN", "whole": 60, "tuple": [1, 2], "mode": "off", "at": "2026-08-01T12:00:00Z"}


async def test_the_lines_of_a_journal_verify(journal: Journal):
    await journal.append([event(str(number)) for number in range(5)], after=0)
    extent = verify(line_of(record) for record in await journal.read())
    assert (extent.records, extent.head) == (5, await journal.head())


async def test_lines_are_the_records_in_the_form_that_others_can_verify(journal: Journal):
    await journal.append([event(str(number)) for number in range(5)], after=0)
    assert await journal.lines() == tuple(line_of(record) for record in await journal.read())
    assert [line["seq"] for line in await journal.lines(after=2, limit=2)] == [3, 4]
    assert await journal.lines(limit=0) == ()


async def test_the_story_of_an_incident_is_its_lines_alone(journal: Journal):
    told = [replace(event(name), incident=whose) for name, whose in (("a", "i1"), ("b", "i2"), ("c", ""), ("d", "i1"))]
    await journal.append(told, after=0)
    assert [line["seq"] for line in await journal.story("i1")] == [1, 4]
    assert [line["seq"] for line in await journal.story("i1", limit=1)] == [1]
    assert (await journal.story("i1"))[1] == (await journal.lines(after=3))[0]
    assert await journal.story("") == await journal.story("unknown") == ()


async def test_the_latest_of_a_kind_come_first_and_pages_stay_as_they_are(journal: Journal):
    leaders = [Event(NOW, Leader(number, "one")) for number in range(1, 4)]
    await journal.append([leaders[0], event("a"), leaders[1], event("b"), leaders[2]], after=0)
    first = await journal.latest("leader", limit=2)
    assert [line["seq"] for line in first] == [5, 3]
    await journal.append([Event(NOW, Leader(4, "two"))], after=5)
    assert [line["seq"] for line in await journal.latest("leader", before=first[-1]["seq"], limit=2)] == [1]
    assert await journal.latest("undo") == await journal.latest("leader", before=1) == ()


async def test_reading_goes_on_after_a_sequence_number(journal: Journal):
    await journal.append([event(str(number)) for number in range(5)], after=0)
    assert [record.seq for record in await journal.read(after=2)] == [3, 4, 5]
    assert [record.seq for record in await journal.read(after=1, limit=2)] == [2, 3]
    assert await journal.read(after=5) == ()
    assert await journal.read(limit=0) == ()


@pytest.mark.parametrize("after", [0, 1, 3, 99])
async def test_an_append_that_builds_on_another_record_than_the_last_is_fenced(journal: Journal, after: int):
    before = await journal.append([event("a"), event("b")], after=0)
    receipt = await journal.receive("alertmanager", b"{}", NOW)
    with pytest.raises(Fenced, match=f"ends at record 2, this append was decided on record {after}"):
        await journal.append([event("c")], after=after, consume=[receipt])
    assert await journal.read() == before
    assert [waiting.id for waiting in await journal.waiting()] == [receipt]


async def test_an_append_of_nothing_is_fenced_too(journal: Journal):
    with pytest.raises(Fenced):
        await journal.append([], after=1)


async def test_of_two_writers_at_once_one_is_fenced(again: Open):
    one, other = again(), again()
    try:
        answers = await asyncio.gather(
            one.append([Event(NOW, Leader(1, "one"))], after=0),
            other.append([Event(NOW, Leader(1, "other"))], after=0),
            return_exceptions=True,
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Fenced", "tuple"]
        kept = next(answer for answer in answers if isinstance(answer, tuple))
        assert await one.read() == kept == await other.read()
    finally:
        await one.close()
        await other.close()


@pytest.mark.parametrize("bad", [unwritable(), Event(NOW.replace(tzinfo=None), Leader(1, "no zone"))])
async def test_an_append_is_durable_as_a_whole_or_not_at_all(journal: Journal, bad: Event):
    receipt = await journal.receive("alertmanager", b"{}", NOW)
    with pytest.raises(JournalError, match="cannot be written to the journal"):
        await journal.append([event("good"), bad, event("good")], after=0, consume=[receipt])
    assert await journal.read() == ()
    assert await journal.head() == (0, "")
    assert len(await journal.waiting()) == 1
    await journal.append([event("good")], after=0, consume=[receipt])  # and it goes on


async def test_a_receipt_waits_until_an_append_consumes_it(journal: Journal):
    first = await journal.receive("alertmanager", b"\x00\xff any bytes", NOW)
    second = await journal.receive("webhook", b"", NOW + timedelta(microseconds=1))
    waiting = await journal.waiting()
    assert [(receipt.id, receipt.source, receipt.body) for receipt in waiting] == [
        (first, "alertmanager", b"\x00\xff any bytes"),
        (second, "webhook", b""),
    ]
    assert [receipt.received_at for receipt in waiting] == [NOW, NOW + timedelta(microseconds=1)]
    assert await journal.backlog() == (2, 12)
    await journal.append([event("seen")], after=0, consume=[first])
    assert [receipt.id for receipt in await journal.waiting()] == [second]
    assert await journal.backlog() == (1, 0)


async def test_receipts_may_be_consumed_without_an_event_and_only_once(journal: Journal):
    receipt = await journal.receive("alertmanager", b"{}", NOW)
    assert await journal.append([], after=0, consume=[receipt]) == ()
    assert await journal.append([], after=0, consume=[receipt, 12345]) == ()
    assert await journal.backlog() == (0, 0)


async def test_the_backlog_is_known_again_after_a_failed_write(journal: Journal):
    receipt = await journal.receive("alertmanager", b"12345", NOW)
    with pytest.raises(JournalError):
        await journal.append([unwritable()], after=0, consume=[receipt])
    assert await journal.backlog() == (1, 5)
    await journal.append([], after=0, consume=[receipt, receipt])
    await journal.receive("alertmanager", b"1", NOW)
    assert await journal.backlog() == (1, 1)


async def test_a_receipt_number_is_never_given_twice(again: Open):
    """Whoever asks for what came after a number must not miss a payload that got an old number."""
    journal = again()
    first = await journal.receive("alertmanager", b"1", NOW)
    await journal.append([], after=0, consume=[first])
    if again() is not journal:  # a store that outlives its journal
        await journal.close()
        journal = again()
    second = await journal.receive("alertmanager", b"2", NOW)
    assert second > first
    assert [receipt.body for receipt in await journal.waiting(after=first)] == [b"2"]
    await journal.close()


async def test_waiting_receipts_come_oldest_first_in_portions(journal: Journal):
    numbers = [await journal.receive("alertmanager", str(number).encode(), NOW) for number in range(5)]
    assert numbers == sorted(numbers)
    assert [receipt.id for receipt in await journal.waiting(limit=2)] == numbers[:2]
    assert [receipt.id for receipt in await journal.waiting(after=numbers[2], limit=9)] == numbers[3:]


async def test_payloads_that_come_at_once_are_all_kept_each_under_its_own_number(again: Open):
    journal, bodies = again(), [f"payload {number}".encode() for number in range(200)]
    numbers = await asyncio.gather(*(journal.receive("alertmanager", body, NOW) for body in bodies))
    if (other := again()) is not journal:  # what the store has, not what is remembered of it
        await journal.close()
        journal = other
    kept = {receipt.id: receipt.body for receipt in await journal.waiting(limit=1000)}
    assert [kept[number] for number in numbers] == bodies
    await journal.close()


async def test_only_what_is_consumed_is_gone_whatever_lies_between(journal: Journal):
    numbers = [await journal.receive("alertmanager", b"{}", NOW) for _ in range(8)]
    await journal.append([], after=0, consume=[numbers[place] for place in (6, 1, 2, 4, 1)])
    assert [receipt.id for receipt in await journal.waiting()] == [numbers[place] for place in (0, 3, 5, 7)]
    assert await journal.backlog() == (4, 8)


async def test_a_payload_with_an_instant_without_zone_is_refused_alone(journal: Journal):
    answers = await asyncio.gather(
        journal.receive("alertmanager", b"1", NOW),
        journal.receive("alertmanager", b"2", NOW.replace(tzinfo=None)),
        journal.receive("alertmanager", b"3", NOW),
        return_exceptions=True,
    )
    assert [isinstance(answer, ValueError) for answer in answers] == [False, True, False]
    assert len(await journal.waiting()) == 2


async def test_a_closed_journal_refuses_everything_and_may_be_closed_twice(again: Open):
    journal = again()
    await journal.close()
    await journal.close()
    for asked in (
        journal.append([event()], after=0),
        journal.read(),
        journal.lines(),
        journal.head(),
        journal.checkpoint(),
        journal.floor([], NOW),
        journal.drop(),
        journal.receive("alertmanager", b"{}", NOW),
        journal.waiting(),
        journal.backlog(),
    ):
        with pytest.raises(JournalError, match="closed"):
            await asked


async def test_closing_finishes_what_was_asked_for_before(again: Open):
    journal = again()
    asked = [asyncio.ensure_future(journal.receive("alertmanager", b"{}", NOW)) for _ in range(20)]
    await asyncio.sleep(0)  # each has asked, none is answered
    await journal.close()
    assert len(set(await asyncio.gather(*asked))) == 20


# --- checkpoints, and what may go ---


def aged(incident: str, minutes: float) -> Event:
    """An event so long after noon."""
    return Event(NOW + timedelta(minutes=minutes), IncidentOpened(), incident=incident)


def part(number: int, first: int = 0) -> Event:
    """A part of a checkpoint; the last one names the first."""
    return Event(NOW + timedelta(hours=1), Checkpoint("{}", "form", number, first))


def dropped(until: Record) -> Event:
    """What says that the journal begins after a record."""
    return Event(NOW + timedelta(hours=2), Dropped(until.seq, until.hash, "journal-000000000001.jsonl"))


@pytest.fixture
async def history(journal: Journal) -> tuple[Record, ...]:
    """Six records of three incidents, a minute apart, and a checkpoint of two parts behind them."""
    events = [aged("a", 1), aged("b", 2), aged("a", 3), aged("c", 4), aged("", 5), aged("b", 6), part(1), part(2, 7)]
    return await journal.append(events, after=0)


async def test_the_last_checkpoint_record_is_found(journal: Journal):
    assert await journal.checkpoint() is None
    _, first, _, second = await journal.append([event(), part(1), event(), part(2, 2)], after=0)
    assert await journal.checkpoint() == second
    assert await journal.checkpoint(before=4) == first
    assert await journal.checkpoint(before=2) is None


LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("incidents", "before", "seq"),
    [
        ([], LATER, 6),  # all that is before the checkpoint
        (["unknown"], LATER, 6),
        (["c"], LATER, 3),
        (["b"], LATER, 1),
        (["c", "b"], LATER, 1),
        (["a"], LATER, 0),
        ([], NOW + timedelta(minutes=3), 2),  # one exactly as old as is kept stays
        ([], NOW + timedelta(minutes=3, microseconds=1), 3),
        (["c"], NOW + timedelta(minutes=2.5), 2),
        ([], NOW, 0),
        ([f"unknown-{number}" for number in range(2000)] + ["c"], LATER, 3),
    ],
)
async def test_what_may_go_is_old_not_needed_and_of_no_open_incident(
    journal: Journal, history: tuple[Record, ...], incidents: list[str], before: datetime, seq: int
):
    assert await journal.floor(incidents, before) == ((seq, history[seq - 1].hash) if seq else (0, ""))


async def test_a_record_that_is_younger_than_those_after_it_keeps_them(journal: Journal):
    """The clock went back: what came after is not older for that."""
    first, *_ = await journal.append([aged("a", 1), aged("a", 90), aged("a", 2), part(1, 4)], after=0)
    assert await journal.floor([], NOW + timedelta(minutes=30)) == (1, first.hash)


@pytest.mark.parametrize("parts", [[], [part(1)], [part(1), part(2)]])
async def test_without_a_complete_checkpoint_nothing_may_go(journal: Journal, parts: list[Event]):
    first, *_ = await journal.append([aged("a", 1), aged("b", 2), *parts], after=0)
    assert await journal.floor([], LATER) == (0, "")
    await journal.append([dropped(first)], after=2 + len(parts))
    with pytest.raises(JournalError, match=r"no checkpoint stands in for them.*nothing was dropped"):
        await journal.drop()
    assert len(await journal.read()) == 3 + len(parts)


async def test_an_interrupted_checkpoint_does_not_stand_in_for_anything(journal: Journal, history: tuple[Record, ...]):
    await journal.append([aged("d", 70), part(1)], after=8)
    assert await journal.floor([], LATER) == (6, history[5].hash)


async def test_nothing_goes_before_a_record_says_so(journal: Journal, history: tuple[Record, ...]):
    assert await journal.drop() == 0
    assert await journal.read() == history


async def test_what_a_record_says_was_dropped_is_gone_and_the_rest_verifies(
    journal: Journal, history: tuple[Record, ...]
):
    (said,) = await journal.append([dropped(history[3])], after=8)
    assert await journal.read() == (*history, said)  # until it is asked for
    assert await journal.drop() == 4
    assert await journal.read() == (*history[4:], said)
    assert await journal.read(after=2, limit=2) == history[4:6]
    assert await journal.head() == (9, said.hash)
    extent = verify(await journal.lines(), after=None)
    begins_rightly(extent)
    assert (extent.records, extent.after, extent.head) == (5, (4, history[3].hash), (9, said.hash))


async def test_a_journal_goes_on_after_its_beginning_moved(journal: Journal, history: tuple[Record, ...]):
    await journal.append([dropped(history[3])], after=8)
    await journal.drop()
    assert await journal.floor(["b"], LATER) == (5, history[4].hash)
    assert await journal.floor(["b"], NOW) == (4, history[3].hash)
    (ninth,) = await journal.append([event("more")], after=9)
    assert ninth.seq == 10
    assert await journal.drop() == 0
    await journal.append([dropped(history[5])], after=10)
    assert await journal.drop() == 2
    begins_rightly(verify(await journal.lines(), after=None))


@pytest.mark.parametrize(
    "wrong", [{"hash": "0" * 64}, {"seq": 5}, {"seq": 7}, {"seq": 8}, {"seq": 99}], ids=lambda wrong: str(wrong)[:12]
)
async def test_what_is_said_wrongly_drops_nothing(journal: Journal, history: tuple[Record, ...], wrong: dict):
    await journal.append([dropped(replace(history[3], **wrong))], after=8)
    with pytest.raises(JournalError, match="nothing was dropped"):
        await journal.drop()
    assert (await journal.read())[:8] == history


async def test_what_a_checkpoint_needs_is_not_dropped(journal: Journal, history: tuple[Record, ...]):
    await journal.append([dropped(history[6])], after=8)
    with pytest.raises(JournalError, match="nothing was dropped"):
        await journal.drop()


async def test_dropping_much_lets_others_write_in_between(journal: Journal):
    await journal.append([event(str(number)) for number in range(1000)], after=0)
    last = (await journal.read(after=999))[0]
    await journal.append([part(1, 1001), dropped(last)], after=1000)
    dropping = asyncio.ensure_future(journal.drop())
    await asyncio.sleep(0)
    receipts = [await journal.receive("alertmanager", b"{}", NOW) for _ in range(3)]
    await journal.append([event("meanwhile")], after=1002, consume=receipts)
    assert await dropping == 1000
    assert [record.seq for record in await journal.read()] == [1001, 1002, 1003]
    assert await journal.backlog() == (0, 0)


# --- any use ---


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 3), st.integers(-1, 1)),
        st.tuples(st.just("receive"), st.binary(max_size=5)),
        st.tuples(st.just("consume"), st.sets(st.integers(0, 8))),
        st.tuples(st.just("unwritable"), st.integers(0, 8)),
        st.tuples(st.just("checkpoint"), st.integers(1, 3)),
        st.tuples(st.just("drop"), st.integers(0, 8)),
    ),
    max_size=16,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_any_sequence_of_uses_leaves_what_a_list_would_hold(adapter: Callable[[Path], Open], steps: list[tuple]):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare_with_lists(adapter(Path(folder)), steps))


async def compare_with_lists(again: Open, steps: list[tuple]) -> None:
    journal, names, inbox, begin, free = again(), [], {}, 0, 0
    for step, *args in steps:
        if step == "append":
            wanted = [f"{len(names)}-{number}" for number in range(args[0])]
            with contextlib.suppress(Fenced):
                await journal.append([event(name) for name in wanted], after=len(names) + args[1])
                assert args[1] == 0
                names += wanted
        elif step == "receive":
            inbox[await journal.receive("alertmanager", args[0], NOW)] = args[0]
        elif step == "consume":
            chosen = [number for place, number in enumerate(inbox) if place in args[0]]
            await journal.append([], after=len(names), consume=chosen)
            inbox = {number: body for number, body in inbox.items() if number not in chosen}
        elif step == "checkpoint":
            first = len(names) + 1
            parts = [part(number, first if number == args[0] else 0) for number in range(1, args[0] + 1)]
            await journal.append(parts, after=len(names))
            free, names = len(names), names + ["checkpoint"] * args[0]
        elif step == "drop":
            until = min(begin + args[0], free)
            if until > begin:
                (record,) = await journal.read(after=until - 1, limit=1)
                await journal.append([dropped(record)], after=len(names))
                names.append("dropped")
            assert await journal.drop() == max(until - begin, 0)
            begin = max(until, begin)
        else:
            with pytest.raises(JournalError):
                await journal.append([unwritable()], after=len(names), consume=list(inbox)[: args[0]])
    assert list(map(name_of, await journal.read())) == names[begin:]
    begins_rightly(verify(await journal.lines(), after=None))
    assert {receipt.id: receipt.body for receipt in await journal.waiting()} == inbox
    assert await journal.backlog() == (len(inbox), sum(map(len, inbox.values())))
    await journal.close()


def name_of(record: Record) -> str:
    data = record.event.data
    return data.labels["name"] if isinstance(data, IncidentOpened) else record.event.kind
