"""The actions, one file each. A new one is a file, a line below, a test file and a row in docs/actions.md."""

from remediator.actions import (
    cordon,
    drain,
    escalate,
    patch,
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
        suspend_cronjob,
        patch,
        cordon,
        uncordon,
        drain,
        taint,
        untaint,
        escalate,
    )
}
"""Every action by its name in rule files."""

__all__ = ["ACTIONS", "Action", "Disruption"]
