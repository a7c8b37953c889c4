"""`remediator explain`: what a person reads of a decision, what a program gets, and what the exit code says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.cli.test_remote import Stand, served

HELD: dict[str, Any] = {
    "incident": "abc123",
    "rule": "undo-bad-rollout",
    "target": "Deployment/shop/web",
    "seq": 42,
    "time": "2026-01-01T12:00:00Z",
    "mode": "enforce",
    "result": "hold",
    "action": "rollback",
    "retry_at": "2026-01-01T12:30:00Z",
    "then": "",
    "plan": "",
    "verdicts": [
        {"guard": "mode", "verdict": "allow", "reason": "mode is enforce", "retry_at": None, "inputs": {}},
        {"guard": "cooldown", "verdict": "hold", "reason": "acted on it at 12:00", "retry_at": None, "inputs": {}},
    ],
    "repeated": True,
    "asked_again": 2,
    "differs": [],
    "why_not_repeated": "",
    "followed": ["2026-01-01 12:30:00Z closed: recovered: \x1b[2Jready"],
    "note": "",
}

TOLD = """\
rule      undo-bad-rollout
incident  abc123  Deployment/shop/web
decided   2026-01-01 12:00:00Z, record 42, mode enforce
result    hold: rollback until 2026-01-01 12:30:00Z

GUARD     ANSWER  REASON
cooldown  hold    acted on it at 12:00
the other 1 allow; --all shows them

repeated from the journal: 2 guards asked again answer the same, the same result

what followed
  2026-01-01 12:30:00Z closed: recovered: \\x1b[2Jready
"""


@pytest.fixture
def stand() -> Iterator[Stand]:
    with served() as made:
        made.answers["/api/v1/explain/undo-bad-rollout"] = HELD
        yield made


def test_people_read_who_held_it_back_and_that_it_comes_out_the_same(stand: Stand) -> None:
    answer = stand.run("explain", "undo-bad-rollout")
    assert (answer.exit_code, answer.output) == (0, TOLD)
    assert "mode      allow   mode is enforce" in stand.run("explain", "undo-bad-rollout", "--all").output


def test_what_comes_out_otherwise_is_an_error(stand: Stand) -> None:
    otherwise = HELD | {"repeated": False, "differs": ["cooldown: hold then, allow now"]}
    stand.answers["/api/v1/explain/undo-bad-rollout"] = otherwise
    answer = stand.run("explain", "undo-bad-rollout")
    assert answer.exit_code == 1
    assert "  cooldown: hold then, allow now" in answer.output


def test_where_nothing_was_decided_it_says_how_things_stand(stand: Stand) -> None:
    nothing = HELD | {"seq": 0, "incident": "", "followed": [], "note": "no decision is in the journal; 0 open"}
    stand.answers["/api/v1/explain/undo-bad-rollout"] = nothing
    answer = stand.run("explain", "undo-bad-rollout")
    told = "rule      undo-bad-rollout\nnothing was decided: no decision is in the journal; 0 open\n"
    assert (answer.exit_code, answer.output) == (0, told)


def test_programs_get_all_of_it(stand: Stand) -> None:
    assert json.loads(stand.run("explain", "undo-bad-rollout", "-o", "json").output) == HELD


def test_suppositions_are_read_as_rule_files_are(stand: Stand) -> None:
    supposed = {"result": "act", "verdicts": [], "differs": ["cooldown: hold then, allow if so"], "note": "not asked"}
    stand.answers["/api/v1/explain/undo-bad-rollout"] = HELD | {"supposed": supposed}
    what_if = ["--what-if", "cooldown=5m", "--what-if", "budget={max: 5, per: 1h}", "--what-if", "mode=enforce"]
    answer = stand.run("explain", "undo-bad-rollout", *what_if)
    assert json.loads(stand.queries[-1]["what_if"][0]) == {
        "guards": {"cooldown": 300.0, "budget": {"max": 5, "per": 3600.0}},
        "mode": "enforce",
    }
    assert "under the supposed settings: act\n  cooldown: hold then, allow if so\n  not asked\n" in answer.output


@pytest.mark.parametrize(
    ("what_if", "told"),
    [
        ("cooldwn=5m", "unknown key `cooldwn`; did you mean `cooldown`?"),
        ("cooldown=five", "`five` is not a duration"),
        ("cooldown", "'cooldown' supposes nothing: write GUARD=VALUE, as cooldown=5m"),
        ("mode=on", "'on' is no mode: write one of off, observe, approve, enforce"),
        ("budget=5", "budget"),
    ],
)
def test_what_is_no_supposition_is_a_wrong_call(stand: Stand, what_if: str, told: str) -> None:
    answer = stand.run("explain", "undo-bad-rollout", "--what-if", what_if)
    assert answer.exit_code == 2
    assert told in " ".join(answer.output.replace("│", "").split())
    assert stand.queries == []


def test_a_time_without_a_zone_is_utc(stand: Stand) -> None:
    assert stand.run("explain", "undo-bad-rollout", "--at", "2026-01-01T12:00:00").exit_code == 0
    assert stand.queries[-1] == {"at": ["2026-01-01T12:00:00+00:00"]}
    answer = stand.run("explain", "undo-bad-rollout", "--at", "noon")
    assert answer.exit_code == 2
    assert "write 2026-01-31T12:00:00Z" in answer.output
