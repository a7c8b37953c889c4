"""From a seed to a scenario: everything in it is drawn from one random source, in one order."""

from __future__ import annotations

import random

from msgspec.structs import replace

from remediator.core.guarding import (
    ApprovalSettings,
    AttemptsSettings,
    BreakerSettings,
    Budget,
    FlappingSettings,
    GuardSettings,
    StormSettings,
)
from remediator.core.model import Mode
from remediator.core.rules import Matcher, MatchOp, Policy, Protected, Rule, Step, TargetSpec, Until, When
from tests.simulate.prometheus import QUERIES
from tests.simulate.scenario import Scenario, Workload
from tests.simulate.trouble import happenings

ESCALATE = Step("escalate", {"receiver": "oncall"})
LADDERS = {
    "Deployment": (("restart",), ("rollback",), ("rollback",), ("restart", "rollback"), ("rollback", "restart")),
    "StatefulSet": (("restart",), ("restart", "restart")),
    "DaemonSet": (("restart",),),
    "Node": ((), ("cordon",), ("drain",), ("cordon", "drain")),
}
ALERTS = {
    "Deployment": ("KubeDeploymentRolloutStuck", "KubePodCrashLooping", "KubePodNotReady"),
    "StatefulSet": ("KubePodCrashLooping", "KubePodNotReady"),
    "DaemonSet": ("KubePodCrashLooping",),
    "Node": ("KubeNodeNotReady",),
}
UNAVAILABLE, RESTARTING, UNREADY = QUERIES
ASKED = {
    "Deployment": (UNAVAILABLE, RESTARTING),
    "StatefulSet": (RESTARTING,),
    "DaemonSet": (RESTARTING,),
    "Node": (UNREADY,),
}
CONDITIONS = ("target.replicas > 0", "target.ready < target.replicas", "!target.paused", "target.revision > 1")
EASY = GuardSettings(
    startup_grace=0.0,
    last_replica="allow",
    storm=StormSettings(100, 100),
    breaker=BreakerSettings(100),
    flapping=FlappingSettings(100),
    attempts=AttemptsSettings(100),
    max_in_flight=10,
    global_max_in_flight=100,
)
"""Guards that get out of the way, so that something is done; each is left at its default now and then."""


CALMER = 12.0
"""By how much less happens in an hour of a crowd, which is long, than in one of a small scenario."""


def generate(seed: int, hours: float = 2.0) -> Scenario:
    """The scenario of a seed."""
    draw = random.Random(f"{seed}/scenario")
    workloads = tuple(_workload(draw, number) for number in range(draw.randint(2, 8)))
    rules = tuple(_rule(draw, number) for number in range(draw.randint(2, 5)))
    policy = Policy(
        mode=draw.choices([Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE, Mode.OFF], [20, 2, 2, 1])[0],
        guards=_guards(draw),
        protected=Protected(("kube-system",), draw.choice([(), ("tier=core",)])),
    )
    drawn = happenings(draw, workloads, rules, hours)
    return Scenario(
        seed,
        hours,
        policy,
        rules,
        workloads,
        drawn,
        pace=draw.choice([0.2, 0.5, 1.0]),
        reverts_after=draw.choice([1.0, 20.0, 90.0]),
        checkpoint=draw.choice([15, 60, 5000]),
        kept=draw.choice([None, None, 900.0]),
    )


def crowd(seed: int, hours: float = 24.0) -> Scenario:
    """Many workloads that nothing cures, for a long time: what is open stays open, through all that happens."""
    draw = random.Random(f"{seed}/crowd")
    spaces = [draw.choice(["shop", "cart"]) for _ in range(draw.randint(60, 160))]
    images = draw.choices(["app:1", "broken:1", "notready:1"], [1, 6, 3], k=len(spaces))
    workloads = tuple(
        Workload("Deployment", space, f"web{number}", image, 1)
        for number, (space, image) in enumerate(zip(spaces, images, strict=True))
    )
    ladders = {"KubeDeploymentRolloutStuck": (Step("rollback"), ESCALATE), "KubePodNotReady": (ESCALATE,)}
    rules = tuple(
        replace(_rule(draw, number), when=When((_named(alert),)), target=TargetSpec("Deployment"), do=do, mode=None)
        for number, (alert, do) in enumerate(ladders.items())
    )
    policy = Policy(mode=Mode.ENFORCE, guards=_guards(draw))
    few, busy = draw.sample(workloads, 20), hours / CALMER
    drawn = happenings(draw, tuple(few), rules, busy)
    stretched = tuple(replace(each, at=round(each.at * CALMER, 3)) for each in drawn)
    return Scenario(seed, hours, policy, rules, workloads, stretched, interval=60.0, checkpoint=500, kept=4 * 3600.0)


