"""``kube_job_*``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.exposition import Sample
from tests.lab.series.parts import Object, counts, identity, one_of, owners, seconds


def series(job: Object) -> Iterator[Sample]:
    """All series of one Job."""
    labels, spec, status = identity(job, "job_name"), job["spec"], job.get("status", {})
    yield Sample("kube_job_info", labels, 1)
    yield Sample("kube_job_created", labels, seconds(job["metadata"]["creationTimestamp"]))
    yield from owners("kube_job_owner", job, labels)
    values = {
        "spec_completions": spec.get("completions"),
        "spec_parallelism": spec.get("parallelism"),
        "spec_active_deadline_seconds": spec.get("activeDeadlineSeconds"),
        "status_active": status.get("active", 0),
        "status_failed": status.get("failed", 0),
        "status_succeeded": status.get("succeeded", 0),
    }
    yield from counts("kube_job", labels, values)
    for key, field in (("start_time", "startTime"), ("completion_time", "completionTime")):
        if field in status:
            yield Sample(f"kube_job_status_{key}", labels, seconds(status[field]))
    for row in status.get("conditions", []):
        name = {"Complete": "kube_job_complete", "Failed": "kube_job_failed"}.get(row["type"])
        if name:
            yield from one_of(name, labels, "condition", ("true", "false", "unknown"), row["status"].lower())
