"""The actions, one file each. A new one is a file, a line below, a test file and a row in docs/actions.md."""

from remediator.actions import (
    cordon,
    delete_job,
    delete_pods,
    drain,
    escalate,
    evict,
    none,
    patch,
    rerun_job,
    restart,
    rollback,
    rollout_pause,
    rollout_resume,
    scale,
    scale_hpa,
    suspend_cronjob,
    taint,
    uncordon,
    untaint,
    webhook,
)
from remediator.actions.action import Action, Disruption

ACTIONS: dict[str, Action] = {
    module.ACTION.name: module.ACTION
    for module in (
        restart,
        rollback,
        rollout_pause,
        rollout_resume,
        scale,
        scale_hpa,
        evict,
        delete_pods,
        delete_job,
        rerun_job,
        suspend_cronjob,
        patch,
        cordon,
        uncordon,
        drain,
        taint,
        untaint,
        none,
        webhook,
        escalate,
    )
}
"""Every action by its name in rule files."""

__all__ = ["ACTIONS", "Action", "Disruption"]
