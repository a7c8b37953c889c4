"""kill -9 at every write of every action of several writes, on a real control plane: nothing twice, nothing lost.

One process is in the middle of all of them when it dies: each write of each action is held once before the API server
has it, and once after, and the audit log is counted when its successor has gone on.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from remediator.executor import FENCE
from tests.lab.audit import Request
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import job
from tests.real.conftest import Install
from tests.real.held_api import Held, HeldEach
from tests.real.pools import Pool
from tests.real.service import Service, alert
from tests.real.site import Site
from tests.real.test_workload_actions import cron_job, has_failed

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: several
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 40,
             global_max_in_flight: 40, storm: {share: 100%, at_least: 100}}
    rules:
      - {name: drain, when: {alert: Drain}, target: {kind: Node}, do: [drain], until: {for: 1s, within: 20m}}
      - {name: rerun_job, when: {alert: Rerun}, target: {kind: Job}, do: [rerun_job], until: {for: 1s, within: 2s}}
      - {name: delete_pods, when: {alert: Clear}, target: {kind: Job}, do: [delete_pods], until: {for: 1s, within: 2s}}
      - name: suspend_cronjob
        when: {alert: Quiet}
        target: {kind: CronJob}
        do: [{suspend_cronjob: {for: 3s}}]
        until: {for: 1s}
"""

ALERTS = {"drain": "Drain", "rerun_job": "Rerun", "delete_pods": "Clear", "suspend_cronjob": "Quiet"}
LABELS = {"drain": "node", "rerun_job": "job_name", "delete_pods": "job_name", "suspend_cronjob": "cronjob"}
WRITES = {"drain": 3, "rerun_job": 2, "delete_pods": 2, "suspend_cronjob": 2}


@dataclass
class Case:
    """One action, killed at one write of it: what it is about, and the writes that there must be, each once."""

    action: str
    write: int
    moment: str
    name: str
    target: str = ""
    expected: set[str] = field(default_factory=set)
    marks: tuple[str, ...] = ()

    def held(self) -> Held:
        return Held(self.marks, self.write, self.moment)


@pytest.fixture
def cases(lab: Lab, namespace: str) -> Iterator[list[Case]]:
    """Every write of every action, at both moments; what they are about is there and in the trouble that it needs."""
    mark = secrets.token_hex(2)
    made = [
        Case(action, write, moment, f"{action.replace('_', '-')}-{write}-{moment}-{mark}")
        for action, writes in WRITES.items()
        for write in range(1, writes + 1)
        for moment in ("before", "after")
    ]
    pools: list[Pool] = []
    with ThreadPoolExecutor(8) as builders:
        list(builders.map(lambda case: _BUILD[case.action](lab, namespace, case, pools), made))
        yield made
        list(builders.map(Pool.remove, pools))


def _node(lab: Lab, namespace: str, case: Case, pools: list[Pool]) -> None:
    pool = Pool(lab, case.name)
    pools.append(pool)
    pods = [pod["metadata"]["name"] for pod in pool.run(namespace, f"app-{case.name}")]
    case.target, case.marks = pool.first, (f"/{pool.first}", *pods)
    case.expected = {"cordon", *(f"evict {pod}" for pod in pods)}


def _failed_job(lab: Lab, namespace: str, case: Case, pools: list[Pool]) -> None:
    """A Job whose two pods failed at the same time."""
    both = {"completions": 2, "parallelism": 2, "backoffLimit": 1}
    lab.admin.create(job(case.name, "example.test/task:fail", **both), namespace)
    lab.admin.wait_for("jobs", case.name, namespace, has_failed)
    pods = wait_for(lambda: _failed_pods(lab, namespace, case.name), lambda seen: len(seen) == 2, "two failed pods")
    case.target = case.name
    case.marks = (f"/{case.name}", f'"name":"{case.name}"') if case.action == "rerun_job" else tuple(pods)
    case.expected = {"delete", "create"} if case.action == "rerun_job" else {f"delete {pod}" for pod in pods}


