"""Before a node is drained its pods must be able to come up elsewhere, on a real control plane: quota, pod security, a
webhook that must answer and does not, and room. Nothing is written where they could not.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.real.conftest import Install
from tests.real.pools import RIGHTS, Pool
from tests.real.service import Line, alert

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: nodes
    guards: {startup_grace: 0s, cooldown: 0s, flapping: {transitions: 60}}
    rules:
      - name: drain-bad-node
        when: {alert: '{alertname=~"Bad.*"}'}
        target: {kind: Node}
        do: [{drain: {timeout: 60s}}, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 1s, within: 30s}
"""

Undo = Callable[[], object]


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


def over_quota(lab: Lab, namespace: str, pool: Pool) -> Undo:
    """More pods run than are granted by now: of those that go some would not come back."""
    faults.full_quota(lab.admin, namespace, 1)
    counted = {"pods": "2"}
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
    "no other node has room for 2 pods": no_other_node,
}


def test_nothing_is_drained_that_could_not_come_back(
    lab: Lab, namespace: str, pool: Pool, remediator: Account, install: Install, receivers: list[object]
) -> None:
    """One node and four troubles, one after the other; without any it is drained."""
    pool.run(namespace)
    service = install(RULES, receivers=receivers).start()
    for number, (expected, trouble) in enumerate(TROUBLES.items(), 1):
        undo = trouble(lab, namespace, pool)
        firing = alert(f"Bad{number}", "", node=pool.first)
        try:
            service.post(firing)
            denials = wait_for_so_many(lambda: denied(service.lines("decision")), number, expected)
        finally:
            undo()
        assert expected in denials[-1], denials
        service.post(firing | {"status": "resolved"}, status="resolved")
        wait_for_so_many(lambda: service.lines("incident_closed"), number, "the end of the incident")
    assert lab.writes(remediator) == ()
    service.post(alert("BadAtLast", "", node=pool.first))
    service.wait_for_line("incident_closed", reason="recovered")
    assert len([one for one in lab.writes(remediator) if one.subresource == "eviction"]) == 2


def wait_for_so_many(look: Callable[[], list[Any]], number: int, what: str) -> list[Any]:
    """Wait until there are so many of them, and answer them."""
    return wait_for(look, lambda seen: len(seen) == number, what, 60)


def denied(decisions: list[Line]) -> list[str]:
    """What the guard `capacity` denied with, in order."""
    verdicts = [each for line in decisions for each in line["data"]["verdicts"]]
    return [each["reason"] for each in verdicts if (each["guard"], each["verdict"]) == ("capacity", "deny")]
