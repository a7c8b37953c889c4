"""One run: a scenario played to its end in virtual time, then a while without faults, and the judgement."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import structlog
from msgspec.structs import replace

from remediator.ports import Journal
from remediator.simulation.alert_rules import RULES, AlertRule
from remediator.simulation.alertmanager import Timing
from remediator.simulation.alerts import AlertSource
from remediator.simulation.loop import VirtualLoop
from remediator.simulation.store import Commit
from remediator.simulation.world import World
from tests.simulate.books import Books, kept
from tests.simulate.happenings import HAPPENINGS, beside, made
from tests.simulate.life import Scene
from tests.simulate.oracle import Oracle, Violation
from tests.simulate.outposts import ACCOUNT
from tests.simulate.postman import Postman
from tests.simulate.process import HOME, Surroundings
from tests.simulate.scenario import Happening, Scenario, Workload
from tests.simulate.scrapes import Scrapes
from tests.simulate.supervisor import Supervisor
from tests.simulate.weather import Weather

NEVER = ("errand failed", "answer not understood", "payload not understood; it stays in the inbox")
"""Lines of the log that tell of a defect."""

CALM = 1.0
"""Hours without faults at the end, after which nothing may be late."""


@dataclass(frozen=True)
class Report:
    """What a run came to. `head` is the hash of the journal's last record."""

    scenario: Scenario
    violations: tuple[Violation, ...]
    checked: Counter[str]
    faults: Counter[str]
    counts: Counter[str]
    hours: float
    incident_hours: float
    steps: int
    head: str
    trace: tuple[str, ...] = ()


