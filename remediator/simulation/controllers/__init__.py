"""Controllers that act as the real ones do: one file each, all of them control loops over the store."""

from __future__ import annotations

from collections.abc import Sequence

from remediator.simulation.controllers.autoscaler import Autoscalers
from remediator.simulation.controllers.budgets import Budgets
from remediator.simulation.controllers.daemon_set import DaemonSets
from remediator.simulation.controllers.deployment import Deployments
from remediator.simulation.controllers.garbage import Garbage, Namespaces
from remediator.simulation.controllers.job import Jobs
from remediator.simulation.controllers.kubelet import Kubelets
from remediator.simulation.controllers.nodes import Nodes
from remediator.simulation.controllers.quotas import Quotas
from remediator.simulation.controllers.replica_set import ReplicaSets
from remediator.simulation.controllers.scheduler import Scheduler
from remediator.simulation.controllers.stateful_set import StatefulSets
from remediator.simulation.system import Controller, System


def standard(system: System) -> Sequence[Controller]:
    """Every controller there is."""
    workloads = (Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs)
    others = (Scheduler, Kubelets, Nodes, Budgets, Quotas, Autoscalers, Garbage, Namespaces)
    return tuple(kind(system) for kind in workloads + others)
