"""HorizontalPodAutoscalers: replicas by what their pods use (pkg/controller/podautoscaler/horizontal.go).

What they use is said by an annotation on the autoscaler, in percent of one pod's request over all pods; without it
there are no metrics, as in a cluster without a metrics server.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from remediator.core.model import Json
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System

LOAD = "simulation.remediator.io/load"
EVERY = 15.0
TOLERANCE = 0.1
FALLS_AFTER = timedelta(minutes=5)
"""How long the highest recommendation keeps the number from falling."""

_ABOVE_ZERO = "the HPA controller did not scale the workload to zero"
_UNSCALABLE = "the HPA controller was unable to get the target's current scale: "
_VALID = (
    "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"
)
_UNABLE = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for "
_NO_METRICS = (
    _UNABLE
    + "resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested "
    "resource (get pods.metrics.k8s.io)"
)


class Autoscalers:
    """The autoscaler. It looks at each object every fifteen seconds, the first time so long after its creation."""

    watches = ("HorizontalPodAutoscaler",)

    def __init__(self, system: System) -> None:
        self._system = system
        self._due: dict[Key, datetime] = {}
        self._wanted: dict[str, list[tuple[datetime, int]]] = {}

    def keys(self, commit: Commit) -> Iterable[Key]:
        """One that is new."""
        return [commit.key] if commit.type == "ADDED" else []

    def reconcile(self, key: Key) -> None:
        """Set the replicas of its target, and its own status."""
        scaler, now = self._system.get("HorizontalPodAutoscaler", *key), self._system.now
        if scaler is None:
            self._due.pop(key, None)
            return
        if key in self._due and self._due[key] > now:
            return
        first, self._due[key] = key not in self._due, now + timedelta(seconds=EVERY)
        self._system.after(EVERY, self, key)
        if not first:
            self._scale(scaler)

    def _scale(self, scaler: Json) -> None:
        spec, status = scaler["spec"], scaler.get("status") or {}
        kind, name = spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]
        target = self._system.get(kind, scaler["metadata"]["namespace"], name)
        if target is None:
            missing = f'{_UNSCALABLE}{kind.lower()}s.apps "{name}" not found'
            self._say(scaler, self._with(status, "AbleToScale", "False", "FailedGetScale", missing))
            return
        found = "the HPA controller was able to get the target's current scale"
        status = self._with(status, "AbleToScale", "True", "SucceededGetScale", found)
        status = {**status, "observedGeneration": scaler["metadata"]["generation"]}
        status.pop("currentReplicas", None)
        if replicas := (target.get("status") or {}).get("replicas", 0):
            status["currentReplicas"] = replicas
        self._say(scaler, self._weighed(scaler, target, status))

    def _weighed(self, scaler: Json, target: Json, status: Json) -> Json:
        """The status after the replicas were set as metrics and bounds want them."""
        spec, present = scaler["spec"], target["spec"].get("replicas", 1)
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        if present == 0:
            off = "scaling is disabled since the replica count of the target is zero"
            status = self._with(status, "ScalingActive", "False", "ScalingDisabled", off)
            return {**status, "desiredReplicas": 0, "currentMetrics": None}
        wanted = min(max(present, least), most)
        if wanted == present:
            load = (scaler["metadata"].get("annotations") or {}).get(LOAD)
            if load is None:
                status = self._with(status, "ScalingActive", "False", "FailedGetResourceMetric", _NO_METRICS)
                return {**status, "currentMetrics": [{"type": ""}]}
            status, wanted = self._by_load(scaler, status, present, int(load))
        status = self._with(status, "ScaledToZero", "False", "NotScaledToZero", _ABOVE_ZERO)
        if wanted == present:
            return {**status, "desiredReplicas": wanted}
        self._system.update(target, replicas=wanted)
        rescaled = f"the HPA controller was able to update the target scale to {wanted}"
        status = {**status, "desiredReplicas": wanted, "lastScaleTime": self._system.stamp}
        return self._with(status, "AbleToScale", "True", "SucceededRescale", rescaled)

    def _by_load(self, scaler: Json, status: Json, present: int, load: int) -> tuple[Json, int]:
        """What the metrics ask for, within bounds: more at once, less after a while, and no more than twice at once."""
        spec = scaler["spec"]
        aim = spec["metrics"][0]["resource"]["target"]["averageUtilization"]
        asked = present if abs(load / present / aim - 1.0) <= TOLERANCE else math.ceil(load / aim)
        asked = self._stable(scaler["metadata"]["uid"], asked, present)
        least, most = spec.get("minReplicas", 1), min(spec["maxReplicas"], max(2 * present, 4))
        status = self._with(status, "ScalingActive", "True", "ValidMetricFound", _VALID)
        if asked > most:
            why = "the desired replica count is more than the maximum replica count"
            return self._with(status, "ScalingLimited", "True", "TooManyReplicas", why), most
        if asked < least:
            why = "the desired replica count is less than the minimum replica count"
            return self._with(status, "ScalingLimited", "True", "TooFewReplicas", why), least
        within = "the desired count is within the acceptable range"
        return self._with(status, "ScalingLimited", "False", "DesiredWithinRange", within), asked

    def _stable(self, uid: str, asked: int, present: int) -> int:
        """No fewer than the highest recommendation of the last minutes, but no more than there are."""
        now = self._system.now
        kept = [one for one in self._wanted.get(uid, ()) if one[0] > now - FALLS_AFTER]
        self._wanted[uid] = [*kept, (now, asked)]
        return max(asked, min(max((many for _, many in kept), default=asked), present))

    def _with(self, status: Json, kind: str, value: str, reason: str, message: str) -> Json:
        return with_condition(status, kind, value, reason, message, self._system.stamp)

    def _say(self, scaler: Json, status: Json) -> None:
        self._system.update_status(scaler, status)
