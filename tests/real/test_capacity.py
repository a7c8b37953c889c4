"""Before a step takes pods away they must be able to come up anew, on a real control plane: quota, pod security, a
webhook that must answer and does not, room, and a disruption budget at its limit. Nothing is written where they could
not: no node is drained, no pod evicted, no Deployment restarted that would stop all of its pods first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.lab import faults
from tests.lab.errors import ApiError
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, disruption_budget, pod
from tests.real.conftest import Install
from tests.real.pools import Pool
from tests.real.service import Line, Service, alert
from tests.real.site import Site

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: nodes
    guards: {startup_grace: 0s, cooldown: 0s, flapping: {transitions: 60}, last_replica: allow, max_in_flight: 9,
             storm: {share: 100%, at_least: 100}, budget: {max: 99, per: 1h}}
    rules:
      - name: drain-bad-node
        when: {alert: '{alertname=~"Bad.*"}'}
        target: {kind: Node}
        do: [{drain: {timeout: 30m}}, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 1s, within: 20m}
      - name: restart-hung
        when: {alert: '{alertname=~"Hung.*"}'}
        target: {kind: Deployment}
        do: [restart, {escalate: {receiver: oncall}}]
        until: {for: 1s}
      - name: evict-sick
        when: {alert: '{alertname=~"Sick.*"}'}
        target: {kind: Pod}
        do: [evict, {escalate: {receiver: oncall}}]
        until: {for: 1s}
"""
WITHOUT_ROOM = "no other node has room for 3 pods"

Undo = Callable[[], object]


@pytest.fixture
def pool(lab: Lab) -> Iterator[Pool]:
    """Two nodes of the test's own."""
    made = Pool(lab, f"pool-{secrets.token_hex(2)}")
    yield made
    made.remove()


def over_quota(lab: Lab, namespace: str, pool: Pool) -> Undo:
    """More pods run than are granted by now: of those that go some would not come back."""
    faults.full_quota(lab.admin, namespace, 1)
    counted = {"pods": "3"}
    lab.admin.wait_for("resourcequotas", "full", namespace, lambda live: live.get("status", {}).get("used") == counted)
    return lambda: lab.admin.delete("resourcequotas", "full", namespace)


def restricted(lab: Lab, namespace: str, pool: Pool) -> Undo:
    """The namespace lets none but restricted pods in; those that run came before."""
    label = "pod-security.kubernetes.io/enforce"
    lab.admin.patch("namespaces", namespace, {"metadata": {"labels": {label: "restricted"}}})
    return lambda: lab.admin.patch("namespaces", namespace, {"metadata": {"labels": {label: None}}})


