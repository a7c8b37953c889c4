"""Alerts that an action silences by itself: their end proves nothing, and a rule that takes it for proof is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remediator.core.masks import MASKS, mask_of
from remediator.core.rules import Matcher, MatchOp, When
from tests.unit.builders import matcher

ACTIONS = {
    *("restart", "rollback", "rollout_pause", "rollout_resume", "scale", "scale_hpa", "delete_pods", "evict", "cordon"),
    *("uncordon", "drain", "taint", "untaint", "delete_job", "rerun_job", "suspend_cronjob", "patch", "webhook"),
    *("escalate", "none"),
}
SILENCE_NOTHING = {"uncordon", "untaint", "suspend_cronjob", "webhook", "escalate", "none"}


def alert(name: str, op: MatchOp = MatchOp.EQUAL) -> When:
    return When((Matcher("alertname", op, name), matcher("namespace", "shop")))


@pytest.mark.parametrize(
    ("action", "when", "masked_by"),
    [
        ("cordon", alert("KubeNodeNotReady"), "KubeNodeNotReady"),
        ("drain", alert("KubeNodeNotReady"), "KubeNodeNotReady"),
        ("cordon", alert("KubeNodePressure"), "KubeNodePressure"),
        ("cordon", alert("KubeNodeReadinessFlapping"), "KubeNodeReadinessFlapping"),
        ("uncordon", alert("KubeNodeNotReady"), ""),
        ("restart", alert("KubeNodeNotReady"), ""),
        ("restart", alert("KubeDeploymentReplicasMismatch"), "KubeDeploymentReplicasMismatch"),
        ("rollback", alert("KubeStatefulSetReplicasMismatch"), "KubeStatefulSetReplicasMismatch"),
        ("rollback", alert("KubeDeploymentRolloutStuck"), "KubeDeploymentRolloutStuck"),
        ("restart", alert("KubePodCrashLooping"), "KubePodCrashLooping"),
        ("cordon", alert("KubePodCrashLooping"), ""),
        ("scale_hpa", alert("KubeHpaMaxedOut"), "KubeHpaMaxedOut"),
        ("restart", alert("ShopErrors"), ""),
        ("restart", alert("KubePod.*", MatchOp.REGEX), "KubePodCrashLooping"),
        ("restart", alert("Shop.*", MatchOp.REGEX), ""),
        ("restart", alert("ShopErrors", MatchOp.NOT_EQUAL), "KubeDeploymentReplicasMismatch"),
        ("cordon", When((matcher("severity", "page"),)), "KubeNodeNotReady"),
        ("cordon", When(query='kube_node_spec_unschedulable == 0 and up{job="kubelet"} == 0'), "KubeNodeNotReady"),
        ("cordon", When(query='up{job="kubelet"} == 0'), ""),
        ("cordon", When(query="my_kube_node_spec_unschedulable_copy == 0"), ""),
        ("restart", When(query="rate(kube_pod_container_status_restarts_total[5m]) > 0"), "KubePodCrashLooping"),
        ("restart", When(), ""),
    ],
)
def test_which_signals_an_action_could_have_silenced(action, when, masked_by):
    found = mask_of(action, when)
    assert (found.alert if found else "") == masked_by


def test_every_action_has_been_thought_of():
    named = {action for mask in MASKS for action in mask.actions}
    assert named <= ACTIONS
    assert ACTIONS - named == SILENCE_NOTHING


def test_every_mask_has_its_row_and_every_row_its_mask():
    page = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
    rows = re.findall(r"^\| (Kube\w+) \| (.+?) \| (.+?) \|$", page, flags=re.MULTILINE)
    written = [(name, tuple(re.findall(r"`(\w+)`", actions)), why) for name, actions, why in rows]
    assert written == [(mask.alert, mask.actions, mask.why) for mask in MASKS]
