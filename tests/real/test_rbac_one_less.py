"""The ClusterRole and the Role at home that `remediator rbac` prints, on a real API server: under all of it nodes are
drained; with any one verb less the journal names the rule that is missing, and nothing is written that needs it.

One controller a verb, each under an account of its own, all at once in one process.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediator.clients.kubernetes import KubernetesCluster, connect
from remediator.clock import SystemClock
from remediator.config.rules import load_rules
from remediator.config.settings import KubernetesAuth, Settings
from remediator.controller import Controller, Habits, Ports
from remediator.core.model import Change, Mode, Verb
from remediator.core.observations import Reloaded
from remediator.core.rules import Itself
from remediator.elector import Elector, Terms
from remediator.herald import Herald
from remediator.journal.memory import MemoryJournal
from remediator.ports import Delivered, Delivery, Forbidden, OutcomeUnknown
from remediator.server.reviews import Reviews
from remediator.switch import Switch
from remediator.switch import place as switch_at
from tests.lab.accounts import Account, create_account
from tests.lab.audit import Request
from tests.lab.client import Json
from tests.lab.errors import ApiError
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import GOOD_IMAGE, deployment, job, stateful_set
from tests.real.service import alert

pytestmark = pytest.mark.lab

RULES = """
groups:
- name: nodes
  guards: {startup_grace: 0s, storm: {share: 100%, at_least: 999}}
  rules:
  - name: drain-bad-node
    when: {alert: NodeBad}
    target: {kind: Node, label: node}
    do: [drain]
    until: {ready: true, for: 1s, within: 240s}
  - name: uncordon
    when: {object: {kind: Node, selector: 'nobody=has-it', where: 'object.spec.unschedulable == true'}}
    do: [uncordon]
