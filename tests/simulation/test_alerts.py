"""The alert source sends what Prometheus and Alertmanager would: groups, snapshots, false starts, resolves."""

from __future__ import annotations

from remediator.core.model import Json
from remediator.simulation.alertmanager import NEVER, Timing, fingerprint
from remediator.simulation.alerts import AlertSource
from remediator.simulation.controllers.nodes import KUBELET
from tests.simulation.worlds import CRASHING, GOOD, SHOP, merge, roll, running, world

FAST = Timing(interval=5, holds=30, group_wait=0, group_interval=10, repeat_interval=3600)


def watched(w) -> list[Json]:
    sent: list[Json] = []
    AlertSource(w, sent.append, FAST)
    return sent


def alerting(w, many: int = 1) -> tuple[AlertSource, list[Json]]:
    sent: list[Json] = []
    return AlertSource(w, sent.append, FAST, alertmanagers=many), sent


def of(sent: list[Json], name: str) -> list[Json]:
    return [body for body in sent if body["groupLabels"]["alertname"] == name]


def test_a_stuck_rollout_fires_after_it_held_and_resolves_after_the_cure():
    w = world()
    sent = watched(w)
    running(w, progressDeadlineSeconds=60)
    roll(w, CRASHING)
    w.advance(61 + 25)
    assert not of(sent, "KubeDeploymentRolloutStuck")
    w.advance(10)
    (firing,) = of(sent, "KubeDeploymentRolloutStuck")
    assert (firing["version"], firing["status"], firing["truncatedAlerts"]) == ("4", "firing", 0)
    (alert,) = firing["alerts"]
    assert {key: alert["labels"][key] for key in ("alertname", "namespace", "deployment", "severity")} == {
        "alertname": "KubeDeploymentRolloutStuck",
        "namespace": SHOP,
        "deployment": "web",
        "severity": "warning",
    }
    assert alert["endsAt"] == NEVER
    roll(w, GOOD)
    w.advance(60)
    resolved = of(sent, "KubeDeploymentRolloutStuck")[-1]
    assert resolved["status"] == resolved["alerts"][0]["status"] == "resolved"
    assert resolved["alerts"][0]["fingerprint"] == alert["fingerprint"]
    assert resolved["alerts"][0]["startsAt"] == alert["startsAt"] < resolved["alerts"][0]["endsAt"]


def test_a_group_is_sent_as_a_whole_when_it_changes_and_not_otherwise():
    w = world()
    sent = watched(w)
    running(w, replicas=2, image=CRASHING)
    w.advance(120)
    bodies = of(sent, "KubePodCrashLooping")
    assert [len(body["alerts"]) for body in bodies] == [2]
    assert bodies[0]["commonLabels"]["reason"] == "CrashLoopBackOff"
    assert "pod" not in bodies[0]["commonLabels"]
    w.advance(3600)
    assert len(of(sent, "KubePodCrashLooping")) == 2  # once more after repeat_interval


def test_crash_looping_lingers_for_the_five_minutes_of_max_over_time():
    w = world()
    sent = watched(w)
    running(w, replicas=1, image=CRASHING)
    w.advance(60)
    roll(w, GOOD)
    w.advance(240)
    assert of(sent, "KubePodCrashLooping")[-1]["status"] == "firing"
    w.advance(120)
    assert of(sent, "KubePodCrashLooping")[-1]["status"] == "resolved"


def test_a_cordon_resolves_node_not_ready_uncured():
    w = world()
    sent = watched(w)
    merge(w, "Node", "node-1", {"metadata": {"annotations": {KUBELET: "down"}}})
    w.advance(100)
    assert of(sent, "KubeNodeNotReady")[-1]["alerts"][0]["labels"]["node"] == "node-1"
    merge(w, "Node", "node-1", {"spec": {"unschedulable": True}})
    w.advance(20)
    assert of(sent, "KubeNodeNotReady")[-1]["status"] == "resolved"


def test_what_ends_before_it_held_is_never_sent():
    w = world()
    sent = watched(w)
    running(w, progressDeadlineSeconds=30)
    roll(w, CRASHING)
    w.advance(45)
    roll(w, GOOD)
    w.advance(3600)
    assert not of(sent, "KubeDeploymentRolloutStuck")


def test_a_fingerprint_covers_labels_alone_in_any_order():
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "1"}) != fingerprint({"a": "2"})
    assert fingerprint({}) == "cbf29ce484222325"  # the offset basis, as prometheus/common gives for no labels


def test_what_is_silenced_is_held_and_not_told_and_its_end_is_never_told():
    w = world()
    source, sent = alerting(w)
    running(w, replicas=1, image=CRASHING)
    w.advance(60)
    source.silence({"namespace": SHOP}, 3600)
    (held,) = [
        each for each in source.alertmanagers[0].alerts() if each["labels"]["alertname"] == "KubePodCrashLooping"
    ]
    assert held["status"] == {"state": "suppressed", "silencedBy": ["silence-0"], "inhibitedBy": [], "mutedBy": []}
    roll(w, GOOD)
    w.advance(4000)
    assert [body["status"] for body in of(sent, "KubePodCrashLooping")] == ["firing"]
    assert source.alertmanagers[0].alerts() == []


def test_what_was_told_before_a_silence_is_not_told_again_after_it():
    """The log of what was sent still has it: only `repeat_interval` brings it back."""
    w = world()
    source, sent = alerting(w)
    running(w, replicas=1, image=CRASHING)
    w.advance(60)
    source.silence({"namespace": SHOP}, 60)
    w.advance(600)
    assert len(of(sent, "KubePodCrashLooping")) == 1
    w.advance(3600)
    assert len(of(sent, "KubePodCrashLooping")) == 2


def test_an_alertmanager_that_lost_its_data_tells_everything_again_and_forgets_silences():
    w = world()
    source, sent = alerting(w)
    running(w, replicas=1, image=CRASHING)
    w.advance(60)
    source.silence({"namespace": "nowhere"}, 3600)
    before = source.alertmanagers[0].status()["uptime"]
    source.alertmanagers[0].restart(data=False)
    assert source.alertmanagers[0].alerts() == []
    w.advance(10)
    assert [body["status"] for body in of(sent, "KubePodCrashLooping")] == ["firing", "firing"]
    assert source.alertmanagers[0].gossip.silences == []
    assert source.alertmanagers[0].status()["uptime"] > before


def test_two_alertmanagers_tell_once_while_they_hear_each_other_and_twice_while_they_do_not():
    w = world()
    source, sent = alerting(w, 2)
    running(w, replicas=1, image=CRASHING)
    w.advance(60)
    assert len(of(sent, "KubePodCrashLooping")) == 1
    source.part()
    roll(w, GOOD)
    w.advance(400)
    assert [body["status"] for body in of(sent, "KubePodCrashLooping")] == ["firing", "resolved", "resolved"]
    source.join()
    assert source.alertmanagers[0].gossip is source.alertmanagers[1].gossip
