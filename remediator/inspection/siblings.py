"""Limits that no target of a rule can keep as the cluster stands: more siblings healthy than there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from remediator.config.confined import namespaces_of
from remediator.config.problems import Problem
from remediator.config.settings import Settings
from remediator.core.kinds import WORKLOADS, resource
from remediator.core.rules import Itself, Rule
from remediator.guards.guard import limits_of
from remediator.inspection.finding import Placed
from remediator.ports import Cluster, ClusterError

COUNTED = (*WORKLOADS, "Node")
"""Kinds whose siblings are those of their kind: of workloads in one namespace, of nodes in the cluster."""


async def never_enough(rules: Iterable[Placed], settings: Settings, cluster: Cluster) -> list[Problem]:
    """Of each rule whose `min_healthy` asks for as many healthy siblings as there are, or more: the target itself
    counts as not healthy. What cannot be listed is passed over: which right is lacking is told elsewhere.
    """
    policy, found = settings.policy(Itself()), list[Problem]()
    for each in rules:
        portion = limits_of(policy, each.rule).min_healthy
        if portion is None or portion.count is None or each.rule.target.kind not in COUNTED:
            continue
        most = await _most(each.rule, cluster)
        if most is not None and 0 < most <= portion.count:
            what = f"its min_healthy of {portion.count} never allows: a {each.rule.target.kind} has at most {most - 1} "
            found.append(each.told(f"{what}siblings beside it", "ask for fewer, or for a share as 60%"))
    return found


async def _most(rule: Rule, cluster: Cluster) -> int | None:
    """How many siblings there are where there are most; None where that cannot be read."""
    kind, number = resource(rule.target.kind), Counter[str]()
    try:
        for namespace in namespaces_of(rule) or ("",):
            for each in await cluster.list(kind, namespace if kind.namespaced else ""):
                number[each["metadata"].get("namespace", "")] += 1
    except ClusterError:
        return None
    return max(number.values(), default=0)
