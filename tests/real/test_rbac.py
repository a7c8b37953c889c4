"""The roles that `remediator rbac` prints, on a real API server: the product works with exactly them, and with any one
verb less it does not do what needs it, and its journal names the rule that is missing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.client import Json
from tests.lab.fixtures import fresh_name
from tests.lab.lab import Lab
from tests.lab.namespaces import empty
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE, deployment, roll_out_is_stuck, rolled_out
from tests.real.conftest import Install
from tests.real.pools import Pool, until_moved
from tests.real.service import Line, Service, alert
from tests.real.site import Site
from tests.real.test_main_job import image, stuck

pytestmark = pytest.mark.lab

UNDO = """
groups:
  - name: workloads
    guards: {{startup_grace: 0s, budget: {{max: 99, per: 1h}}, max_in_flight: 99, global_max_in_flight: 99,
              storm: {{share: 100%, at_least: 1}}}}
    rules:
      - name: undo-bad-rollout
        when: {{alert: 'KubeDeploymentRolloutStuck{{namespace=~"{namespaces}"}}'}}
        target: {{kind: Deployment, label: deployment}}
        do: [rollback]
        until: {{ready: true, for: 1s, within: 20m}}
"""

RESTART = """
      - name: restart-leaking
        when: {{alert: 'Leaking{{namespace=~"{namespaces}"}}'}}
        target: {{kind: Deployment, label: deployment}}
        do: [restart]
        until: {{ready: true, for: 1s, within: 20m}}
"""

DRAIN = """
      - name: drain-bad-node
        when: {{alert: NodeBad}}
        target: {{kind: Node, label: node}}
        do: [drain]
        until: {{ready: true, for: 1s, within: 20m}}