def _workload(draw: random.Random, number: int) -> Workload:
    kind = draw.choices(["Deployment", "StatefulSet", "DaemonSet"], [8, 2, 1])[0]
    namespace = draw.choices(["shop", "cart", "kube-system"], [10, 5, 1])[0]
    labels = {"tier": "core"} if draw.random() < 0.1 else {}
    trait = "reverted" if draw.random() < 0.15 else ""
    name = f"{draw.choice(['web', 'api', 'db', 'mail'])}{number}"
    image = draw.choices(["app:1", "crash:1", "leak:1"], [8, 1, 1])[0]
    available = draw.choice(["", "", "1", "50%", "100%"]) if kind == "Deployment" else ""
    return Workload(kind, namespace, name, image, draw.randint(1, 4), labels, trait, available)


def _rule(draw: random.Random, number: int) -> Rule:
    kind = draw.choices(["Deployment", "StatefulSet", "DaemonSet", "Node"], [12, 2, 1, 3])[0]
    steps = tuple(_step(draw, action) for action in draw.choice(LADDERS[kind]))
    last = (ESCALATE,) if not steps or draw.random() < 0.8 else ()
    lasts, keeps = draw.choice([0.0, 0.0, 30.0, 120.0]), draw.choice([0.0, 0.0, 60.0])
    query = draw.choice(ASKED[kind]) if draw.random() < 0.25 else ""
    when = When((), lasts, keeps, query) if query else When((_named(draw.choice(ALERTS[kind])),), lasts, keeps)
    return Rule(
        name=f"rule-{number}",
        group="simulated",
        when=when,
        target=TargetSpec(kind),
        do=(*steps, *last),
        conditions=tuple(draw.sample(CONDITIONS, draw.choice([0, 0, 1, 2]))) if kind != "Node" else (),
        until=_until(draw),
        guards=GuardSettings(cooldown=_cooldown(draw), budget=_budget(draw)),
        mode=draw.choices([None, Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE, Mode.OFF], [8, 16, 2, 4, 1])[0],
        interval=draw.choice([None, 15.0, 60.0]) if query else None,
    )


def _named(alert: str) -> Matcher:
    return Matcher("alertname", MatchOp.EQUAL, alert)


def _guards(draw: random.Random) -> GuardSettings:
    """What the settings say: most guards out of the way, some as they are by default, some budgets."""
    said = {name: getattr(EASY, name) for name in EASY.__struct_fields__ if draw.random() < 0.85}
    said["cooldown"], said["budget"] = draw.choice([None, 0.0, 60.0]), draw.choice([None, Budget(20, 3600.0)])
    said["global_budget"] = _budget(draw) if draw.random() < 0.08 else None
    said["namespace_budget"] = _budget(draw) if draw.random() < 0.08 else None
    said["approval"] = ApprovalSettings(draw.choice([60.0, 900.0]), draw.choice([1, 1, 2]))
    return GuardSettings(**said)


def _step(draw: random.Random, action: str) -> Step:
    args = {"timeout": draw.choice(["30s", "2m", "10m"])} if action == "drain" else {}
    return Step(action, args, _until(draw) if draw.random() < 0.3 else None)


def _until(draw: random.Random) -> Until:
    return Until(
        for_=draw.choice([0.0, 10.0, 60.0]),
        within=draw.choice([30.0, 120.0, 300.0]),
        on_failure=draw.choice(["keep", "undo"]),
    )


def _cooldown(draw: random.Random) -> float | None:
    return draw.choice([None, 0.0, 0.0, 60.0, 600.0])


def _budget(draw: random.Random) -> Budget:
    return Budget(draw.randint(1, 6), draw.choice([300.0, 1800.0, 3600.0]))
