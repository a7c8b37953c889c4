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
        """Create missing pods, or end the Job."""
        job = self._system.get("Job", *key)
        if job is None or job["metadata"].get("deletionTimestamp"):
            return
        status = job.get("status") or {}
        if condition_of(status, "Complete") or condition_of(status, "Failed"):
            return
        pods = self._system.store.owned(job["metadata"]["uid"], "Pod")
        status = self._counted(job, pods)
        active = [pod for pod in pods if is_active(pod)]
        end = self._end(job["spec"], status, active)
        if end:
            for pod in active:
                self._system.delete(pod)
            first = "SuccessCriteriaMet" if end[0] == "Complete" else "FailureTarget"
            status = with_condition(status, first, *end[1:], self._system.stamp)
            status = with_condition(status, *end, self._system.stamp)
            if end[0] == "Complete":
                status["completionTime"] = self._system.stamp
        else:
            self._start(job, status, active, key)
        self._system.update_status(job, status)

    def _counted(self, job: Json, pods: list[Json]) -> Json:
        phases = [pod["status"].get("phase") for pod in pods]
        active = [pod for pod in pods if is_active(pod)]
        before = job.get("status") or {}
        numbers = {
            "active": len(active),
            "ready": sum(1 for pod in active if is_ready(pod)),
            "succeeded": phases.count("Succeeded"),
            "failed": phases.count("Failed"),
        }
        status = {name: number for name, number in numbers.items() if number or name == "ready"}
        status["terminating"] = sum(1 for pod in pods if pod["metadata"].get("deletionTimestamp"))
        status["startTime"] = before.get("startTime", self._system.stamp)
        return {**status, **({"conditions": before["conditions"]} if "conditions" in before else {})}

    def _end(self, spec: Json, status: Json, active: list[Json]) -> tuple[str, str, str, str] | None:
        failures = status.get("failed", 0) + sum(restarts(pod) for pod in active)
        if failures > spec["backoffLimit"]:
            return ("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        if status.get("succeeded", 0) >= spec["completions"]:
            return ("Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods")
        return None

    def _start(self, job: Json, status: Json, active: list[Json], key: Key) -> None:
        spec = job["spec"]
        if spec.get("suspend"):
            for pod in active:
                self._system.delete(pod)
            return
        left = spec["completions"] - status.get("succeeded", 0)
        name = {"generateName": job["metadata"]["name"] + "-"}
        try:
            for _ in range(min(spec["parallelism"], left) - len(active)):
                self._system.create(pod_from(job, name))
        except ClusterError:
            self._system.retry(self, key)
