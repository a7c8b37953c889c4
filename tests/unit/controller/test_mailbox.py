"""The mailbox: what waits goes together, as much of it as is made durable at once, and nothing is lost or overtaken."""

from __future__ import annotations

from remediator.clock import SystemClock
from remediator.core.observations import Ticked
from remediator.mailbox import MOST_TOGETHER, Mail, Mailbox


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
