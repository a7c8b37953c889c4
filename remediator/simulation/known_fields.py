"""Which fields objects have, down to their containers: others vanish when they are written.

Read from the types of k8s.io/api v0.37. Deeper down, and in kinds not named here, everything is kept.
"""

from __future__ import annotations

_METADATA = """name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp
    deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields"""
_POD = """volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds
    activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken nodeName
    hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity
    schedulerName tolerations hostAliases priorityClassName priority dnsConfig readinessGates runtimeClassName
    enableServiceLinks preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os hostUsers
    schedulingGates resourceClaims resources hostnameOverride workloadRef schedulingGroup evictionResponders"""
_CONTAINER = """name image command args workingDir ports envFrom env resources resizePolicy restartPolicy
    restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle
    terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty"""
_SPEC = {
    "Deployment": """replicas selector template strategy minReadySeconds revisionHistoryLimit paused
        progressDeadlineSeconds""",
    "ReplicaSet": "replicas minReadySeconds selector template",
    "StatefulSet": """replicas selector template volumeClaimTemplates serviceName podManagementPolicy updateStrategy
        revisionHistoryLimit minReadySeconds persistentVolumeClaimRetentionPolicy ordinals""",
    "DaemonSet": "selector template updateStrategy minReadySeconds revisionHistoryLimit",
    "Job": """parallelism completions activeDeadlineSeconds podFailurePolicy successPolicy backoffLimit
        backoffLimitPerIndex maxFailedIndexes failedPodsLimit selector manualSelector template ttlSecondsAfterFinished
        completionMode suspend podReplacementPolicy managedBy scheduling""",
    "PodDisruptionBudget": "minAvailable selector maxUnavailable unhealthyPodEvictionPolicy",
    "HorizontalPodAutoscaler": "scaleTargetRef minReplicas maxReplicas metrics behavior",
    "ResourceQuota": "hard scopes scopeSelector",
    "Node": "podCIDR podCIDRs providerID unschedulable taints configSource externalID podPreemptionPolicy",
    "Pod": _POD,
}
_TEMPLATED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"})


def _paths(kind: str) -> dict[str, frozenset[str]]:
    """What may stand at which place of an object; list items stand where their list does."""
    pod = "spec.template.spec" if kind in _TEMPLATED else "spec" if kind == "Pod" else ""
    told = {"": "apiVersion kind metadata spec status", "metadata": _METADATA, "spec": _SPEC[kind]}
    rolling = "maxSurge maxUnavailable partition"
    for strategy in ("spec.strategy", "spec.updateStrategy"):
        told |= {strategy: "type rollingUpdate", f"{strategy}.rollingUpdate": rolling}
    if kind in _TEMPLATED:
        told |= {"spec.template": "metadata spec", "spec.template.metadata": _METADATA}
    if pod:
        told[pod] = _POD
        for containers in (f"{pod}.containers", f"{pod}.initContainers"):
            told |= {containers: _CONTAINER, f"{containers}.env": "name value valueFrom"}
            told |= {f"{containers}.ports": "name hostPort containerPort protocol hostIP"}
    return {place: frozenset(words.split()) for place, words in told.items()}


KNOWN_FIELDS: dict[str, dict[str, frozenset[str]]] = {kind: _paths(kind) for kind in _SPEC}
"""By kind and place."""
