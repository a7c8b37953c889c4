"""What happens in a run, drawn: life in the cluster all along, and some kinds of trouble that the run is about."""

from __future__ import annotations

import random
from collections.abc import Callable

from remediator.core.model import Json, Mode
from remediator.core.rules import Rule
from tests.simulate.scenario import Happening, Workload

GOOD = ("app:1", "app:2", "app:3")
BAD = ("broken:1", "broken:2", "crash:1", "crash:2", "notready:1", "leak:1", "oom:1")
MESSAGES = ("append:leaves", "append:done", "write:leaves", "write:done", "read:done", "rehearse:done", "deliver:done",
            "receive:done")  # fmt: skip
"""Where a process may be caught: as a message leaves it, and as what it asks for is done."""
CERTAIN = 3
GARBAGE = (
    "",
    "{",
    '{"version": "3", "alerts": []}',
    '{"version": "4", "alerts": [{"status": "firing"}, 7]}',
    '{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "KubePodCrashLooping"}}]}',
    '{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "KubePodCrashLooping", '
    '"namespace": "shop", "pod": "nobody"}}]}',
)


def happenings(
    draw: random.Random,
    workloads: tuple[Workload, ...],
    rules: tuple[Rule, ...],
    hours: float,
    turn: int,
    about: str = "",
) -> tuple[Happening, ...]:
    """All of a run, in order of time. By its `turn` some kinds of trouble are in it for certain, so that a dozen runs
    one after the other have all of them; or those that it is `about`, by a word that tells them.
    """
    stage = _Stage(draw, [workload.key for workload in workloads], [rule.name for rule in rules], hours)
    found = [stage.earlier(key) for key in stage.keys if draw.random() < 0.8]
    found += [stage.life() for _ in range(int(draw.randint(15, 60) * hours))]
    found += [
        _answers(stage) for _ in range(int(20 * hours) if any(rule.mode is Mode.APPROVE for rule in rules) else 0)
    ]
    certain = [TROUBLE[(CERTAIN * turn + place) % len(TROUBLE)] for place in range(CERTAIN)]
    if about:
        certain = [make for make in TROUBLE if about in str(make(stage))]
    for make in (*certain, *draw.sample(TROUBLE, draw.randint(0, 3))):
        found += [make(stage) for _ in range(int(draw.randint(2, 12) * hours))]
    return tuple(sorted(found, key=lambda each: each.at))


class _Stage:
    """What things happen to, and when."""

    def __init__(self, draw: random.Random, keys: list[str], rules: list[str], hours: float) -> None:
        self.draw, self.keys, self.rules, self.hours = draw, keys, rules, hours

    def at(self) -> float:
        """Some instant of the run, in seconds."""
        return round(self.draw.uniform(60, self.hours * 3600), 3)

    def one(self, *of: object) -> object:
        """One of them."""
        return self.draw.choice(of)

    def earlier(self, key: str) -> Happening:
        """A second revision that is well, so that there is something to go back to."""
        return Happening(round(self.draw.uniform(20, 60), 3), "roll", key, {"image": self.draw.choice(GOOD)})

    def life(self) -> Happening:
        """Somebody works on a workload, or a node fails."""
        draw, key = self.draw, self.draw.choice(self.keys)
        what = draw.choices(list(LIFE), [weight for weight, _ in LIFE.values()])[0]
        where = f"Node//node-{draw.randint(1, 3)}" if what in ("node", "cordon") else key
        return Happening(self.at(), what, where, LIFE[what][1](draw))

    def trouble(self, what: str, where: str = "", /, **args: object) -> Happening:
        """One piece of trouble at some instant."""
        return Happening(self.at(), what, where, args)

    def moment(self) -> Json:
        """Where a process is caught."""
        draw = self.draw
        if draw.random() < 0.3:
            return {"steps": draw.randint(1, 80)}
        usual = draw.choice(("append:done", "write:leaves", "write:done"))
        return {"message": draw.choice([usual, draw.choice(MESSAGES)]), "nth": draw.choice([1, 1, 1, 2])}


