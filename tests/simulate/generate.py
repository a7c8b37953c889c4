"""From a seed to a scenario: everything in it is drawn from one random source, in one order."""

from __future__ import annotations

import random

from remediator.core.model import Json, Mode
from remediator.core.rules import (
    Budget,
    GuardSettings,
    Matcher,
    MatchOp,
    Policy,
    Protected,
    Rule,
    Step,
    TargetSpec,
    Until,
    When,
)
from tests.simulate.scenario import Happening, Scenario, Workload

IMAGES = ("app:1", "app:2", "app:3", "broken:1", "crash:1", "crash:2", "notready:1", "leak:1", "oom:1")
ESCALATE = Step("escalate", {"receiver": "oncall"})
LADDERS = {
    "Deployment": (("restart",), ("rollback",), ("restart", "rollback"), ("rollback", "restart")),
    "StatefulSet": (("restart",), ("restart", "restart")),
    "DaemonSet": (("restart",),),
    "Node": ((),),
}
ALERTS = {
    "Deployment": ("KubeDeploymentRolloutStuck", "KubePodCrashLooping", "KubePodNotReady"),
    "StatefulSet": ("KubePodCrashLooping", "KubePodNotReady"),
    "DaemonSet": ("KubePodCrashLooping",),
    "Node": ("KubeNodeNotReady",),
}
CONDITIONS = ("target.replicas > 0", "target.ready < target.replicas", "!target.paused", "target.revision > 1")
MESSAGES = ("append:leaves", "append:done", "write:leaves", "write:done", "read:done", "rehearse:done", "deliver:done",
            "receive:done")  # fmt: skip
GARBAGE = ("", "{", '{"version": "3", "alerts": []}', '{"version": "4", "alerts": [{"status": "firing"}, 7]}',
           '{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "KubePodCrashLooping"}}]}',
           '{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "KubePodCrashLooping", '
           '"namespace": "shop", "pod": "nobody"}}]}')  # fmt: skip


def generate(seed: int, hours: float = 2.0) -> Scenario:
    """The scenario of a seed."""
    draw = random.Random(f"{seed}/scenario")
    workloads = tuple(_workload(draw, number) for number in range(draw.randint(2, 8)))
    rules = tuple(_rule(draw, number) for number in range(draw.randint(2, 6)))
    policy = Policy(
        mode=draw.choices([Mode.ENFORCE, Mode.OBSERVE, Mode.OFF], [12, 2, 1])[0],
        guards=draw.choice(
            [GuardSettings(), GuardSettings(cooldown=_cooldown(draw)), GuardSettings(0.0, _budget(draw))]
        ),
        protected=Protected(("kube-system",), draw.choice([(), ("tier=core",)])),
    )
    happenings = sorted(_happenings(draw, workloads, rules, hours), key=lambda each: each.at)
    return Scenario(
        seed, hours, policy, rules, workloads, tuple(happenings), reverts_after=draw.choice([1.0, 20.0, 90.0])
    )


def _workload(draw: random.Random, number: int) -> Workload:
    kind = draw.choices(["Deployment", "StatefulSet", "DaemonSet"], [6, 2, 1])[0]
    namespace = draw.choices(["shop", "cart", "kube-system"], [6, 3, 1])[0]
    labels = {"tier": "core"} if draw.random() < 0.1 else {}
    trait = "reverted" if draw.random() < 0.15 else ""
    name = f"{draw.choice(['web', 'api', 'db', 'mail'])}{number}"
    image = draw.choices(["app:1", "crash:1", "leak:1"], [8, 1, 1])[0]
    return Workload(kind, namespace, name, image, draw.randint(1, 4), labels, trait)


def _rule(draw: random.Random, number: int) -> Rule:
    kind = draw.choices(["Deployment", "StatefulSet", "DaemonSet", "Node"], [8, 2, 1, 1])[0]
    steps = tuple(_step(draw, action) for action in draw.choice(LADDERS[kind]))
    last = (ESCALATE,) if not steps or draw.random() < 0.8 else ()
    alert = Matcher("alertname", MatchOp.EQUAL, draw.choice(ALERTS[kind]))
    conditions = tuple(draw.sample(CONDITIONS, draw.choice([0, 0, 1, 2]))) if kind != "Node" else ()
    return Rule(
        name=f"rule-{number}",
        group="simulated",
        when=When((alert,), draw.choice([0.0, 0.0, 30.0, 120.0]), draw.choice([0.0, 0.0, 60.0])),
        target=TargetSpec(kind),
        do=(*steps, *last),
        conditions=conditions,
        until=_until(draw),
        guards=draw.choice([GuardSettings(), GuardSettings(_cooldown(draw)), GuardSettings(None, _budget(draw))]),
        mode=draw.choices([None, Mode.ENFORCE, Mode.OBSERVE, Mode.OFF], [4, 8, 3, 1])[0],
    )


def _step(draw: random.Random, action: str) -> Step:
    return Step(action, {}, _until(draw) if draw.random() < 0.3 else None)


def _until(draw: random.Random) -> Until:
    return Until(
        for_=draw.choice([0.0, 10.0, 60.0]),
        within=draw.choice([30.0, 120.0, 300.0]),
        on_failure=draw.choice(["keep", "undo"]),
    )


def _cooldown(draw: random.Random) -> float:
    return draw.choice([0.0, 60.0, 600.0, 1800.0])


def _budget(draw: random.Random) -> Budget:
    return Budget(draw.randint(1, 4), draw.choice([300.0, 1800.0, 3600.0]))


