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
    Veto,
)
from remediator.core.model import Json, Mode
from remediator.core.rules import Matcher, MatchOp, Policy, Protected, Query, Rule, Step, TargetSpec, Until, When
from tests.simulate.prometheus import MEASURED, QUERIES
from tests.simulate.promises.objects import CORDONED, PENDING, SHORT
from tests.simulate.scenario import Scenario, Workload
from tests.simulate.trouble import happenings

ESCALATE = Step("escalate", {"receiver": "oncall"})
LADDERS = {
    "Deployment": (
        ("restart",),
        ("restart",),
        ("rollback",),
        ("restart", "rollback"),
        ("rollback", "restart"),
        ("scale",),
        ("scale", "restart"),
    ),
    "StatefulSet": (("restart",), ("restart", "restart"), ("scale",)),
    "DaemonSet": (("restart",),),
    "Node": ((), ("cordon",), ("drain",), ("drain",), ("cordon", "drain")),
    "HorizontalPodAutoscaler": (("scale_hpa",),),
}
ALERTS = {
    "Deployment": ("KubeDeploymentRolloutStuck", "KubePodCrashLooping", "KubePodNotReady"),
    "StatefulSet": ("KubePodCrashLooping", "KubePodNotReady"),
    "DaemonSet": ("KubePodCrashLooping",),
    "Node": ("KubeNodeNotReady",),
    "HorizontalPodAutoscaler": ("KubeHpaMaxedOut",),
}
UNAVAILABLE, RESTARTING, UNREADY = QUERIES
ASKED = {
    "Deployment": (UNAVAILABLE, RESTARTING),
    "StatefulSet": (RESTARTING,),
    "DaemonSet": (RESTARTING,),
    "Node": (UNREADY,),
}
WATCHED = {"Deployment": (SHORT, PENDING), "Node": (CORDONED,)}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
CONDITIONS = ("target.replicas > 0", "target.ready < target.replicas", "!target.paused", "target.revision > 1")
ROLLED_OUT = "target.revision > 1"
"""Never so in a crowd, which begins broken: what waits for it is read every fifteen seconds, all the run long. That has
its place in small scenarios; in a long one there would be little else.
"""
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


def generate(seed: int, hours: float = 2.0, about: str = "") -> Scenario:
    """The scenario of a seed, with trouble that it is `about` where that is said."""
    draw = random.Random(f"{seed}/scenario")
    workloads = tuple(_workload(draw, number) for number in range(draw.randint(2, 8)))
    rules = tuple(_rule(draw, number) for number in range(draw.randint(2, 5)))
    policy = Policy(
        mode=draw.choices([Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE, Mode.OFF], [20, 2, 2, 1])[0],
        guards=_guards(draw),
        protected=Protected(("kube-system",), draw.choice([(), ("tier=core",)])),
    )
    drawn = happenings(draw, workloads, rules, hours, seed, about)
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
        replicas=draw.choice([1, 1, 1, 1, 1, 1, 1, 2]),
        alertmanagers=draw.choice([1, 2]),
        reconciles=draw.random() < 0.6,
        doubts=draw.random() < 0.3,
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
    rules = tuple(_common(_rule(draw, number), alert, do) for number, (alert, do) in enumerate(ladders.items()))
    policy = Policy(mode=Mode.ENFORCE, guards=_guards(draw))
    few, busy = draw.sample(workloads, 20), hours / CALMER
    drawn = happenings(draw, tuple(few), rules, busy, seed)
    stretched = tuple(replace(each, at=round(each.at * CALMER, 3)) for each in drawn)
    made = Scenario(seed, hours, policy, rules, workloads, stretched, interval=60.0, checkpoint=500, kept=4 * 3600.0)
    return replace(made, alertmanagers=draw.choice([1, 2]), reconciles=draw.random() < 0.5, asks_every=600.0)


