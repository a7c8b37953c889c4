"""`drain` on a real control plane: which pods go, what holds them, whose cordon it is, and what a crash leaves.

Judged by the audit log; kubectl says beforehand which pods it would evict.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediator.core.cordoning import CORDONED
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.audit import Request
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.workloads import disruption_budget, pod
from tests.real.conftest import Install
from tests.real.held_api import HeldApi
from tests.real.pools import RIGHTS, Pool, until_moved
from tests.real.service import Service, alert

pytestmark = pytest.mark.lab

DRAIN = """
groups:
  - name: nodes
    guards: {{startup_grace: 0s, cooldown: 0s}}
    rules:
      - name: drain-bad-node
        when: {{alert: NodeBad}}
        target: {{kind: Node}}
        do: [{{drain: {{timeout: {timeout}}}}}, {{escalate: {{receiver: oncall}}}}]
        until: {{ready: true, for: 1s, within: 30s, on_failure: {on_failure}}}
"""


def rules(timeout: str = "60s", on_failure: str = "keep") -> str:
    return DRAIN.format(timeout=timeout, on_failure=on_failure)


@pytest.fixture
def remediator(account: MakeAccount) -> Account:
    """The service account that the product acts under, with the rights that draining needs."""
    return account((), RIGHTS)


@pytest.fixture
def pool(lab: Lab) -> Iterator[Pool]:
    """Two nodes of the test's own."""
    made = Pool(lab, f"pool-{secrets.token_hex(2)}")
    yield made
    made.remove()


def bad(pool: Pool) -> dict[str, object]:
    return alert("NodeBad", "", node=pool.first)


def evicted(lab: Lab, account: Account) -> list[Request]:
    return [one for one in lab.writes(account) if one.subresource == "eviction"]


def cordons(lab: Lab, account: Account) -> list[bool]:
    """Each time the account cordoned a node (True) or uncordoned one (False)."""
    return [bool(one.body["spec"]["unschedulable"]) for one in lab.writes(account) if "spec" in one.body]


