"""Jobs: pods until enough of them have succeeded, or too many failed (pkg/controller/job, without its finer points)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json
from remediator.ports import ClusterError
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.controllers.pod_facts import is_active, restarts
from remediator.simulation.controllers.replica_set import pod_from
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import condition_of, controller_of, is_ready


class Jobs:
    """The Job controller."""

    watches = ("Job", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A Job itself, and the owner of a pod."""
        if commit.kind == "Job":
            return [commit.key]
        owner = controller_of(commit.obj)
        return [(commit.key[0], owner["name"])] if owner and owner["kind"] == "Job" else []

    def reconcile(self, key: Key) -> None:
        """Count pods that have ended and let them go, create missing ones, or end the Job."""
        job = self._system.get("Job", *key)
        if job is None:
            self._release([pod for pod in self._system.store.each("Pod", key[0]) if _was_of(pod, key[1])])
        if job is None or job["metadata"].get("deletionTimestamp"):
            return
        pods = self._system.store.owned(job["metadata"]["uid"], "Pod")
        tracked = [pod for pod in pods if _is_tracked(pod)]
        if any(condition_of(job.get("status") or {}, kind) for kind in ("Complete", "Failed")):
            self._release(tracked)
            return
        ended = [pod for pod in tracked if not is_active(pod)]
        status, active = self._counted(job, pods, ended), [pod for pod in pods if is_active(pod)]
        end = self._end(job["spec"], status, active)
        status = self._finished(status, end) if end else self._suspended(job["spec"], status)
        self._system.update_status(job, status)
        self._release(tracked if end else ended)
        if end or job["spec"].get("suspend"):
            for pod in active:
                self._system.delete(pod)
        else:
            self._start(job, status, len(active), key)

    def _counted(self, job: Json, pods: list[Json], ended: list[Json]) -> Json:
        """The status with what has ended since: a pod is counted once, while it has the finalizer."""
        before, active = job.get("status") or {}, [pod for pod in pods if is_active(pod)]
        succeeded = sum(1 for pod in ended if pod["status"].get("phase") == "Succeeded")
        numbers = {
            "active": len(active),
            "ready": sum(1 for pod in active if is_ready(pod)),
            "succeeded": before.get("succeeded", 0) + succeeded,
            "failed": before.get("failed", 0) + len(ended) - succeeded,
        }
        status = {name: number for name, number in numbers.items() if number or name == "ready"}
        dying = [pod for pod in pods if pod["metadata"].get("deletionTimestamp")]
        status["terminating"] = sum(1 for pod in dying if pod["status"].get("phase") not in ("Succeeded", "Failed"))
        status["uncountedTerminatedPods"] = {}
        return status | {name: before[name] for name in ("startTime", "conditions") if name in before}

    def _end(self, spec: Json, status: Json, active: list[Json]) -> tuple[str, str, str, str] | None:
        failures = status.get("failed", 0) + sum(restarts(pod) for pod in active)
        if failures > spec["backoffLimit"]:
            return ("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        if status.get("succeeded", 0) >= spec["completions"]:
            return ("Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods")
        return None

    def _finished(self, status: Json, end: tuple[str, str, str, str]) -> Json:
        first = "SuccessCriteriaMet" if end[0] == "Complete" else "FailureTarget"
        status = self._with(self._with(status, first, *end[1:]), *end)
        return {**status, **({"completionTime": self._system.stamp} if end[0] == "Complete" else {})}

    def _suspended(self, spec: Json, status: Json) -> Json:
        """The status of a Job that goes on: when it was started, or that it is suspended."""
        if spec.get("suspend"):
            status = {name: value for name, value in status.items() if name != "startTime"}
            return self._with(status, "Suspended", "True", "JobSuspended", "Job suspended")
        if condition_of(status, "Suspended"):
            status = self._with(status, "Suspended", "False", "JobResumed", "Job resumed")
        return {"startTime": self._system.stamp, **status}

    def _with(self, status: Json, kind: str, value: str, reason: str, message: str) -> Json:
        """The status with a condition, which a Job's controller stamps with a probe time as well."""
        status = with_condition(status, kind, value, reason, message, self._system.stamp)
        probed = {"lastProbeTime": self._system.stamp}
        return {**status, "conditions": [probed | item for item in status["conditions"]]}

    def _release(self, pods: list[Json]) -> None:
        for pod in pods:
            left = [name for name in pod["metadata"]["finalizers"] if name != TRACKED]
            metadata = {name: value for name, value in pod["metadata"].items() if name != "finalizers"}
            metadata |= {"finalizers": left} if left else {}
            self._system.server.update({**pod, "metadata": metadata})

    def _start(self, job: Json, status: Json, active: int, key: Key) -> None:
        spec = job["spec"]
        left = spec["completions"] - status.get("succeeded", 0)
        name = {"generateName": job["metadata"]["name"] + "-", "finalizers": [TRACKED]}
        try:
            for _ in range(min(spec["parallelism"], left) - active):
                self._system.create(pod_from(job, name))
        except ClusterError:
            self._system.retry(self, key)


def _is_tracked(pod: Json) -> bool:
    return TRACKED in (pod["metadata"].get("finalizers") or ())


def _was_of(pod: Json, job: str) -> bool:
    owner = controller_of(pod)
    return owner is not None and (owner["kind"], owner["name"]) == ("Job", job) and _is_tracked(pod)


TRACKED = "batch.kubernetes.io/job-tracking"
"""The finalizer that keeps a pod until the Job has counted it."""
