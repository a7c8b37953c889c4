"""What each action declares that its account must be allowed, beside reading the target."""

from __future__ import annotations

import pytest

from remediator.actions import ACTIONS

EVICTIONS = {"create pods/eviction", "get pods", "patch pods"}

TABLE: dict[str, tuple[dict[str, object], set[str]]] = {
    "restart": ({}, {"patch target"}),
    "rollback": ({}, {"patch target"}),
    "rollout_pause": ({}, {"patch target"}),
    "rollout_resume": ({}, {"patch target"}),
    "scale": ({"to": 3}, {"patch target"}),
    "scale_hpa": ({"min_replicas": 2}, {"patch target"}),
    "suspend_cronjob": ({}, {"patch target"}),
    "patch": ({"patch": {}}, {"patch target"}),
    "cordon": ({}, {"patch target"}),
    "uncordon": ({}, {"patch target"}),
    "taint": ({}, {"patch target"}),
    "untaint": ({}, {"patch target"}),
    "drain": ({}, {"patch target", "list pods everywhere", "list daemonsets everywhere"}
              | {f"{each} everywhere" for each in EVICTIONS}),
    "evict": ({}, EVICTIONS),
    "delete_pods": ({}, {"list pods", "delete pods", "get pods", "patch pods"}),
    "delete_job": ({}, {"delete target", "patch target"}),
    "rerun_job": ({}, {"delete target", "create target", "patch target"}),
    "webhook": ({}, set()),
    "none": ({}, set()),
    "escalate": ({}, set()),
}  # fmt: skip


def test_every_action_is_in_the_table():
    assert set(TABLE) == set(ACTIONS)


@pytest.mark.parametrize("name", TABLE)
def test_an_action_declares_its_writes_the_fence_and_what_it_lists(name):
    args, expected = TABLE[name]
    assert shown(name, args) == expected


@pytest.mark.parametrize("args", [{"phase": ["Running"]}, {"reason": "CrashLoopBackOff"}])
def test_pods_that_may_still_run_are_evicted(args):
    assert shown("delete_pods", args) == {"list pods", "delete pods"} | EVICTIONS


def shown(name: str, args: dict[str, object]) -> set[str]:
    return {
        f"{each.verb} {each.resource.plural if each.resource else 'target'}"
        f"{'/' if each.part else ''}{each.part}{' everywhere' if each.everywhere else ''}"
        for each in ACTIONS[name].granted(args)
    }
