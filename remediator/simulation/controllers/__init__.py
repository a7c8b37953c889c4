"""Controllers that act as the real ones do: one file each, all of them control loops over the store."""

from __future__ import annotations

from collections.abc import Sequence

from remediator.simulation.controllers.budgets import Budgets
from remediator.simulation.controllers.deployment import Deployments
from remediator.simulation.controllers.garbage import Garbage, Namespaces
from remediator.simulation.controllers.kubelet import Kubelets
from remediator.simulation.controllers.nodes import Nodes
from remediator.simulation.controllers.replica_set import ReplicaSets
from remediator.simulation.controllers.scheduler import Scheduler
from remediator.simulation.system import Controller, System


def standard(system: System) -> Sequence[Controller]:
    """Every controller there is."""
    kinds = (Deployments, ReplicaSets, Scheduler, Kubelets, Nodes, Budgets, Garbage, Namespaces)
    return tuple(kind(system) for kind in kinds)
