"""What the comparison itself does: finds what differs, leaves out what is listed and nothing else. Needs no lab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from remediator.core.model import Json
from remediator.simulation import objects
from remediator.simulation.values import copied
from tests.fidelity.comparison import ABSENT, Entry, differences
from tests.fidelity.known import KNOWN, Known, no_longer, unlisted
from tests.fidelity.names import Names
from tests.fidelity.projection import VOLATILE, projected, told
from tests.fidelity.random_patches import drawn
from tests.fidelity.sequences import SEQUENCES
from tests.fidelity.sequences.at_random import SEEDS
from tests.fidelity.stage import simulated

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def between(left: Any, right: Any) -> list[tuple[str, str, str]]:
    """The differences of one answer, as tuples."""
    found = differences([Entry("1. get", left)], [Entry("1. get", right)])
    return [(one.where, one.expected, one.found) for one in found]


@pytest.mark.parametrize(
    ("left", "right", "difference"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("1. get: a", "1", "2")]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("1. get: a.b[1]", "2", "3")]),
        ({"a": {"b": 1}}, {}, [("1. get: a", '{"b": 1}', ABSENT)]),
        ({}, {"a": None}, [("1. get: a", ABSENT, "null")]),
        ({"a": 0}, {"a": False}, [("1. get: a", "0", "false")]),
        (
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "A", "value": "2"}]},
            [("1. get: env[A].value", '"1"', '"2"')],
        ),
        (
            {"env": [{"name": "A"}, {"name": "B"}]},
            {"env": [{"name": "B"}, {"name": "A"}]},
            [("1. get: env in order", "[A] [B]", "[B] [A]")],
        ),
        (
            {"error": "Conflict", "message": "no"},
            {"spec": {"replicas": 1}},
            [("1. get:", "Conflict: no", "accepted")],
        ),
    ],
)
def test_every_field_that_differs_is_told_once(left: Any, right: Any, difference: list[Any]):
    assert between(left, right) == difference


def test_sequences_that_part_ways_are_compared_no_further():
    left = [Entry("1. create", {"a": 1}), Entry("2. patch", {"a": 1})]
    right = [Entry("1. create", {"a": 1}), Entry("2. delete", {"a": 2})]
    assert [one.where for one in differences(left, right)] == ["step 2"]
    assert [one.where for one in differences(left, left[:1])] == ["step 2"]


def test_a_listed_difference_is_allowed_where_it_is_listed_alone():
    known = (Known("a", r"\.a$", "because", ("one", "two")),)
    found = differences([Entry("x", {"s": {"a": 1, "b": 1}})], [Entry("x", {"s": {"a": 2, "b": 2}})])
    assert [one.where for one in unlisted("one", found, known)] == ["x: s.b"]
    assert [one.where for one in unlisted("three", found, known)] == ["x: s.a", "x: s.b"]
    assert no_longer("one", found, known) == []


def test_a_listed_difference_may_say_what_the_sides_have():
    known = (Known("a", r"\.a$", "because", ("one",), shows=r"^1 / \(absent\)$"),)
    found = differences(
        [Entry("x", {"s": {"a": 1}}), Entry("y", {"s": {"a": 2}})], [Entry("x", {"s": {}}), Entry("y", {"s": {}})]
    )
    assert [one.where for one in unlisted("one", found, known)] == ["y: s.a"]


def test_a_listed_difference_that_does_not_occur_is_told():
    known = (Known("a", r"\.a$", "because", ("one",)), Known("b", r"\.b$", "because", ("one",), by_chance=True))
    assert no_longer("one", [], known) == ["a"]
    assert no_longer("two", [], known) == []


def pod(name: str, uid: str, prefix: str, owner: str) -> Json:
    metadata: Json = {"name": name, "namespace": "shop", "uid": uid, "generateName": prefix, "creationTimestamp": "x"}
    metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": prefix.rstrip("-"), "uid": owner}]
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}


def test_drawn_names_are_the_same_everywhere_and_say_what_belongs_together():
    uids = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"]
    sets = [
        {
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"web-{letters}",
                "uid": uid,
                "annotations": {"deployment.kubernetes.io/revision": str(number)},
            },
        }
        for letters, uid, number in (("7f9c5", uids[1], 2), ("5b8d6", uids[0], 1))
    ]
    names = Names("shop")
    one = pod("web-7f9c5-abcde", "33333333-3333-4333-8333-333333333333", "web-7f9c5-", uids[1])
    names.learn([one, *sets])
    assert [names.stable(item["metadata"]["name"]) for item in sets] == ["web-#2", "web-#1"]
    shown = projected(one, names)["metadata"]
    assert shown["name"] == "web-#2-*"
    assert shown["ownerReferences"] == [{"kind": "ReplicaSet", "name": "web-#2", "uid": "uid of ReplicaSet web-#2"}]


def test_what_is_volatile_is_masked_and_that_it_is_there_is_not():
    obj = objects.deployment("web", "shop")
    obj["metadata"] |= {"uid": "x", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    shown = projected(obj, Names("shop"))["metadata"]
    assert shown == {
        "name": "web",
        "namespace": "NAMESPACE",
        "labels": {"app": "web"},
        "uid": "some uid",
        "creationTimestamp": "some time",
    }


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("patch Deployment/shop/web (dry run): no such thing", "no such thing"),
        ("list pods in shop: unable to parse", "unable to parse"),
        ('a: b: Invalid value: {"Go":null}: may not', "a: b: Invalid value: …: may not"),
        (' "" is invalid: patch: Invalid value: "map[]": cannot', ' "" is invalid: patch: Invalid value: …'),
    ],
)
def test_messages_lose_the_clients_prefix_and_what_only_go_reads(message: str, shown: str):
    assert told(message, Names("shop-1")) == shown


@pytest.mark.parametrize("name", ["undo_a_broken_roll_out", "evict_with_preconditions", "events_of_a_stateful_set"])
async def test_a_sequence_plays_the_same_twice_in_simulated_worlds(name: str):
    first, second = await simulated(SEQUENCES[name]), await simulated(SEQUENCES[name])
    assert first.transcript == second.transcript
    assert first.calls == second.calls > 0


async def test_no_rehearsal_promises_what_the_write_does_not_keep():
    for sequence in SEQUENCES.values():
        played = await simulated(sequence)
        broken = [
            one.step for one in played.transcript if isinstance(one.seen, dict) and "rehearsed otherwise" in one.seen
        ]
        assert not broken, f"{sequence.name}: {broken}"
        changed = [
            one.step
            for one in played.transcript
            if isinstance(one.seen, dict) and one.seen.get("nothing changed") is False
        ]
        assert not changed, f"{sequence.name}: {changed}"


def test_seeds_give_the_same_patches_and_leave_each_other_alone():
    first = [drawn(seed, 8) for seed in SEEDS]
    kept = copied([[list(one) for one in patches] for patches in first])
    assert [[list(one) for one in drawn(seed, 8)] for seed in SEEDS] == kept
    assert len({str(patches) for patches in first}) == len(SEEDS) >= 30


def test_every_listed_difference_names_sequences_that_there_are():
    names = {*SEQUENCES, *(f"{name} by kubectl" for name, one in SEQUENCES.items() if one.by_kubectl)}
    for row in KNOWN:
        assert row.why
        assert row.shown_by, f"{row.name} is shown by nothing"
        assert set(row.shown_by) <= names, row.name


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("Differences that stay", [(row.name, row.why) for row in KNOWN]),
        ("What is not compared", [(row.name, row.why) for row in VOLATILE]),
    ],
)
def test_the_page_has_the_same_lists(heading: str, rows: list[tuple[str, str]]):
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (.*?) \| (.*?) \|$", section, re.MULTILINE)
    assert found[1:] == rows