"""
SETTINGS = {
    "mode": "enforce",
    "rule_files": ["rules.yaml"],
    "storage": {"url": "postgresql://remediator@db.example.org/remediator"},
    "leader_election": {"enabled": True},
    "kubernetes": {"pause_configmap": "stop"},
    "web": {"auth": {"kubernetes": {"enabled": True}}},
}
BROKEN = "example.test/app:broken"
"""Its pods are never ready: whoever made them is asked how many it wants."""

Right = tuple[str, str]
"""A resource and a verb."""

NOTHING: Right = ("", "")
OWNERS = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "Job": "jobs"}


@dataclass(frozen=True)
class Case:
    """One controller whose account lacks a right, the node that it drains, and whose pods run there. `lost`: the answer
    to its first eviction; `member`: the node is one of the control plane.
    """

    name: str
    lacks: Right = NOTHING
    owner: str = "Deployment"
    lost: bool = False
    member: bool = False


COMPLETE = (
    Case("all"),
    Case("all-lost", lost=True),
    *(Case(f"all-{kind.lower()}", owner=kind) for kind in ("ReplicaSet", "StatefulSet")),
    Case("all-member", member=True),
)
ONE_LESS = (
    *(Case(f"node-{verb}", ("nodes", verb)) for verb in ("get", "list", "patch", "watch")),
    *(Case(f"pod-{verb}", ("pods", verb)) for verb in ("create", "list")),
    *(Case(f"pod-{verb}", ("pods", verb), lost=True) for verb in ("get", "patch")),
    Case("evict", ("pods/eviction", "create")),
    Case("daemons", ("daemonsets", "list")),
    *(Case(f"get-{kind.lower()}", (plural, "get"), owner=kind) for kind, plural in OWNERS.items()),
    *(Case(f"events-{verb}", ("events", verb)) for verb in ("list", "create")),
    Case("budgets", ("poddisruptionbudgets", "list"), member=True),
)
REVIEWS: tuple[Right, ...] = (("tokenreviews", "create"), ("subjectaccessreviews", "create"))
COURTESY: set[Right] = {("events", "list"), ("events", "create")}
"""What only tells people more: without it the work goes on."""
CUSTOM: set[Right] = {("scaledobjects", "list")}
"""What is asked of a cluster that has no such kind."""


class Losing:
    """A cluster that does not carry the first eviction out, and cannot say whether it did."""

    def __init__(self, real: KubernetesCluster) -> None:
        self._real, self._lost = real, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def write(self, change: Change) -> Json:
        if change.verb is Verb.EVICT and not self._lost:
            self._lost = True
            raise OutcomeUnknown("the connection broke after it was sent")
        return await self._real.write(change)


class Nobody:
    async def deliver(self, delivery: Delivery) -> Delivered:
        return Delivered("")


class Site:
    """The nodes of all cases, and accounts that have the printed roles but for one right."""

    def __init__(self, lab: Lab, namespace: str, folder: Path) -> None:
        self.lab, self.namespace, self.mark = lab, namespace, secrets.token_hex(2)
        (folder / "rules.yaml").write_text(RULES)
        (folder / "remediator.yaml").write_text(json.dumps(SETTINGS))
        self.rules = load_rules([folder / "rules.yaml"])
        command = [sys.executable, "-m", "remediator", "rbac", "--config", str(folder / "remediator.yaml")]
        command += ["--namespace", namespace, "-o", "json"]
        printed = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        roles = [item for item in json.loads(printed.stdout)["items"] if "rules" in item]
        self.printed = {item["metadata"].get("namespace", ""): item["rules"] for item in roles}
        self._wide: list[tuple[str, str, str]] = []

    def rights(self, place: str) -> set[Right]:
        """What is printed for a namespace, or (empty) the whole cluster."""
        return {(rule["resources"][0], verb) for rule in self.printed[place] for verb in rule["verbs"]}

    def account(self, name: str, lacks: Right = NOTHING) -> Account:
        """An account under all printed roles but for one right."""
        own, wide = (_less(self.printed[place], lacks) for place in (self.namespace, ""))
        made = create_account(self.lab.admin, name, self.namespace, own, wide)
        self._wide += [(kind, each, "") for kind, each in made]
        about = f"{self.namespace}-{name}"
        self._grant("Role", about, {"rules": _less(self.printed["default"], lacks)})
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": about}
        self._grant("RoleBinding", about, {"roleRef": reference, "subjects": [subject]})
        return self.lab.account_of(name, self.namespace)

    def _grant(self, kind: str, name: str, body: Json) -> None:
        meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}}
        self.lab.admin.create(meta | body, "default")
        self._wide.append((kind, name, "default"))

    def node(self, case: Case) -> str:
        return f"{case.name}-{self.mark}"

    def furnish(self, case: Case) -> None:
        """The node of a case, with one pod that may later go to any node of the site."""
        member = {"node-role.kubernetes.io/control-plane": ""} if case.member else {}
        self._join(self.node(case), {"only": self.node(case)} | member)
        kind, image = case.owner, GOOD_IMAGE if case.owner == "Deployment" else BROKEN
        if kind == "Job":
            workload = job(case.name, image)
        elif kind == "StatefulSet":
            workload = stateful_set(case.name, image, replicas=1)
        else:
            workload = deployment(case.name, image, replicas=1)
        if case.member:
            workload["spec"]["template"]["metadata"]["labels"]["component"] = "etcd"
        workload["spec"]["template"]["spec"] |= {
            "tolerations": [{"key": "site", "value": self.mark, "effect": "NoSchedule"}],
            "affinity": {"nodeAffinity": self._near(case)},
        }
        self.lab.admin.create(workload, self.namespace)

    def _near(self, case: Case) -> Json:
        """On the case's own node, else on the spare one."""
        asked = [{"key": "only", "operator": "In", "values": [self.node(case), f"spare-{self.mark}"]}]
        return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": asked}]}}

    def open_spare(self, cases: tuple[Case, ...]) -> None:
        """Every pod has its place: now there is another one for them."""
        for case in cases:
            on_it = f"spec.nodeName={self.node(case)}"
            wait_for(
                lambda on_it=on_it: self.lab.admin.list("pods", self.namespace, fields=on_it), bool, on_it, PATIENCE
            )
        self._join(f"spare-{self.mark}", {"only": f"spare-{self.mark}"})

    def _join(self, name: str, labels: dict[str, str]) -> None:
        self.lab.nodes.add(name, labels=labels, taints=[{"key": "site", "value": self.mark, "effect": "NoSchedule"}])

    def remove(self, cases: tuple[Case, ...]) -> None:
        for kind, name, namespace in self._wide:
            self.lab.admin.delete(kind, name, namespace)
        for name in (*(self.node(case) for case in cases), f"spare-{self.mark}"):
            try:
                self.lab.admin.delete("nodes", name)
            except ApiError as error:
                if error.status != 404:
                    raise


def _less(rules: Sequence[Json], lacks: Right) -> list[Json]:
    """RBAC rules without a right."""
    kept = (
        {**rule, "verbs": [each for each in rule["verbs"] if (rule["resources"][0], each) != lacks]} for rule in rules
    )
    return [rule for rule in kept if rule["verbs"]]


