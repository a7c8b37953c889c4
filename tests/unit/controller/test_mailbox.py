"""The mailbox: what waits goes together, as much of it as is made durable at once, and nothing is lost or overtaken."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from remediator.clock import SystemClock
from remediator.core.observations import Arrived, Ticked
from remediator.mailbox import LONGEST_SLEEP, MOST_TOGETHER, PATIENCE, Mail, Mailbox
from remediator.simulation.clock import START, VirtualClock


def ticked(number: int) -> Mail:
    return Mail(Ticked(str(number)))


async def test_more_than_go_together_come_in_their_order_in_several():
    mailbox, mails = Mailbox(SystemClock()), [ticked(number) for number in range(2 * MOST_TOGETHER + 1)]
    for mail in mails:
        await mailbox.put(mail)
    taken = [await mailbox.take() for _ in range(3)]
    assert [len(each) for each in taken] == [MOST_TOGETHER, MOST_TOGETHER, 1]
    assert [mail for each in taken for mail in each] == mails


async def test_what_is_patient_comes_along_with_what_is_urgent():
    mailbox, outcome, urgent = Mailbox(SystemClock()), ticked(1), ticked(2)
    mailbox.put_patient(outcome)
    await mailbox.put(urgent)
    assert await mailbox.take() == [outcome, urgent]
    mailbox.close()


async def until_woken(mailbox: Mailbox, clock: VirtualClock, seconds: float) -> float:
    """After how many seconds a loop is woken that has something to do in so many."""
    began = clock.now()
    taking = asyncio.create_task(mailbox.take(began + timedelta(seconds=seconds)))
    while not taking.done():
        await asyncio.sleep(0)
        if not taking.done() and (wake := clock.next_wake()):
            clock.move_to(wake)
    assert [mail.observation for mail in taking.result()] == [Arrived(())]
    return (clock.now() - began).total_seconds()


@pytest.mark.parametrize("seconds", [0, 0.5, 5])
async def test_the_loop_is_woken_when_something_is_due(seconds):
    clock = VirtualClock()
    mailbox = Mailbox(clock)
    assert await until_woken(mailbox, clock, seconds) == seconds
    mailbox.close()


@pytest.mark.parametrize(("before", "then", "woken"), [(5, 60, 5), (60, 5, 5), (5, 5, 5)])
async def test_an_alarm_that_was_set_before_is_never_late_for_what_comes_then(before, then, woken):
    clock = VirtualClock()
    mailbox = Mailbox(clock)
    taking = asyncio.create_task(mailbox.take(START + timedelta(seconds=before)))
    await asyncio.sleep(0)
    await mailbox.put(ticked(1))
    assert await taking == [ticked(1)]
    assert await until_woken(mailbox, clock, then) == woken
    mailbox.close()


async def test_a_clock_that_was_set_forward_is_noticed_before_long():
    clock = VirtualClock()
    mailbox = Mailbox(clock)
    assert await until_woken(mailbox, clock, 3600) == LONGEST_SLEEP.total_seconds()
    mailbox.close()


async def test_what_is_patient_wakes_the_loop_where_nothing_else_does():
    clock = VirtualClock()
    mailbox = Mailbox(clock)
    mailbox.put_patient(ticked(1))
    taking = asyncio.create_task(mailbox.take())
    await asyncio.sleep(0)
    clock.move_to(START + timedelta(seconds=PATIENCE))
    assert (await taking)[0] == ticked(1)
    mailbox.close()
