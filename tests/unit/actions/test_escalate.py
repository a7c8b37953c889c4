"""Action `escalate`: tell a person; it writes nothing to the cluster."""

from __future__ import annotations

import pytest

from remediator.actions.escalate import ACTION


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"receiver": "oncall"}, 0),
        ({}, 1),
        ({"receiver": ""}, 1),
        ({"receiver": ["oncall"]}, 1),
        ({"receiver": "oncall", "loud": True}, 1),
        ({"to": "oncall"}, 2),
    ],
)
def test_it_takes_exactly_a_receivers_name(args, wrong):
    assert len(ACTION.check(args)) == wrong


def test_a_missing_receiver_is_answered_with_an_example():
    assert "{receiver: oncall}" in ACTION.check({})[0]


def test_it_plans_nothing():
    assert (ACTION.tells, ACTION.plan, ACTION.undo) == (True, None, None)