def _image(draw: random.Random) -> str:
    return draw.choice(BAD if draw.random() < 0.7 else GOOD)


LIFE: dict[str, tuple[int, Callable[[random.Random], Json]]] = {
    "roll": (16, lambda draw: {"image": _image(draw)}),
    "sicken": (16, lambda draw: {"fate": draw.choice(["crash", "oom", "notready"])}),
    "scale": (2, lambda draw: {"replicas": draw.randint(0, 5)}),
    "note": (2, lambda draw: {}),
    "recreate": (2, lambda draw: {"after": draw.choice([0.0, 5.0, 120.0]), "image": _image(draw)}),
    "pause": (1, lambda draw: {"paused": draw.random() < 0.4}),
    "exclude": (1, lambda draw: {"value": draw.choice(["true", None, None, "maybe"])}),
    "node": (6, lambda draw: {"seconds": draw.choice([30.0, 400.0, 1200.0])}),
    "cordon": (2, lambda draw: {"cordoned": draw.random() < 0.6}),
    "load": (3, lambda draw: {"load": draw.choice([20, 90, 250, 900])}),
}
"""What people and machines do to a cluster: how often, and how."""


WRITTEN = ["Deployment", "StatefulSet", "DaemonSet", "Node", "Pod", "HorizontalPodAutoscaler"]
"""What the product acts on; its Lease fails for itself."""


def _write_fails(stage: _Stage) -> Happening:
    kinds = ("conflict", "throttled", "error", "unreachable", "lost_answer", "lost_request", "late", "slow")
    seconds = stage.one(0.1, 1.0, 3.0, 20.0, 120.0)
    kind = stage.one(*kinds)
    return stage.trouble("fault", kind=kind, verbs=stage.one(["patch"], ["patch"], ["evict"]), dry_run=False,
                         kinds=WRITTEN, seconds=seconds)  # fmt: skip


def _request_fails(stage: _Stage) -> Happening:
    kinds = ("conflict", "throttled", "error", "unreachable", "lost_request", "slow")
    seconds = stage.one(0.1, 1.0, 5.0, 20.0)
    return stage.trouble(
        "fault", kind=stage.one(*kinds), verbs=stage.one(["get"], ["list"], ["patch"], []), seconds=seconds
    )


def _lease_fails(stage: _Stage) -> Happening:
    kind = stage.one("conflict", "throttled", "error", "unreachable", "lost_answer", "lost_request", "late", "slow")
    lasts = stage.one(0.0, 5.0, 12.0, 40.0)
    return stage.trouble("fault", kind=kind, kinds=["Lease"], seconds=stage.one(1.0, 8.0), lasts=lasts)


def _silence(stage: _Stage) -> Happening:
    key = stage.draw.choice(stage.keys)
    kind, namespace, name = key.split("/")
    labels = stage.one({"namespace": namespace}, {"namespace": namespace, kind.lower(): name}, {"severity": "warning"})
    return stage.trouble("silence", labels=labels, seconds=stage.one(60.0, 600.0, 1800.0))


def _api_down(stage: _Stage) -> Happening:
    kind = stage.one("unreachable", "error", "throttled", "lost_answer", "lost_request")
    return stage.trouble("fault", kind=kind, verbs=stage.one(["patch"], ["get"], []), lasts=stage.one(5.0, 60.0, 300.0))


def _meddling(stage: _Stage) -> Happening:
    draw = stage.draw
    what = draw.choice(["roll", "roll", "note", "recreate", "scale", "exclude"])
    on = draw.choice(["intent", "effect", "effect"])
    after = draw.choice([0.0, 0.01, 1.0]) if on == "intent" else draw.choice([0.0, 5.0, 20.0, 100.0])
    return stage.trouble("meddle", on=on, after=after, what=what, args=LIFE[what][1](draw))