class Run:
    """Everything of one run."""

    def __init__(self, scenario: Scenario, journal: Journal, *, trace: bool = False) -> None:
        self.scenario = scenario
        self.world = World(seed=scenario.seed, namespaces=("default", "kube-system", "shop", "cart", HOME))
        self.loop = VirtualLoop(self.world)
        self.weather = Weather(scenario.seed)
        self.oracle = Oracle(self.world, self.weather, ACCOUNT, trace=trace)
        self.scene = Scene(self.loop, self.world, self.weather, self.oracle)
        self.books = Books(journal, self.loop)
        self.scrapes = Scrapes(self.world, self.weather)
        self.workloads = {workload.key: workload for workload in scenario.workloads}
        self.gaps: set[str] = set()
        self.alerts = self._alerts()
        self.scrapes.on_change = self.alerts.look_again
        self.supervisor = Supervisor(Surroundings(self.scene, self.books, scenario, self.alerts, self.scrapes))
        self.postman = Postman(self.scene, self.supervisor)
        self.happened: Counter[str] = Counter()
        self.meddlers: list[Happening] = []
        self.oracle.on_intent = lambda target: self._meddle("intent", target)
        self.oracle.watch_alerts(self.alerts.alertmanagers, self.scrapes, scenario)

    async def play(self) -> None:
        """The whole scenario; ends early at the first violation."""
        for workload in self.scenario.workloads:
            self.world.create(made(workload), *beside(workload))
        self.world.store.listen(self._revert)
        self.supervisor.start_all()
        for happening in self.scenario.happenings:
            self.loop.call_later(happening.at, self._happen, happening)
        await self._live(self.scenario.hours)
        self._put_right()
        await self._live(CALM)
        if not self.oracle.violations:
            self.oracle.ends()

    def _alerts(self) -> AlertSource:
        """Prometheus' alerting and its Alertmanagers."""
        waits = (each * self.scenario.pace for each in (60.0, 10.0, 60.0, 3600.0))
        timing, rules = Timing(self.scenario.interval, *waits), [self._gapped(rule) for rule in RULES]
        many = self.scenario.alertmanagers
        return AlertSource(self.world, lambda it: self.postman.send(it), timing, rules=rules, alertmanagers=many)

    def _happen(self, happening: Happening) -> None:
        self.happened[happening.what] += 1
        self.oracle.trace.say(self.world.clock.now(), "*", str(happening)[13:])
        HAPPENINGS[happening.what](self, happening)

    async def _live(self, hours: float) -> None:
        """Let time pass, and look now and then."""
        end = self.loop.time() + hours * 3600
        while self.loop.time() < end and not self.oracle.violations:
            await asyncio.sleep(min(20.0, end - self.loop.time()))
            self._look()

    def _look(self) -> None:
        for what in (*self.supervisor.failures(), *(f"{where}: {error!r}" for where, error in self.loop.failed)):
            self.oracle.violated("no task dies", what)
        process = self.supervisor.active
        if process is None or process.life.name not in self.oracle.to_compare:
            return
        records = self.oracle.history.records
        if process.controller.seq == len(records):
            self.oracle.to_compare.clear()
            same = process.controller.state == self.oracle.history.state
            self.oracle.compared(process.life.name, same, f"they differ after record {len(records)}")

    def _put_right(self) -> None:
        """The end of all faults; what is broken in the cluster stays so."""
        self.weather.clear()
        self.world.faults.lift()
        self.gaps.clear()
        self.alerts.look_again()
        self.alerts.join()
        self.meddlers.clear()
        for process in self.supervisor.processes:
            process.life.is_severed = False
        for process in list(self.supervisor.frozen):
            self.supervisor.thaw(process)

    def _gapped(self, rule: AlertRule) -> AlertRule:
        """The alert rule, without what a data gap hides."""
        return replace(rule, find=lambda obj: (each for each in rule.find(obj) if not self._is_hidden(each)))

    def _is_hidden(self, labels: dict[str, str]) -> bool:
        if not self.scrapes.fresh:
            return True
        name = labels.get("deployment") or labels.get("pod") or labels.get("node") or ""
        return any(name.startswith(gap.rsplit("/", 1)[-1]) for gap in self.gaps)

    def _revert(self, commit: Commit) -> None:
        """Somebody who keeps a workload as it was declared undoes, after a while, what we have changed."""
        if commit.kind == "Node" and commit.old is not None and _mark(commit.old) != _mark(commit.obj):
            self._meddle("effect", f"Node//{commit.key[1]}")
        workload = self.workloads.get(f"{commit.kind}/{commit.key[0]}/{commit.key[1]}")
        if workload is None or commit.old is None or commit.type != "MODIFIED":
            return
        before, after = _mark(commit.old), _mark(commit.obj)
        if before == after:
            return
        self._meddle("effect", workload.key)
        if workload.trait != "reverted":
            return
        template = commit.old["spec"]["template"]
        self.world.after(self.scenario.reverts_after, lambda: self._put_back(workload, template))

    def _meddle(self, on: str, target: str) -> None:
        """Those who waited for this do now what they are here for."""
        for each in [each for each in self.meddlers if each.args["on"] == on][:1]:
            self.meddlers.remove(each)
            self.weather.meet(f"somebody meddles after our {on}")
            what, args = each.args["what"], each.args["args"]
            if target.startswith("Node/"):
                what, args = "cordon", {"cordoned": each.at % 2 < 1}
            then = Happening(each.at, what, target, args)
            self.loop.call_later(each.args["after"], self._happen, then)

    def _put_back(self, workload: Workload, template: Any) -> None:
        live = self.world.store.get(workload.kind, workload.namespace, workload.name)
        if live is not None:
            self.weather.meet("third party reverts")
            self.world.server.update({**live, "spec": {**live["spec"], "template": template}})

    def hear(self, log: Any, level: str, event: Any) -> Any:
        """What the product logs as an error; some of it must never be."""
        if event["event"] in NEVER:
            self.oracle.violated("no code breaks", f"{event}")
        raise structlog.DropEvent

    def report(self) -> Report:
        """What came of it."""
        faults = Counter({f"api server: {kind}": count for kind, count in self.world.faults.injected.items()})
        faults.update(self.weather.met)
        faults.update({name: self.oracle.counts[name] for name in ("crashes", "freezes") if self.oracle.counts[name]})
        records = self.oracle.history.records
        return Report(
            self.scenario,
            tuple(self.oracle.violations),
            self.oracle.checked,
            faults,
            self.oracle.counts + self.happened,
            self.loop.time() / 3600,
            self.oracle.history.incident_seconds / 3600,
            self.loop.steps + self.world.steps,
            records[-1].hash if records else "",
            tuple(self.oracle.trace.lines),
        )


def _mark(obj: Any) -> str:
    return (obj["metadata"].get("annotations") or {}).get("remediator.io/remediation", "")


def play(scenario: Scenario, *, trace: bool = False) -> Report:
    """Play a scenario in a world of its own and judge it."""
    log = structlog.get_config()
    with kept(scenario.journal) as journal:
        run = Run(scenario, journal, trace=trace)
        structlog.configure(processors=[run.hear], wrapper_class=structlog.make_filtering_bound_logger(40))
        try:
            run.loop.run_until_complete(run.play())
            return run.report()
        finally:
            run.supervisor.end()
            run.loop.run_until_complete(run.books.close())
            run.loop.finish()
            structlog.configure(**log)