def _failed_pods(lab: Lab, namespace: str, app: str) -> list[str]:
    pods = lab.admin.list("pods", namespace, labels=f"app={app}")
    return [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Failed"]


def _cron_job(lab: Lab, namespace: str, case: Case, pools: list[Pool]) -> None:
    lab.admin.create(cron_job(case.name), namespace)
    case.target, case.marks = case.name, (f"/{case.name}",)
    case.expected = {"suspend", "run again"}


_BUILD: dict[str, Callable[[Lab, str, Case, list[Pool]], None]] = {
    "drain": _node,
    "rerun_job": _failed_job,
    "delete_pods": _failed_job,
    "suspend_cronjob": _cron_job,
}


def test_killed_around_every_write_of_every_step_nothing_is_doubled_and_nothing_is_lost(
    lab: Lab,
    namespace: str,
    site: Site,
    cases: list[Case],
    install: Install,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    product = site.grant(site.printed(RULES))
    holding = [case.held() for case in cases]
    with HeldEach(lab, holding) as proxy:
        service = install(RULES, proxy.kubeconfig(product, tmp_path)).start()
        service.post(*(_alert(case, namespace) for case in cases))
        for held in holding:
            assert held.event.wait(PATIENCE), held
        service.kill()
        proxy.passes_on = True
        service.start()
        targets = {case.target for case in cases}
        wait_for(lambda: _ended(service), lambda ended: ended >= targets, "every step's end")
        service.stop()
    writes = [_told(one) for one in lab.writes(product)]
    rows = [_row(case, writes, service) for case in cases]
    with capsys.disabled():
        print(
            f"\n{'action':16} {'write':22} {'killed':7} {'settled as':11} doubles  lost",
            *(row[0] for row in rows),
            sep="\n",
        )
    wrong = [case for case, (_, doubles, lost) in zip(cases, rows, strict=True) if doubles or lost]
    assert not wrong, "\n".join(_story(case, writes, service) for case in wrong)
    service.verify()


def _alert(case: Case, namespace: str) -> dict[str, Any]:
    where = "" if case.action == "drain" else namespace
    return alert(ALERTS[case.action], where, **{LABELS[case.action]: case.target})


def _ended(service: Service) -> set[str]:
    """The targets whose last write is done, by the journal."""
    done = [line for line in service.lines("verification") if line["data"].get("then") == "verify"]
    return {line["target"]["name"] for line in done}


def _told(one: Request) -> tuple[str, str]:
    """A write in few words, and the object that it was about; fences are none."""
    if FENCE in str(one.body):
        return "fence", one.name
    if one.subresource == "eviction":
        return f"evict {one.name}", one.name
    if one.resource == "pods":
        return f"delete {one.name}", one.name
    if one.resource == "jobs":
        return one.verb, one.name
    suspend = one.body["spec"].get("suspend")
    return {"nodes": "cordon", "cronjobs": "suspend" if suspend else "run again"}[one.resource], one.name


def _story(case: Case, writes: Sequence[tuple[str, str]], service: Service) -> str:
    """All that was written about one case and its pods, and what the journal has of it, for whoever reads a failure."""
    names = {case.target, *(each.partition(" ")[2] for each in case.expected)}
    made = [what for what, name in writes if name in names]
    told = [line for line in service.lines() if (line.get("target") or {}).get("name") == case.target]
    lines = (f"{line['seq']} {line['time']} {line['kind']} {line['data']}" for line in told)
    return "\n".join((f"{case}\nwrote {made}", *lines))


def _row(case: Case, writes: Sequence[tuple[str, str]], service: Service) -> tuple[str, int, int]:
    """What one kill came to, counted in the audit log."""
    names = {case.target, *(each.partition(" ")[2] for each in case.expected)}
    made = Counter(what for what, name in writes if name in names and what != "fence")
    doubles = sum(count - 1 for count in made.values()) + len(made.keys() - case.expected)
    lost = len(case.expected - made.keys())
    of_it = [line for line in service.lines() if (line.get("target") or {}).get("name") == case.target]
    intents = [line["data"] for line in of_it if line["kind"] == "intent"]
    settled = {line["data"]["status"] for line in of_it if line["kind"] == "outcome"} - {"applied"}
    what = f"{case.write} of {WRITES[case.action]}: {intents[case.write - 1]['change']['verb']}"
    text = f"{case.action:16} {what:22} {case.moment:7} {', '.join(settled):11} {doubles:7} {lost:5}"
    return text, doubles, lost