def _common(drawn: Rule, alert: str, do: tuple[Step, ...]) -> Rule:
    """What is drawn as the rule of a crowd."""
    conditions = tuple(each for each in drawn.conditions if each != ROLLED_OUT)
    about, target = When((_named(alert),)), TargetSpec("Deployment")
    return replace(drawn, when=about, target=target, do=do, mode=None, conditions=conditions)


def _workload(draw: random.Random, number: int) -> Workload:
    kind = draw.choices(["Deployment", "StatefulSet", "DaemonSet"], [8, 2, 1])[0]
    namespace = draw.choices(["shop", "cart", "kube-system"], [20, 10, 1])[0]
    labels = {"tier": "core"} if draw.random() < 0.05 else {}
    trait = draw.choices(["", "reverted", "scaled" if kind == "Deployment" else ""], [70, 15, 15])[0]
    name = f"{draw.choice(['web', 'api', 'db', 'mail'])}{number}"
    image = draw.choices(["app:1", "crash:1", "leak:1"], [8, 1, 1])[0]
    available = draw.choice(["", "", "1", "50%", "100%"]) if kind == "Deployment" else ""
    return Workload(kind, namespace, name, image, draw.randint(1, 4), labels, trait, available)


def _rule(draw: random.Random, number: int) -> Rule:
    kind = draw.choices([*LADDERS], [10, 3, 2, 6, 2])[0]
    when = _when(draw, kind)
    ladder = ("uncordon",) if when.object == CORDONED else draw.choice(LADDERS[kind])
    steps = tuple(_step(draw, action) for action in ladder)
    last = (ESCALATE,) if not steps or draw.random() < 0.8 else ()
    return Rule(
        name=f"rule-{number}",
        group="simulated",
        when=when,
        target=TargetSpec(kind),
        do=(*steps, *last),
        conditions=tuple(draw.sample(CONDITIONS, draw.choice([0, 0, 1, 2]))) if kind in WORKLOADS else (),
        queries=(Query(UNAVAILABLE, ("namespace",)),) if kind in WORKLOADS and draw.random() < 0.1 else (),
        until=_until(draw),
        guards=GuardSettings(
            cooldown=_cooldown(draw),
            budget=_budget(draw),
            require=(MEASURED,) if draw.random() < 0.1 else (),
            veto=Veto(queries=(UNREADY,)) if draw.random() < 0.1 else None,
        ),
        mode=draw.choices([None, Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE, Mode.OFF], [8, 16, 5, 4, 1])[0],
        interval=draw.choice([None, 15.0, 60.0]) if when.query else None,
    )


def _when(draw: random.Random, kind: str) -> When:
    """An alert mostly, now and then a query or objects."""
    lasts, keeps = draw.choice([0.0, 0.0, 30.0, 120.0]), draw.choice([0.0, 0.0, 60.0])
    chance = draw.random()
    if chance < 0.25 and kind in ASKED:
        return When((), lasts, keeps, draw.choice(ASKED[kind]))
    if chance < 0.45 and kind in WATCHED:
        return When((), lasts, keeps, object=draw.choice(WATCHED[kind]))
    return When((_named(draw.choice(ALERTS[kind])),), lasts, keeps)


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
    args = draw.choice(ARGS.get(action, ({},)))
    return Step(action, args, _until(draw) if draw.random() < 0.3 else None)


ARGS: dict[str, tuple[Json, ...]] = {
    "drain": ({"timeout": "30s"}, {"timeout": "2m"}, {"timeout": "10m"}),
    "scale": ({"by": "+1", "max": 6}, {"by": "+50%", "max": 6}, {"to": 3}, {"by": -1, "min": 1}),
    "scale_hpa": ({"max_replicas": {"by": "+1", "cap": 8}}, {"max_replicas": {"by": "+50%", "cap": 8}}),
    "uncordon": ({}, {"foreign": True}),
}
"""What a step may be given."""


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
