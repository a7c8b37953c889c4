"""The guards, one file each. A new one is a file, a line below, a test file and a row in docs/guards.md."""

from remediator.guards import (
    attempts,
    autoscaler,
    breaker,
    budget,
    confirm,
    contention,
    cooldown,
    disruption_budget,
    flapping,
    gitops,
    global_budget,
    global_max_in_flight,
    last_replica,
    max_in_flight,
    min_healthy,
    mode,
    namespace_budget,
    one_hand,
    opt_out,
    pause,
    protected,
    quorum,
    require,
    rollout,
    silence,
    startup_grace,
    storm,
    veto,
    window,
    zone_budget,
)
from remediator.guards.guard import Guard, Limits, Request

GUARDS: tuple[Guard, ...] = tuple(
    module.GUARD
    for module in (
        mode,
        pause,
        protected,
        opt_out,
        window,
        silence,
        require,
        veto,
        rollout,
        startup_grace,
        gitops,
        autoscaler,
        one_hand,
        cooldown,
        budget,
        namespace_budget,
        zone_budget,
        global_budget,
        max_in_flight,
        global_max_in_flight,
        storm,
        breaker,
        attempts,
        flapping,
        min_healthy,
        last_replica,
        disruption_budget,
        quorum,
        contention,
        confirm,
    )
)
"""Every guard, in the order in which their answers are shown."""

__all__ = ["GUARDS", "Guard", "Limits", "Request"]