def _happenings(
    draw: random.Random, workloads: tuple[Workload, ...], rules: tuple[Rule, ...], hours: float
) -> list[Happening]:
    """Life in the cluster all along, and some kinds of trouble that this run is about."""
    keys = [workload.key for workload in workloads]
    found = [_life(draw, keys, hours) for _ in range(int(draw.randint(6, 20) * hours))]
    kinds = draw.sample(sorted(TROUBLE), draw.randint(1, 5))
    for kind in kinds:
        found += [TROUBLE[kind](draw, keys, rules, hours) for _ in range(int(draw.randint(2, 10) * hours))]
    return found


def _when(draw: random.Random, hours: float) -> float:
    return round(draw.uniform(1, hours * 3600), 3)


def _life(draw: random.Random, keys: list[str], hours: float) -> Happening:
    what = draw.choices(["roll", "scale", "note", "recreate", "pause", "node"], [10, 2, 2, 1, 1, 1])[0]
    where, at = draw.choice(keys), _when(draw, hours)
    args: Json = {
        "roll": {"image": draw.choice(IMAGES)},
        "scale": {"replicas": draw.randint(0, 5)},
        "note": {},
        "recreate": {"after": draw.choice([0.0, 5.0, 120.0]), "image": draw.choice(IMAGES)},
        "pause": {"paused": draw.random() < 0.4},
        "node": {"seconds": draw.choice([30.0, 400.0, 1200.0])},
    }[what]
    return Happening(at, what, f"Node//node-{draw.randint(1, 3)}" if what == "node" else where, args)


def _api_once(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    kind = draw.choice(["conflict", "throttled", "error", "unreachable", "lost_answer", "lost_request", "late", "slow"])
    args: Json = {"kind": kind, "verbs": draw.choice([["patch"], ["patch"], ["get"], ["list"], []])}
    if kind in ("late", "slow", "throttled"):
        args["seconds"] = draw.choice([0.1, 1.0, 5.0, 20.0, 120.0])
    return Happening(_when(draw, hours), "fault", "", args)


def _api_down(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    kind = draw.choice(["unreachable", "error", "throttled", "lost_answer", "lost_request"])
    args: Json = {
        "kind": kind,
        "lasts": draw.choice([5.0, 60.0, 300.0]),
        "verbs": draw.choice([["patch"], ["get"], []]),
    }
    return Happening(_when(draw, hours), "fault", "", args)


def _stale(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    args: Json = {"kind": "stale", "revisions": draw.choice([1, 3, 20]), "verbs": ["get", "list"]}
    return Happening(_when(draw, hours), "fault", "", args)


def _crash(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    return Happening(_when(draw, hours), "crash", "", {"down": draw.choice([1.0, 5.0, 90.0]), **_moment(draw)})


def _freeze(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    return Happening(
        _when(draw, hours), "freeze", "", {"seconds": draw.choice([0.5, 8.0, 45.0, 900.0]), **_moment(draw)}
    )


def _moment(draw: random.Random) -> Json:
    return draw.choice(
        [
            {"steps": draw.randint(1, 60)},
            {"message": draw.choice(MESSAGES), "nth": draw.choice([1, 1, 2])},
            {"message": draw.choice(("append:done", "write:leaves", "write:done"))},
        ]
    )


def _clock(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    return Happening(_when(draw, hours), "jump", "", {"seconds": draw.choice([-600.0, -30.0, -1.0, 1.0, 30.0, 3600.0])})


def _disk(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    args: Json = {"part": "journal", "is": draw.choice(["refuses", "loses_answer", "unreadable"])}
    return Happening(_when(draw, hours), "weather", "", {**args, "seconds": draw.choice([1.0, 30.0, 300.0])})


def _road(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    args: Json = {"part": "road", "is": draw.choice(["blocked", "loses_answer", "late", "drops", "doubles"])}
    return Happening(_when(draw, hours), "weather", "", {**args, "seconds": draw.choice([60.0, 600.0, 1800.0])})


def _pager(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    args: Json = {"part": "pager", "is": "refuses", "seconds": draw.choice([10.0, 300.0])}
    return Happening(_when(draw, hours), "weather", "", args)


def _slow(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    return Happening(
        _when(draw, hours), "weather", "", {"part": "slow", "is": True, "seconds": draw.choice([30.0, 300.0])}
    )


def _gap(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    return Happening(_when(draw, hours), "gap", draw.choice(keys), {"seconds": draw.choice([30.0, 300.0, 1200.0])})


def _garbage(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    return Happening(_when(draw, hours), "garbage", "", {"body": draw.choice(GARBAGE)})


def _reload(draw: random.Random, keys: list[str], rules: tuple[Rule, ...], hours: float) -> Happening:
    if draw.random() < 0.3:
        return Happening(
            _when(draw, hours), "ceiling", "", {"mode": draw.choice(["enforce", "enforce", "observe", "off"])}
        )
    change = (
        {"removed": True} if draw.random() < 0.3 else {"mode": draw.choice(["enforce", "enforce", "observe", "off"])}
    )
    return Happening(_when(draw, hours), "rules", draw.choice(rules).name, change)


TROUBLE = {
    "api once": _api_once,
    "api down": _api_down,
    "stale reads": _stale,
    "crashes": _crash,
    "freezes": _freeze,
    "clock": _clock,
    "disk": _disk,
    "road": _road,
    "pager": _pager,
    "slow": _slow,
    "gaps": _gap,
    "garbage": _garbage,
    "reloads": _reload,
}
