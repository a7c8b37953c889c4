"""`gitops`: what Argo CD, Flux or Helm keeps as it stands elsewhere is to be changed there."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Verdict, allow, deny
from remediator.core.reconcilers import HELM
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

KEPT = frozenset({"template", "replicas", "bounds", "fields"})
"""Groups of fields that stand in manifests. What no manifest holds (a restart's annotation) is nobody's to revert."""


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Where the action sets what a manifest holds and the target belongs to such a tool: `refuse` denies, `notify`
    allows and says whose it is, `allow` allows.

    Where nothing is written, Argo CD and Flux mean refuse, for they would put it back; Helm alone means notify: it
    reconciles nothing until somebody deploys.
    """
    changed = sorted(request.action.sets & KEPT)
    seen = {"reconcilers": facts.reconcilers, "sets": changed, "policy": request.limits.gitops}
    if not changed or not facts.reconcilers:
        return allow("gitops", "no tool keeps what would be changed", **seen)
    only_helm = facts.reconcilers == (HELM,)
    policy = request.limits.gitops or ("notify" if only_helm else "refuse")
    keep = "keeps" if len(facts.reconcilers) == 1 else "keep"
    whose = f"{' and '.join(facts.reconcilers)} {keep} its {' and '.join(changed)}"
    if policy == "refuse":
        return deny("gitops", f"{whose}: change it there, or write gitops: notify or allow", **seen)
    if policy == "notify":
        return allow("gitops", f"{whose} and may put it back: change it there too", **seen)
    return allow("gitops", f"{whose}, and the rules allow it", **seen)


GUARD = Guard("gitops", ask)