def webhook_is_down(lab: Lab, namespace: str, pool: Pool) -> Undo:
    """A webhook of the namespace's pods fails closed, and nobody listens there."""
    hook = {
        "name": "policy.lab.test",
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "clientConfig": {"url": "https://127.0.0.1:1/policy"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    lab.admin.request("POST", path, kind | {"metadata": {"name": namespace}, "webhooks": [hook]})
    return lambda: lab.admin.request("DELETE", f"{path}/{namespace}")


def no_other_node(lab: Lab, namespace: str, pool: Pool) -> Undo:
    """The only other node that the pods may go to is closed."""
    pool.open(pool.second, unschedulable=True)
    return lambda: pool.open(pool.second, unschedulable=None)


TROUBLES = {
    "exceeded quota: full": over_quota,
    'violates PodSecurity "restricted': restricted,
    "failed calling webhook": webhook_is_down,
    WITHOUT_ROOM: no_other_node,
}


def test_nothing_is_taken_away_that_could_not_come_back(
    lab: Lab, namespace: str, pool: Pool, site: Site, install: Install, receivers: list[object]
) -> None:
    """One node with what runs there, and four troubles one after the other; without any each step is done."""
    product = site.grant(site.printed(RULES, receivers=receivers))
    sick = pool.run(namespace)[0]["metadata"]["name"]
    pool.place(deployment("recreated", replicas=1, strategy={"type": "Recreate"}), namespace)
    service = install(RULES, kubeconfig=product.kubeconfig, receivers=receivers).start()
    for number, (expected, trouble) in enumerate(TROUBLES.items(), 1):
        undo = trouble(lab, namespace, pool)
        if expected != WITHOUT_ROOM:
            refuses_pods(lab, namespace, expected)
        firing = {"drain-bad-node": alert(f"Bad{number}", "", node=pool.first)}
        if expected != WITHOUT_ROOM:  # a pod that goes from a node that stays leaves its own
            firing["restart-hung"] = alert(f"Hung{number}", namespace, deployment="recreated")
            firing["evict-sick"] = alert(f"Sick{number}", namespace, pod=sick)
        try:
            service.post(*firing.values())
            for rule in firing:
                denied(service, rule, expected)
        finally:
            undo()
        refuses_pods(lab, namespace, "")
        service.post(*(each | {"status": "resolved"} for each in firing.values()), status="resolved")
        for rule in firing:
            ended(service, rule, number)
    assert lab.writes(product) == ()

    # a budget at its limit: nothing until it is freed
    lab.admin.create(disruption_budget("web", "web", 2), namespace)
    lab.admin.wait_for("poddisruptionbudgets", "web", namespace, lambda live: live["status"]["currentHealthy"] == 2)
    service.post(alert("SickLimited", namespace, pod=sick))
    held = wait_for(lambda: verdicts(service, "evict-sick", "disruption_budget", "hold"), bool, "the budget")
    assert "web" in held[0]
    assert lab.writes(product) == ()
    lab.admin.patch("poddisruptionbudgets", "web", {"spec": {"minAvailable": 1}}, namespace)
    lab.admin.wait_for("poddisruptionbudgets", "web", namespace, lambda live: live["status"]["disruptionsAllowed"] > 0)
    service.post(alert("SickLimited", namespace, pod=sick, instance="another"))  # it is asked again at once
    assert ended(service, "evict-sick", 4) == "recovered"
    assert [one.name for one in lab.writes(product)] == [sick]

    service.post(alert("HungAtLast", namespace, deployment="recreated"))
    assert ended(service, "restart-hung", 4) == "recovered"
    running = {pod["metadata"]["name"] for app in ("web", "recreated") for pod in pool.pods(pool.first, app)}
    service.post(alert("BadAtLast", "", node=pool.first))
    assert ended(service, "drain-bad-node", 5) == "recovered"
    gone = [one.name for one in lab.writes(product) if one.subresource == "eviction"]
    assert sorted(gone) == sorted([sick, *running])
    assert lab.refused(product) == ()


def of(service: Service, kind: str, rule: str) -> list[Line]:
    return [line for line in service.lines(kind) if line["rule"] == rule]


def ended(service: Service, rule: str, number: int) -> str:
    """How a rule's incidents ended at last; waits until so many have."""
    seen = wait_for(
        lambda: of(service, "incident_closed", rule),
        lambda lines: len(lines) >= number,
        f"{number} ends of {rule}",
    )
    return seen[-1]["data"]["reason"]


def denied(service: Service, rule: str, why: str) -> None:
    """Wait until the guard `capacity` has denied a rule's step, and said so why."""
    wait_for(
        lambda: verdicts(service, rule, "capacity", "deny"),
        lambda seen: any(why in each for each in seen),
        f"{rule} to be denied: {why}",
    )


def refuses_pods(lab: Lab, namespace: str, why: str) -> None:
    """Wait until the API server refuses a new pod so (empty: takes one): it sees what was set a moment after it was."""

    def answer() -> str:
        try:
            lab.admin.create(pod("asked"), namespace, dry_run=True)
        except ApiError as error:
            return str(error)
        return ""

    wait_for(answer, lambda said: why in said if why else not said, f"a pod to be refused: {why!r}")


def verdicts(service: Service, rule: str, guard: str, verdict: str) -> list[str]:
    """The reasons of a guard's verdicts on a rule's steps."""
    found = [each for line in of(service, "decision", rule) for each in line["data"]["verdicts"]]
    return [each["reason"] for each in found if (each["guard"], each["verdict"]) == (guard, verdict)]