def kubectl_would_evict(lab: Lab, node: str) -> set[str]:
    """The pods that `kubectl drain` names in a dry run, as `namespace/name`."""
    command = [lab.kubectl, "--kubeconfig", lab.kubeconfig(), "drain", node, "--ignore-daemonsets", "--dry-run=client"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(re.findall(r"evicting pod (\S+)", said.stdout + said.stderr))


def failure(service: Service) -> str:
    """Why the drain failed, once it has."""
    return service.wait_for_line("verification", timeout=90, result="failed")["data"]["detail"]


def test_the_pods_that_kubectl_would_evict_go_and_come_up_elsewhere(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    pool.run_everywhere(namespace)
    pool.run(namespace, "web", 3)
    expected = kubectl_would_evict(lab, pool.first)
    assert len(expected) == 3
    service = install(rules(), receivers=receivers).start()
    service.post(bad(pool))
    service.wait_for_line("incident_closed", reason="recovered")
    assert {f"{one.namespace}/{one.name}" for one in evicted(lab, remediator)} == expected
    assert len(lab.writes(remediator)) == 4
    until_moved(pool, "web", 3)
    assert len(pool.pods(pool.first, "agent")) == 1
    intents = service.lines("intent")
    assert [each["data"]["part"] for each in intents] == [1, 2, 3, 4]
    marks = {one.body["metadata"]["annotations"]["remediator.io/remediation"] for one in evicted(lab, remediator)}
    assert marks == {each["data"]["id"] for each in intents[1:]}
    service.verify()


def test_what_forbids_a_drain_is_said_and_nothing_is_written(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    lonely = pod("lonely")
    lonely["spec"]["nodeName"] = pool.first
    lab.admin.create(lonely, namespace)
    service = install(rules(), receivers=receivers).start()
    service.post(bad(pool))
    denied = service.wait_for_line("decision", result="deny")
    (plan,) = [each for each in denied["data"]["verdicts"] if each["guard"] == "plan"]
    assert f"{namespace}/lonely has no controller" in plan["reason"]
    service.wait_for_line("escalated", status="delivered")
    assert lab.writes(remediator) == ()


def test_observe_mode_lists_every_write_and_makes_none(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    pods = pool.run(namespace)
    service = install(rules(), receivers=receivers, mode="observe").start()
    service.post(bad(pool))
    seen = service.wait_for_line("decision", result="observe")["data"]["outlook"]
    names = sorted(each["metadata"]["name"] for each in pods)
    assert seen == [f"cordon Node/{pool.first}", *(f"evict {namespace}/{name}" for name in names)]
    rehearsed = [each.resource for each in lab.dry_runs(remediator) if each.verb != "create"]  # those ask for capacity
    assert (lab.writes(remediator), rehearsed) == ((), ["nodes"])


def test_a_budget_at_its_limit_holds_its_pods_alone_until_it_is_freed(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    pool.run(namespace, "web")
    pool.run(namespace, "db")
    lab.admin.create(disruption_budget("db", "db", 2), namespace)
    lab.admin.wait_for("poddisruptionbudgets", "db", namespace, _is_observed)
    service = install(rules(), receivers=receivers).start()
    service.post(bad(pool))
    held = service.wait_for_line("decision", result="hold")
    (plan,) = [each for each in held["data"]["verdicts"] if each["guard"] == "plan"]
    assert "2 pods may not go now" in plan["reason"]
    assert "disruption budget" in plan["reason"]
    assert {one.name.partition("-")[0] for one in evicted(lab, remediator)} == {"web"}
    lab.admin.patch("poddisruptionbudgets", "db", {"spec": {"minAvailable": 1}}, namespace)
    service.wait_for_line("incident_closed", reason="recovered")
    assert len(evicted(lab, remediator)) == 4
    until_moved(pool, "db", 2)


def test_several_budgets_over_a_pod_fail_at_once_and_our_cordon_is_lifted(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    pool.run(namespace)
    for name in ("one", "two"):
        lab.admin.create(disruption_budget(name, "web", 0), namespace)
        lab.admin.wait_for("poddisruptionbudgets", name, namespace, _is_observed)
    service = install(rules(timeout="10m", on_failure="undo"), receivers=receivers).start()
    service.post(bad(pool))
    assert "more than one PodDisruptionBudget" in failure(service)
    service.wait_for_line("escalated", status="delivered")
    assert (evicted(lab, remediator), cordons(lab, remediator)) == ([], [True, False])
    assert not pool.is_cordoned()
    assert CORDONED not in lab.admin.get("nodes", pool.first)["metadata"]["annotations"]


def test_a_cordon_of_somebody_else_stays_when_the_time_is_over(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    pool.run(namespace, "web")
    pool.run(namespace, "db")
    lab.admin.create(disruption_budget("db", "db", 2), namespace)
    lab.admin.wait_for("poddisruptionbudgets", "db", namespace, _is_observed)
    faults.cordoned_by_somebody(lab.admin, pool.first)
    service = install(rules(timeout="5s", on_failure="undo"), receivers=receivers).start()
    service.post(bad(pool))
    assert failure(service).startswith("not done within 5 s: 2 pods may not go now")
    service.wait_for_line("escalated", status="delivered")
    assert {one.name.partition("-")[0] for one in evicted(lab, remediator)} == {"web"}
    assert (cordons(lab, remediator), pool.is_cordoned()) == ([], True)


def test_a_person_who_uncordons_stops_the_drain_and_is_left_alone(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    pool.run(namespace)
    lab.admin.create(disruption_budget("web", "web", 2), namespace)
    lab.admin.wait_for("poddisruptionbudgets", "web", namespace, _is_observed)
    service = install(rules(), receivers=receivers).start()
    service.post(bad(pool))
    service.wait_for_line("decision", result="hold")
    pool.open(pool.first, unschedulable=None)
    assert "by hand" in failure(service)
    pause = service.wait_for_line("pause")
    assert pause["data"]["target"] == f"Node//{pool.first}"
    assert (cordons(lab, remediator), evicted(lab, remediator), pool.is_cordoned()) == ([True], [], False)


def test_a_node_lost_while_it_is_drained_is_drained_of_what_can_still_go(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    """Its kubelet confirms no pod's end any more: those whose grace is over are not waited for."""
    pool.run(namespace, "web")
    pool.run(namespace, "db")
    lab.admin.create(disruption_budget("db", "db", 2), namespace)
    lab.admin.wait_for("poddisruptionbudgets", "db", namespace, _is_observed)
    service = install(rules(), receivers=receivers).start()
    service.post(bad(pool))
    service.wait_for_line("decision", result="hold")
    faults.node_not_ready(lab.admin, pool.first)
    lab.admin.patch("poddisruptionbudgets", "db", {"spec": {"minAvailable": 0}}, namespace)
    service.wait_for_line("verification", timeout=90, then="verify")
    assert len(evicted(lab, remediator)) == 4
    faults.node_ready(lab.admin, pool.first)
    service.wait_for_line("incident_closed", reason="recovered")


MOMENTS = [(write, moment) for write in (1, 2, 3) for moment in ("before", "after")]


def test_killed_around_any_write_nothing_is_done_twice_and_nothing_is_lost(
    lab: Lab,
    namespace: str,
    pool: Pool,
    remediator: Account,
    install: Install,
    receivers: list[object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The cordon and two evictions: kill -9 with each of them held before, and after, the API server has it."""
    rows = []
    for write, moment in MOMENTS:
        app = f"web-{write}-{moment}"
        wanted = {each["metadata"]["name"] for each in pool.run(namespace, app)}
        seen = len(lab.writes(remediator))
        with HeldApi(lab, moment, write) as proxy:
            service = install(rules(), proxy.kubeconfig(remediator, tmp_path), receivers=receivers).start()
            service.post(bad(pool))
            assert proxy.held.wait(60)
            service.kill()
            proxy.hold = ""
            service.start()
            service.wait_for_line("incident_closed", reason="recovered")
            service.stop()
        writes = lab.writes(remediator)[seen:]
        rows.append(_row(write, moment, service, writes, wanted))
        pool.open(pool.first, unschedulable=None)
        lab.admin.delete("deployments", app, namespace)
    with capsys.disabled():
        print(
            "\n" + "\n".join([f"{'write':12} {'killed':8} {'settled as':12} doubles  lost", *(row[0] for row in rows)])
        )
    assert [(doubles, lost) for _, doubles, lost in rows] == [(0, 0)] * len(MOMENTS)


def _row(
    write: int, moment: str, service: Service, writes: tuple[Request, ...], wanted: set[str]
) -> tuple[str, int, int]:
    """What one kill came to, counted in the audit log: pods evicted or cordons made twice, or not at all."""
    gone = [one.name for one in writes if one.subresource == "eviction"]
    set_ = [one for one in writes if "spec" in one.body]
    doubles = len(gone) - len(set(gone)) + len(set_) - 1
    lost = len(wanted - set(gone)) + (not set_)
    (settled,) = {each["data"]["status"] for each in service.lines("outcome")} - {"applied"}
    verb = service.lines("intent")[write - 1]["data"]["change"]["verb"]
    what = f"{write}: {'cordon' if verb == 'patch' else verb}"
    return f"{what:12} {moment:8} {settled:12} {doubles:7}  {lost:4}", doubles, lost


def _is_observed(budget: dict[str, object]) -> bool:
    status = budget.get("status") or {}
    return isinstance(status, dict) and status.get("observedGeneration", 0) >= 1
