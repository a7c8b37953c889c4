"""Masks: which alerts an action silences without curing anything, so that their end proves nothing.

Read from the expressions of kubernetes-mixin (alerts/apps_alerts.libsonnet, alerts/kubelet.libsonnet): an alert that
only stands while nothing changes, while the node takes pods, or for one pod by name, goes quiet by what we do.
"""

from __future__ import annotations

import re

from remediator.core.model import Value
from remediator.core.rules import Matcher, When

ALERT_NAME = "alertname"

ROLLS_OUT = ("restart", "rollback", "patch", "rollout_resume", "rollout_pause", "scale")
TAKES_PODS = ("delete_pods", "evict", "drain")
REPLACES_PODS = ("restart", "rollback", "patch", "scale", *TAKES_PODS, "delete_job", "rerun_job")


class Mask(Value, frozen=True):
    """Actions that end an alert whatever becomes of its cause; `metrics` are the series through which they do."""

    alert: str
    actions: tuple[str, ...]
    metrics: tuple[str, ...]
    why: str


_UNTOUCHED = "stands only where the replicas have not changed for some minutes, and they have just been changed"
_OPEN = "stands only for a node that takes pods"
_BY_NAME = "stands for one pod, and its successor has another name"
_IS_GONE = "stands for a Job that is there no more"
_PROGRESS = "stands while the last roll-out made no progress, and each new one begins with some"

MASKS: tuple[Mask, ...] = (
    Mask("KubeNodeNotReady", ("cordon", "drain"), ("kube_node_spec_unschedulable",), _OPEN),
    Mask("KubeNodePressure", ("cordon", "drain"), ("kube_node_spec_unschedulable",), _OPEN),
    Mask("KubeNodeReadinessFlapping", ("cordon", "drain"), ("kube_node_spec_unschedulable",), _OPEN),
    Mask("KubeNodeUnreachable", ("taint",), ("kube_node_spec_taint",), "is left out for a node with certain taints"),
    Mask("KubeletTooManyPods", TAKES_PODS, ("kube_pod_info",), "counts the pods that were just taken away"),
    Mask(
        "KubeDeploymentReplicasMismatch",
        (*ROLLS_OUT, *TAKES_PODS),
        ("kube_deployment_status_replicas_updated",),
        _UNTOUCHED,
    ),
    Mask(
        "KubeStatefulSetReplicasMismatch",
        (*ROLLS_OUT, *TAKES_PODS),
        ("kube_statefulset_status_replicas_updated",),
        _UNTOUCHED,
    ),
    Mask(
        "KubeStatefulSetUpdateNotRolledOut",
        (*ROLLS_OUT, *TAKES_PODS),
        ("kube_statefulset_status_replicas_updated",),
        _UNTOUCHED,
    ),
    Mask(
        "KubeDaemonSetRolloutStuck",
        (*ROLLS_OUT, *TAKES_PODS),
        ("kube_daemonset_updated_number_scheduled", "kube_daemonset_status_updated_number_scheduled"),
        _UNTOUCHED,
    ),
    Mask(
        "KubeDaemonSetNotScheduled",
        ("taint",),
        ("kube_daemonset_status_desired_number_scheduled",),
        "asks for no pod on a node that was tainted",
    ),
    Mask("KubeDeploymentRolloutStuck", ROLLS_OUT, ("kube_deployment_status_condition",), _PROGRESS),
    Mask(
        "KubePodCrashLooping",
        REPLACES_PODS,
        ("kube_pod_container_status_restarts_total", "kube_pod_container_status_waiting_reason"),
        _BY_NAME,
    ),
    Mask("KubePodNotReady", REPLACES_PODS, ("kube_pod_status_phase",), _BY_NAME),
    Mask("KubeContainerWaiting", REPLACES_PODS, ("kube_pod_container_status_waiting_reason",), _BY_NAME),
    Mask("KubeJobFailed", ("delete_job", "rerun_job"), ("kube_job_failed",), _IS_GONE),
    Mask(
        "KubeJobNotCompleted",
        ("delete_job", "rerun_job"),
        ("kube_job_status_active", "kube_job_status_start_time"),
        _IS_GONE,
    ),
    Mask(
        "KubeJobCompletion",
        ("delete_job", "rerun_job"),
        ("kube_job_status_succeeded",),
        _IS_GONE,
    ),
    Mask(
        "KubeHpaReplicasMismatch",
        ("scale_hpa",),
        ("kube_horizontalpodautoscaler_spec_max_replicas", "kube_horizontalpodautoscaler_spec_min_replicas"),
        "compares with the bounds that were just moved",
    ),
    Mask(
        "KubeHpaMaxedOut",
        ("scale_hpa",),
        ("kube_horizontalpodautoscaler_spec_max_replicas",),
        "compares with the bound that was just moved",
    ),
)
"""Every alert of the mixin that one of our actions silences by itself."""


def mask_of(action: str, when: When) -> Mask | None:
    """How an action could silence a rule's signal by itself; None where no such way is known.

    Matchers that leave the alert's name open may mean a masked one; a query is masked by the series it speaks of.
    """
    names = tuple(each for each in when.alert if each.name == ALERT_NAME)
    return next((each for each in MASKS if action in each.actions and _concerns(each, names, when)), None)


def _concerns(mask: Mask, names: tuple[Matcher, ...], when: When) -> bool:
    if when.query:
        return any(re.search(rf"(?<![\w:]){metric}(?![\w:])", when.query) for metric in mask.metrics)
    return bool(when.alert) and all(each.matches({ALERT_NAME: mask.alert}) for each in names)
