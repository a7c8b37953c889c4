"""`drain` on a real control plane: which pods go, what holds them, whose cordon it is, and when it is proven.

One service drains a node for each case, side by side. Judged by the audit log; kubectl says beforehand which pods it
would evict. What a crash leaves is in test_kills.py.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from remediator.clients.kubernetes import connect
from remediator.core.cordoning import CORDONED
from remediator.core.kinds import KINDS
from remediator.core.model import Change, Precondition, Ref, Verb
from remediator.ports import Throttled
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.audit import Request
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import deployment, disruption_budget, pod, stateful_set
from tests.real.conftest import Install
from tests.real.pools import Pool, until_moved
from tests.real.service import Line, Service, alert
from tests.real.site import Site

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: nodes
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 20,
             global_max_in_flight: 20, storm: {share: 100%, at_least: 100}}
    rules:
      - name: drain
        when: {alert: Bad}
        target: {kind: Node}
        do: [{drain: {timeout: 30m}}, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 1s, within: 20m}
      - name: drain-or-undo
        when: {alert: BadUndone}
        target: {kind: Node}
        do: [{drain: {timeout: 30m}}, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 1s, within: 20m, on_failure: undo}
      - name: drain-in-vain
        when: {alert: BadInVain}
        target: {kind: Node}
        do: [{drain: {timeout: 5s}}, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 1s, within: 20m, on_failure: undo}
      - {name: drain-observed, when: {alert: BadObserved}, mode: observe, target: {kind: Node}, do: [drain]}
"""
CASES: tuple[str, ...] = ("moved", "forbidden", "observed", "limited", "twice", "foreign", "yielded", "lost")


@pytest.fixture
def remediator(site: Site, receivers: list[object]) -> Account:
    """The service account that the product acts under, with the rights that are printed for these rules."""
    return site.grant(site.printed(RULES, receivers=receivers))


@pytest.fixture
def pools(lab: Lab) -> Iterator[dict[str, Pool]]:
    """Two nodes for each case."""
    mark = secrets.token_hex(2)
    with ThreadPoolExecutor(len(CASES)) as builders:
        made: dict[str, Pool] = dict(
            zip(CASES, builders.map(lambda case: Pool(lab, f"{case}-{mark}"), CASES), strict=True)
        )
        yield made
        list(builders.map(Pool.remove, made.values()))