def rule_of(right: Right) -> str:
    """How what is lacking is told: the resource and the verb of the rule to be added."""
    return f'resources: ["{right[0]}"], verbs: ["{right[1]}"]'


class Played:
    """One controller with its journal, under one account."""

    def __init__(self, site: Site, name: str, lacks: Right, lost: bool) -> None:
        self.account = site.account(name, lacks)
        self.journal, self.clock, self._site, self._lost = MemoryJournal(), SystemClock(), site, lost
        self.seen: list[Json] = []

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Controller]:
        """The controller runs; Events are written beside it."""
        real = connect(str(self.account.kubeconfig))
        cluster: Any = Losing(real) if self._lost else real
        herald = Herald(cluster, self.clock, "test")
        ports, habits = Ports(self.journal, cluster, Nobody(), self.clock), Habits("test", max_age=3)
        controller = Controller(ports, habits, (herald.saw,))
        policy = Settings(mode=Mode.ENFORCE).policy(Itself())
        tasks = [asyncio.create_task(controller.run(Reloaded(policy, self._site.rules)))]
        tasks.append(asyncio.create_task(herald.run()))
        try:
            yield controller
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await real.close()

    async def post(self, controller: Controller, *alerts: Json) -> None:
        body = {"version": "4", "groupKey": "{}", "receiver": "remediator", "alerts": list(alerts)}
        await self.journal.receive("alertmanager", json.dumps(body).encode(), self.clock.now())
        controller.intake.arrivals.set()

    async def until(self, *texts: str) -> None:
        """Wait until one line of the journal has all of these texts."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            self.seen = list(await self.journal.lines(limit=10_000))
            if any(all(text in _text(line) for text in texts) for line in self.seen):
                return
            if asyncio.get_running_loop().time() > deadline:
                last = "\n".join(_text(line)[-1500:] for line in self.seen[-3:])
                raise AssertionError(f"no line has {texts}; the last ones:\n{last}")
            await asyncio.sleep(0.2)


def _text(line: Json) -> str:
    return json.dumps(line, default=str).replace('\\"', '"')


def path_of(request: Request) -> str:
    """The resource of a request, with its subresource."""
    return f"{request.resource}/{request.subresource}".rstrip("/")


def expected(case: Case) -> tuple[str, ...]:
    """What the journal says in the end."""
    if case.lacks not in (NOTHING, *COURTESY) and not (case.lost and case.lacks[0] == "pods"):
        return (rule_of(case.lacks),)
    if case.lacks not in (NOTHING, *COURTESY):
        return ('"verb": "evict"',)
    if case.member:
        return ('"guard": "quorum"', "none can be missed")
    return ('"reason": "recovered"' if case.owner == "Deployment" else f"0 of 1 of {case.owner}/",)


@pytest.fixture
def site(lab: Lab, namespace: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(lab, namespace, tmp_path)
    yield made
    made.remove((*COMPLETE, *ONE_LESS))


async def test_nodes_are_drained_with_what_is_printed_and_not_with_any_one_verb_less(
    lab: Lab, site: Site, namespace: str
) -> None:
    cases = (*COMPLETE, *ONE_LESS)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(site.furnish, cases))
        played = dict(
            zip(cases, pool.map(lambda case: Played(site, case.name, case.lacks, case.lost), cases), strict=True)
        )
    site.open_spare(cases)
    assert {case.lacks for case in ONE_LESS} | set(REVIEWS) == site.rights("") | site.rights("default")

    async def play(case: Case) -> None:
        async with played[case].at_work() as controller:
            await played[case].post(controller, alert("NodeBad", "", node=site.node(case)))
            if case.lacks == ("nodes", "watch"):
                await _until(lambda: is_out_of_sync(controller, rule_of(case.lacks)), case.name)
                return
            await played[case].until(*expected(case))
            if case.lost and case.lacks != NOTHING:
                await _until(lambda: is_refused(lab, played[case].account, case.lacks), case.name)
            if case.lacks in (("pods", "get"), ("pods", "patch")):  # what became of the write cannot be found out
                await _until(lambda: rule_of(case.lacks) in str(logged), case.name)

    with capture_logs() as logged:
        failed = await asyncio.gather(*(play(case) for case in cases), return_exceptions=True)
    for case, problem in zip(cases, failed, strict=True):
        print(case.name, f"{problem!r:.3000}" if problem else "as expected")
    assert not any(failed)

    for case in cases:
        account = played[case].account
        refused = {(path_of(one), one.verb) for one in lab.requests(account) if one.code == 403}
        assert refused <= {case.lacks, *CUSTOM}, case.name
        writes = {(path_of(one), one.verb) for one in lab.writes(account)} - COURTESY
        assert writes <= may_be_written(case), case.name
    assert ("events", "create") in {(path_of(one), one.verb) for one in lab.writes(played[COMPLETE[0]].account)}


def may_be_written(case: Case) -> set[Right]:
    """Nothing before a node is known to be safe to drain; its cordon, where only then a right is lacking."""
    before = [*(("nodes", verb) for verb in ("get", "list", "patch")), ("daemonsets", "list")]
    if case.member or case.lacks in (*before, ("pods", "create"), ("pods", "list")):
        return set()
    if case.lacks == ("pods/eviction", "create"):
        return {("nodes", "patch")}
    return {("nodes", "patch"), ("pods/eviction", "create")} | ({("pods", "patch")} if case.lost else set())


async def test_at_home_too_every_verb_is_needed(lab: Lab, site: Site, namespace: str) -> None:
    """The election and the ConfigMap that pauses. Without a watch the Lease is looked at now and then."""
    lease = [("leases", verb) for verb in ("get", "create", "patch", "watch")]
    assert {*lease, ("configmaps", "get")} == site.rights(namespace)
    for lacks in (NOTHING, *lease):
        cluster = connect(str(site.account(f"lease-{lacks[1] or 'all'}", lacks).kubeconfig))
        try:
            assert await holds_office(lab, cluster, namespace) is (lacks in (NOTHING, ("leases", "watch"))), lacks
        finally:
            await cluster.close()
        if lacks == NOTHING:
            lab.admin.delete("leases", "remediator", namespace)
    for lacks in (NOTHING, ("configmaps", "get")):
        cluster = connect(str(site.account(f"switch-{lacks[1] or 'all'}", lacks).kubeconfig))
        ports = Ports(MemoryJournal(), cluster, Nobody(), SystemClock())
        controller = Controller(ports, Habits("test"))
        switch = Switch(cluster, SystemClock(), switch_at(namespace, "stop"), lambda: controller, lambda: True)  # noqa: B023
        with lacking(lacks):
            await switch.look()
        await cluster.close()


def lacking(right: Right) -> AbstractContextManager[Any]:
    """That it is refused, for want of this right; of none, that it is not."""
    return nullcontext() if right == NOTHING else pytest.raises(Forbidden, match=re.escape(rule_of(right)))


async def holds_office(lab: Lab, cluster: KubernetesCluster, namespace: str) -> bool:
    """Whether a candidate comes to hold the Lease, and to renew it; where not, the rule that is lacking is named."""
    elector = Elector(cluster, SystemClock(), Terms(namespace, duration=600, renew=500, retry=1), "candidate")

    def is_refused() -> bool:
        return 'resources: ["leases"]' in elector.problem

    acquiring = asyncio.create_task(elector.acquire())
    await _until(lambda: acquiring.done() or is_refused(), "the Lease")
    if not acquiring.done():
        await ended(acquiring)
        return False
    first = renewed_at(lab, namespace)
    renewing = asyncio.create_task(elector.keep())
    await _until(lambda: renewed_at(lab, namespace) != first or is_refused(), "its renewal")
    await ended(renewing)
    return not is_refused()


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel it and wait until it is over: nothing may ask its client for more after that is closed."""
    task.cancel()
    await asyncio.wait([task])


def renewed_at(lab: Lab, namespace: str) -> str:
    return lab.admin.get("leases", "remediator", namespace)["spec"]["renewTime"]


async def test_who_an_operator_is_can_only_be_asked_with_both_reviews(site: Site) -> None:
    for lacks in (NOTHING, *REVIEWS):
        account = site.account(f"review-{lacks[0] or 'all'}", lacks)
        cluster = connect(str(account.kubeconfig))
        reviews = Reviews(cluster, KubernetesAuth(enabled=True))
        with lacking(lacks):
            subject = await reviews.subject(account.token.encode())
            assert subject is not None
            assert await reviews.may(account.token.encode(), subject, "view") is False
        await cluster.close()


async def _until(seen: Callable[[], bool], what: object) -> None:
    """Wait until something is to be seen."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not seen():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.2)


def is_out_of_sync(controller: Controller, why: str) -> bool:
    """Whether what rules on objects go by is not kept current any more: so `/readyz` says."""
    return any(why in each for each in controller.objects.unsynced())


def is_refused(lab: Lab, account: Account, right: Right) -> bool:
    return any(one.code == 403 and (one.resource, one.verb) == right for one in lab.requests(account))