def _reload(stage: _Stage) -> Happening:
    mode = stage.one("enforce", "enforce", "approve", "observe", "off")
    if stage.draw.random() < 0.3:
        return stage.trouble("ceiling", mode=mode)
    rule = stage.draw.choice(stage.rules)
    return (
        stage.trouble("rules", rule, removed=True)
        if stage.draw.random() < 0.3
        else stage.trouble("rules", rule, mode=mode)
    )


def _answers(stage: _Stage) -> Happening:
    words = stage.one(["approve"], ["approve"], ["deny"], ["approve", "deny"], ["deny", "approve"], ["approve"] * 2)
    return stage.trouble("answer", words=words)


def _halt(stage: _Stage) -> Happening:
    rule, key = stage.draw.choice(stage.rules), stage.draw.choice(stage.keys)
    scope = stage.one({}, {"rule": rule}, {"namespace": "shop"}, {"target": key}, {"rule": rule, "namespace": "cart"})
    return stage.trouble("halt", scope=scope, seconds=stage.one(20.0, 300.0, 1200.0), lifts=stage.one(True, False))


def _bad(part: str, troubles: tuple[object, ...], lasts: tuple[float, ...]) -> Callable[[_Stage], Happening]:
    def make(stage: _Stage) -> Happening:
        return stage.trouble("weather", **{"part": part, "is": stage.one(*troubles), "seconds": stage.one(*lasts)})

    return make


TROUBLE: tuple[Callable[[_Stage], Happening], ...] = (
    _write_fails,
    _write_fails,
    _request_fails,
    _api_down,
    lambda stage: stage.trouble("fault", kind="stale", revisions=stage.one(1, 3, 20), verbs=["get", "list"]),
    lambda stage: stage.trouble("crash", down=stage.one(1.0, 5.0, 90.0), **stage.moment()),
    lambda stage: stage.trouble("crash", down=stage.one(1.0, 5.0, 90.0), **stage.moment()),
    lambda stage: stage.trouble("freeze", seconds=stage.one(0.5, 8.0, 45.0, 900.0), **stage.moment()),
    lambda stage: stage.trouble("sever", seconds=stage.one(5.0, 20.0, 120.0, 600.0)),
    lambda stage: stage.trouble("stop", **stage.moment()),
    lambda stage: stage.trouble("double", **stage.moment()),
    _halt,
    lambda stage: stage.trouble("jump", seconds=stage.one(-600.0, -30.0, -1.0, 1.0, 30.0, 3600.0)),
    _meddling,
    _meddling,
    _bad("journal", ("refuses", "loses_answer", "unreadable"), (1.0, 30.0, 300.0)),
    _bad("road", ("blocked", "loses_answer", "late", "drops", "doubles"), (60.0, 600.0, 1800.0)),
    _bad("pager", ("refuses",), (10.0, 300.0)),
    _bad("prometheus", ("down", "refuses", "partial", "nan", "empty"), (20.0, 120.0, 900.0)),
    _bad("slow", (True,), (30.0, 300.0)),
    _bad("alertmanager", ("down", "one down", "refuses", "garbled"), (60.0, 300.0, 900.0)),
    _bad("watch", ("breaks", "silent"), (5.0, 60.0, 300.0)),
    _lease_fails,
    _silence,
    _silence,
    lambda stage: stage.trouble("forget", place=stage.one(0, 1), data=stage.one(True, False)),
    lambda stage: stage.trouble("part", seconds=stage.one(60.0, 600.0, 1800.0)),
    lambda stage: stage.trouble("watches", compacted=stage.one(True, False)),
    lambda stage: stage.trouble(
        "quota", stage.one("shop", "cart"), pods=stage.one(1, 4, 12), seconds=stage.one(120.0, 900.0)
    ),
    lambda stage: stage.trouble("gap", stage.draw.choice(stage.keys), seconds=stage.one(30.0, 300.0, 1200.0)),
    lambda stage: stage.trouble("garbage", body=stage.one(*GARBAGE)),
    _answers,
    _reload,
)
"""The kinds of trouble; one named twice is drawn more often."""