"""

Right = tuple[str, str]
"""A resource and a verb."""

COURTESY = {
    ("pods", "list"),
    ("pods/log", "get"),
    ("services", "list"),
    ("endpointslices", "list"),
    ("events", "list"),
    ("events", "create"),
}
"""What only tells people more: without it the work goes on."""

ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}


@pytest.fixture
def broken(lab: Lab) -> Iterator[Callable[[int], list[str]]]:
    """`broken(n)` makes so many namespaces, in each a Deployment whose roll-out is stuck."""
    made: list[str] = []

    def one(name: str) -> str:
        lab.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        lab.admin.wait_for("serviceaccounts", "default", name, lambda account: True)
        lab.admin.create(deployment("web", strategy=ROLLING), name)
        lab.admin.wait_for("deployments", "web", name, rolled_out)
        faults.stuck_rollout(lab.admin, "web", name)
        lab.admin.wait_for("deployments", "web", name, roll_out_is_stuck)
        return name

    def several(number: int) -> list[str]:
        made.extend(fresh_name("test_rbac") for _ in range(number))
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, made))

    yield several
    for name in made:
        empty(lab.admin, name)


@pytest.fixture
def pool(lab: Lab) -> Iterator[Pool]:
    made = Pool(lab, f"pool-{secrets.token_hex(2)}")
    yield made
    made.remove()


def refused(lab: Lab, account: Account, namespace: str | None = None) -> list[tuple[str, str]]:
    return [
        (f"{one.resource}/{one.subresource}".rstrip("/"), one.verb)
        for one in lab.requests(account, namespace)
        if one.code == 403
    ]


def closed(service: Service) -> dict[str, str]:
    """The rules whose incidents are closed, and how."""
    return {line["rule"]: line["data"]["reason"] for line in service.lines("incident_closed")}


def test_rollback_restart_and_drain_need_no_more_than_is_printed(
    lab: Lab, site: Site, install: Install, broken: Callable[[int], list[str]], pool: Pool
) -> None:
    (space,) = broken(1)
    lab.admin.create(deployment("cache"), space)
    pool.run(space, "moving")
    lab.admin.wait_for("deployments", "cache", space, rolled_out)
    rules = (UNDO + RESTART + DRAIN).format(namespaces=space)
    account = site.grant(site.printed(rules))
    service = install(rules, kubeconfig=account.kubeconfig, kubernetes={"kubeconfig": str(account.kubeconfig)}).start()

    service.post(stuck(space), alert("Leaking", space, deployment="cache"), alert("NodeBad", "", node=pool.first))

    wait_for(lambda: closed(service), lambda found: len(found) == 3, "three ends")
    assert set(closed(service).values()) == {"recovered"}
    assert image(lab, space) == GOOD_IMAGE
    until_moved(pool, "moving", 2)
    without_keda = {("scaledobjects", "list")}
    assert set(refused(lab, account)) <= without_keda


def test_with_any_one_verb_less_it_refuses_and_names_the_missing_rule(
    lab: Lab, site: Site, install: Install, broken: Callable[[int], list[str]]
) -> None:
    """In each of the namespaces another verb is missing, and there is what is broken and what is well: guards ask for
    more where something that serves is taken away. One service works for all of them.
    """
    one = next(item for item in site.printed((UNDO + RESTART).format(namespaces="some")) if item["kind"] == "Role")
    rights = [(rule["resources"][0], verb) for rule in one["rules"] for verb in rule["verbs"]]
    lacking = dict(zip(broken(len(rights)), rights, strict=True))
    for space in lacking:
        lab.admin.create(deployment("cache", replicas=2, strategy=ROLLING), space)
    for space in lacking:
        lab.admin.wait_for("deployments", "cache", space, rolled_out)
    rules = (UNDO + RESTART).format(namespaces="|".join(lacking))
    account = site.grant(_less(site.printed(rules), lacking))
    service = install(rules, kubeconfig=account.kubeconfig, kubernetes={"kubeconfig": str(account.kubeconfig)}).start()

    service.post(*(each for space in lacking for each in (stuck(space), alert("Leaking", space, deployment="cache"))))

    wait_for(lambda: _open(service, lacking), lambda left: not left, "an end of everything")
    for space, right in lacking.items():
        ends = _ends(service.lines(), space, right)
        assert set(refused(lab, account, space)) <= {right}, f"{space} lacks {right} alone"
        written = {each.name for each in lab.writes(account, space) if each.resource == "deployments"}
        assert written == {name for name, end in ends.items() if end == "recovered"}, right
        assert ("refused" in ends.values()) == (right not in COURTESY), f"{right}: {ends}"
    assert "no Events: the account lacks create on events" in service.log


def _less(items: list[Json], lacking: dict[str, Right]) -> list[Json]:
    """The roles with one verb less in each namespace."""
    for item in items:
        resource, verb = lacking.get(item["metadata"].get("namespace", ""), ("", ""))
        for rule in item.get("rules", ()):
            rule["verbs"] = [each for each in rule["verbs"] if (rule["resources"][0], each) != (resource, verb)]
        if "rules" in item:
            item["rules"] = [rule for rule in item["rules"] if rule["verbs"]]
    return items


def _open(service: Service, lacking: dict[str, Right]) -> list[tuple[Right, dict[str, str]]]:
    """Where one of the two incidents has no end yet."""
    lines = service.lines()
    all_ends = [(right, _ends(lines, space, right)) for space, right in lacking.items()]
    return [each for each in all_ends if "" in each[1].values()]


def _ends(lines: Sequence[Line], space: str, right: Right) -> dict[str, str]:
    """What became of the incidents about both Deployments: recovered, refused for want of the right, or nothing yet."""
    resource, verb = right
    missing = f'resources: ["{resource}"], verbs: ["{verb}"]'
    found = {"web": "", "cache": ""}
    for line in lines:
        labels = line["data"].get("labels") or {}  # of an alert whose Deployment cannot be read there is no target
        name = (line["target"] or {}).get("name") or labels.get("deployment")
        if space not in str(line) or name not in found or line["kind"] == "diagnosis":
            continue  # a diagnosis says what it could not read, and holds nothing back
        if line["kind"] == "incident_closed" and line["data"]["reason"] == "recovered":
            found[name] = "recovered"
        elif right not in COURTESY and missing in str(line):
            found[name] = "refused"
    return found