def prepare(lab: Lab, namespace: str, case: str, pool: Pool) -> None:
    """What runs on the case's first node, and what protects it."""
    if case == "forbidden":
        lonely = pod("lonely")
        lonely["spec"]["nodeName"] = pool.first
        lab.admin.create(lonely, namespace)
        storing, excluded = deployment("storing", replicas=1), deployment("excluded", replicas=1)
        storing["spec"]["template"]["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
        excluded["spec"]["template"]["metadata"]["annotations"] = {"remediator.io/exclude": "true"}
        for workload in (storing, excluded):
            pool.place(workload, namespace)
        return
    if case == "moved":
        pool.run_everywhere(namespace)
        critical = stateful_set("named-moved", replicas=1)
        critical["spec"]["template"]["spec"]["priorityClassName"] = "system-cluster-critical"
        pool.place(critical, namespace)
    for app in (f"free-{case}", f"kept-{case}") if case in ("limited", "foreign", "lost") else (f"kept-{case}",):
        pool.run(namespace, app)
    budgets = {"limited": [2], "foreign": [2], "yielded": [2], "lost": [2], "twice": [0, 0]}.get(case, ())
    for number, least in enumerate(budgets):
        name = f"kept-{case}-{number}"
        lab.admin.create(disruption_budget(name, f"kept-{case}", least), namespace)
        lab.admin.wait_for("poddisruptionbudgets", name, namespace, _is_observed)
    if case == "foreign":
        faults.cordoned_by_somebody(lab.admin, pool.first)


def test_nodes_are_drained_side_by_side(
    lab: Lab,
    namespace: str,
    pools: dict[str, Pool],
    remediator: Account,
    install: Install,
    receivers: list[object],
) -> None:
    with ThreadPoolExecutor(len(CASES)) as builders:
        list(builders.map(lambda case: prepare(lab, namespace, case, pools[case]), CASES))
    expected = kubectl_would_evict(lab, pools["moved"].first)
    assert len(expected) == 3
    service = install(RULES, receivers=receivers).start()
    names = {"observed": "BadObserved", "twice": "BadUndone", "foreign": "BadInVain"}
    service.post(*(alert(names.get(case, "Bad"), "", node=pool.first) for case, pool in pools.items()))

    # the pods that kubectl would evict go, each by an intent of its own, and come up elsewhere
    pool = pools["moved"]
    closed = seen(service, pool, "incident_closed")
    assert (closed["data"]["reason"], "evicted pods run on other nodes holds" in closed["data"]["detail"]) == (
        "recovered",
        True,
    )
    gone = evicted(lab, remediator, "kept-moved") + evicted(lab, remediator, "named-moved")
    assert (len(gone), {f"{one.namespace}/{one.name}" for one in gone}) == (3, expected)
    until_moved(pool, "kept-moved", 2)
    until_moved(pool, "named-moved", 1)  # under the name that it had, and it stays there
    assert len(pool.pods(pool.first, "agent")) == 1
    intents = [line["data"] for line in of(service, pool, "intent")]
    assert [each["part"] for each in intents] == [1, 2, 3, 4]
    assert {one.body["metadata"]["annotations"]["remediator.io/remediation"] for one in gone} == {
        each["id"] for each in intents[1:]
    }

    # what forbids a drain is said, kubectl's reasons and an owner's word, and nothing is written
    pool = pools["forbidden"]
    why = verdict(seen(service, pool, "decision", result="deny"))
    assert f"{namespace}/lonely has no controller" in why
    for app, reason in (("storing", "local storage"), ("excluded", "opted out")):
        assert re.search(rf"{namespace}/{app}-\S+ [^;]*{reason}", why), why
    refusal = kubectl_refuses(lab, pool.first)
    assert ("declare no controller" in refusal, "local storage" in refusal) == (True, True), refusal
    seen(service, pool, "escalated", status="delivered")
    assert (cordons(lab, remediator, pool), pool.is_cordoned()) == ([], False)

    # observe mode lists every write, and makes none
    pool = pools["observed"]
    outlook = seen(service, pool, "decision", result="observe")["data"]["outlook"]
    pods = sorted(each["metadata"]["name"] for each in pool.pods(pool.first, "kept-observed"))
    assert outlook == [f"cordon Node/{pool.first}", *(f"evict {namespace}/{name}" for name in pods)]
    assert (cordons(lab, remediator, pool), evicted(lab, remediator, "kept-observed")) == ([], [])
    assert [each.verb for each in lab.dry_runs(remediator) if each.name == pool.first] == ["patch"]

    # a budget at its limit holds its pods alone, until it is freed
    pool = pools["limited"]
    held = verdict(seen(service, pool, "decision", result="hold"))
    assert ("2 pods may not go now" in held, "disruption budget" in held) == (True, True)
    wait_for(lambda: evicted(lab, remediator, "free-limited"), lambda gone: len(gone) == 2, "the others to go")
    assert evicted(lab, remediator, "kept-limited") == []
    lab.admin.patch("poddisruptionbudgets", "kept-limited-0", {"spec": {"minAvailable": 1}}, namespace)

    # a pod that several budgets cover fails it at once, and our cordon is lifted
    pool = pools["twice"]
    assert "more than one PodDisruptionBudget" in failure(service, pool)
    seen(service, pool, "escalated", status="delivered")
    assert (evicted(lab, remediator, "kept-twice"), cordons(lab, remediator, pool)) == ([], [True, False])
    assert CORDONED not in lab.admin.get("nodes", pool.first)["metadata"]["annotations"]

    # a cordon of somebody else stays when the time is over
    pool = pools["foreign"]
    assert failure(service, pool).startswith("not done within 5 s: 2 pods may not go now")
    seen(service, pool, "escalated", status="delivered")
    assert evicted(lab, remediator, "kept-foreign") == []
    assert (cordons(lab, remediator, pool), pool.is_cordoned()) == ([], True)

    # a person who uncordons stops it, and the node is left alone
    pool = pools["yielded"]
    seen(service, pool, "decision", result="hold")
    pool.open(pool.first, unschedulable=None)
    assert "by hand" in failure(service, pool)
    paused = wait_for(lambda: service.lines("pause"), bool, "the pause")
    assert [each["data"]["target"] for each in paused] == [f"Node//{pool.first}"]
    assert (cordons(lab, remediator, pool), evicted(lab, remediator, "kept-yielded")) == ([True], [])
    assert not pool.is_cordoned()

    # a node that is lost meanwhile: its kubelet confirms no pod's end, and those whose grace is over are not waited for
    pool = pools["lost"]
    seen(service, pool, "decision", result="hold")
    faults.node_not_ready(lab.admin, pool.first)
    lab.admin.patch("poddisruptionbudgets", "kept-lost-0", {"spec": {"minAvailable": 0}}, namespace)
    seen(service, pool, "verification", then="verify")
    assert len(evicted(lab, remediator, "free-lost") + evicted(lab, remediator, "kept-lost")) == 4
    faults.node_ready(lab.admin, pool.first)
    for case in ("lost", "limited"):
        assert seen(service, pools[case], "incident_closed")["data"]["reason"] == "recovered"
    until_moved(pools["limited"], "kept-limited", 2)
    service.verify()


async def test_an_eviction_out_of_a_namespace_on_its_way_out_may_be_asked_again(lab: Lab, namespace: str) -> None:
    """The API server refuses it as a creation (403) until the pod goes with its namespace, and kubectl asks again."""
    kept = pod("kept")
    kept["metadata"]["finalizers"] = ["lab.test/kept"]
    meta = lab.admin.create(kept, namespace)["metadata"]
    lab.admin.delete("namespaces", namespace)
    lab.admin.wait_for("namespaces", namespace, "", lambda one: one["status"]["phase"] == "Terminating")
    cluster = connect(str(lab.kubeconfig()))
    change = Change(Verb.EVICT, Ref(KINDS["Pod"], namespace, "kept"), {}, Precondition(meta["uid"], ""))
    try:
        with pytest.raises(Throttled, match="because it is being terminated") as refused:
            await cluster.write(change)
        assert refused.value.retry_after == 5
    finally:
        await cluster.close()
        lab.admin.patch("pods", "kept", {"metadata": {"finalizers": None}}, namespace)


def of(service: Service, pool: Pool, kind: str) -> list[Line]:
    """The journal's lines of a kind about a pool's first node."""
    return [line for line in service.lines(kind) if (line.get("target") or {}).get("name") == pool.first]


def seen(service: Service, pool: Pool, kind: str, **data: Any) -> Line:
    """The first such line whose data holds these values; waits for it."""

    def found() -> list[Line]:
        return [line for line in of(service, pool, kind) if data.items() <= line["data"].items()]

    return wait_for(found, bool, f"{kind} {data} about {pool.first} in {service.folder}")[0]


def verdict(decision: Line) -> str:
    """What the action itself answered."""
    (plan,) = [each for each in decision["data"]["verdicts"] if each["guard"] == "plan"]
    return plan["reason"]


def failure(service: Service, pool: Pool) -> str:
    """Why the drain failed, once it has."""
    return seen(service, pool, "verification", result="failed")["data"]["detail"]


def evicted(lab: Lab, account: Account, app: str) -> list[Request]:
    """The evictions of an app's pods."""
    return [one for one in lab.writes(account) if one.subresource == "eviction" and one.name.startswith(f"{app}-")]


def cordons(lab: Lab, account: Account, pool: Pool) -> list[bool]:
    """Each time the account cordoned the pool's first node (True) or uncordoned it (False)."""
    writes = [one for one in lab.writes(account) if one.resource == "nodes" and one.name == pool.first]
    return [bool(one.body["spec"]["unschedulable"]) for one in writes if "spec" in one.body]


def kubectl_would_evict(lab: Lab, node: str) -> set[str]:
    """The pods that `kubectl drain` names in a dry run, as `namespace/name`."""
    command = [lab.kubectl, "--kubeconfig", lab.kubeconfig(), "drain", node, "--ignore-daemonsets", "--dry-run=client"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return set(re.findall(r"evicting pod (\S+)", said.stdout + said.stderr))


def kubectl_refuses(lab: Lab, node: str) -> str:
    """What `kubectl drain` says of the pods that it does not take without being told to."""
    command = [lab.kubectl, "--kubeconfig", lab.kubeconfig(), "drain", node, "--ignore-daemonsets", "--dry-run=client"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert said.returncode != 0, said.stdout
    return said.stderr


def _is_observed(budget: dict[str, object]) -> bool:
    status = budget.get("status") or {}
    return isinstance(status, dict) and status.get("observedGeneration", 0) >= 1
