"""Messages, diagnoses, missing rights and outside systems over a real service, control plane and local servers.

One service walks through all of it: what is told when RBAC refuses, what a diagnosis reads from a kubelet, who is told
in which form, and that a message that was on its way at a kill -9 is told once by its key.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import faults
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, rolled_out
from tests.real.conftest import Install
from tests.real.held_api import HeldApi
from tests.real.kubelet import Kubelet
from tests.real.outposts import Outpost, Posted, post_office
from tests.real.pools import Pool
from tests.real.service import Service, alert
from tests.unit.notify.mail_server import MailServer

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: told
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 20, last_replica: allow,
             global_max_in_flight: 20, storm: {share: 100%, at_least: 100}}
    rules:
      - name: restart
        when: {alert: Crash}
        target: {kind: Deployment}
        do: [restart, {escalate: {receiver: oncall}}]
        until: {ready: false, check: 'target.replicas == 1', for: 1s, within: 20m}
      - {name: tell, when: {alert: Tell}, target: {kind: Deployment}, do: [none, {escalate: {receiver: quiet}}]}
      - {name: tell-gone, when: {alert: TellGone}, target: {kind: Deployment}, do: [{escalate: {receiver: gone}}]}
      - name: ask
        when: {alert: Ask}
        target: {kind: Deployment}
        do: [{webhook: {receiver: fixer, timeout: 3m}}]
        until: {for: 1s}
"""

RIGHTS = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods", "events", "services", "namespaces"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
]
SECRET = b"0123456789abcdef01234567"
PANIC = "connecting with password=hunter2\npanic: no route to database\n"


@pytest.fixture
def pool(lab: Lab) -> Iterator[Pool]:
    made = Pool(lab, f"told-{secrets.token_hex(2)}")
    yield made
    made.remove()


@pytest.fixture
def outpost() -> Iterator[Outpost]:
    with Outpost() as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with post_office() as server:
        yield server


def receivers(outpost: Outpost, mail: MailServer, folder: Path) -> list[dict[str, Any]]:
    """One receiver of every kind, one of a webhook alone, and an outside system."""
    files = {"hook": f"whsec_{base64.b64encode(SECRET).decode()}", "slack": "xoxb-of-the-test", "pagerduty": "key"}
    for name, text in files.items():
        (folder / name).write_text(text)
    return [
        {
            "name": "oncall",
            "webhook_configs": [{"url": f"{outpost.url}/hook", "signing_secret_file": str(folder / "hook")}],
            "slack_configs": [
                {
                    "app_token_file": str(folder / "slack"),
                    "channel": "#oncall",
                    "app_url": f"{outpost.url}/chat.postMessage",
                }
            ],
            "pagerduty_configs": [{"routing_key_file": str(folder / "pagerduty"), "url": f"{outpost.url}/enqueue"}],
            "email_configs": [
                {
                    "to": "oncall@example.org",
                    "from": "remediator@example.org",
                    "smarthost": mail.address,
                    "require_tls": False,
                }
            ],
        },
        {"name": "quiet", "webhook_configs": [{"url": f"{outpost.url}/quiet"}]},
        {"name": "gone", "webhook_configs": [{"url": f"{outpost.url}/gone"}]},
        {"name": "fixer", "webhook_configs": [{"url": f"{outpost.url}/fix"}]},
    ]


def test_what_people_and_outside_systems_are_told(
    lab: Lab,
    namespace: str,
    account: MakeAccount,
    pool: Pool,
    outpost: Outpost,
    mail: MailServer,
    install: Install,
    tmp_path: Path,
) -> None:
    product = account(RIGHTS, name="told")
    with Kubelet(tmp_path / "kubelet") as kubelet, HeldApi(lab) as proxy:
        kubelet.serve(lab, pool.first)
        kubelet.previous, kubelet.mute = {"crashing": PANIC}, ("silent",)
        pool.open(pool.second, unschedulable=True)
        for name, image in (("crashing", faults.CRASHING_IMAGE), ("silent", faults.CRASHING_IMAGE)):
            lab.admin.create(pool.placed(deployment(name, image, 1)), namespace)
        lab.admin.create(pool.placed(deployment("well", replicas=1)), namespace)
        lab.admin.create(pool.placed(deployment("recreated", replicas=1, strategy={"type": "Recreate"})), namespace)
        for name in ("crashing", "silent"):
            wait_for(lambda name=name: crashed(lab, namespace, name), bool, f"{name} to have crashed", 120)
        for name in ("well", "recreated"):
            lab.admin.wait_for("deployments", name, namespace, rolled_out)
        through = proxy.kubeconfig(product, tmp_path)
        service = install(RULES, through, receivers=receivers(outpost, mail, tmp_path)).start()

        # RBAC refuses: a person is told which rule is missing, and what the kubelet has of the container that ended
        outpost.says["/hook"] = 503
        service.post(alert("Crash", namespace, deployment="crashing"))
        wait_for(lambda: len(outpost.at("/hook")), lambda count: count >= 2, "a second attempt", 120)
        outpost.says["/hook"] = 200
        told = taken(outpost, "/hook")
        assert told.json["occasion"] == "escalated"
        assert {one.key for one in outpost.at("/hook", occasion="escalated")} == {told.key}
        assert {one.body for one in outpost.at("/hook", occasion="escalated")} == {told.body}
        assert_signed(told)
        rule = missing_rule(told.json["refused"])
        assert rule == {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "verbs": ["patch"],
            "resourceNames": ["crashing"],
        }
        denied = service.wait_for_line("decision", result="deny")
        assert missing_rule([each["reason"] for each in denied["data"]["verdicts"]]) == rule
        assert "resourceNames" in service.log
        (pod,) = told.json["diagnosis"]["pods"]
        assert "exit 1" in pod["last_exit"], pod
        (log,) = told.json["diagnosis"]["logs"]
        assert (log["previous"], log["lines"]) == (
            True,
            ["connecting with password=[redacted]", "panic: no route to database"],
        )
        assert "hunter2" not in b"".join(one.body for one in outpost.posted).decode()

        # every way of telling has its own form
        slack = wait_for(lambda: outpost.at("/chat.postMessage"), bool, "Slack's message", 120)[0]
        assert (slack.json["channel"], slack.headers["authorization"]) == ("#oncall", "Bearer xoxb-of-the-test")
        page = wait_for(lambda: outpost.at("/enqueue", event_action="trigger"), bool, "the page", 120)[0]
        assert (page.json["routing_key"], page.json["dedup_key"]) == ("key", told.json["incident"])
        handed = wait_for(lambda: mail.handed, bool, "the mail", 120)[0]
        assert (handed.recipients, "needs a person" in str(handed.mail["subject"])) == (["oncall@example.org"], True)

        # so does the dry run that asks whether a pod that goes could come back
        service.post(alert("Crash", namespace, deployment="recreated"))
        wait_for(lambda: denials(service, "capacity"), bool, "the guard's answer", 120)
        pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
        assert missing_rule(denials(service, "capacity")) == pods

        # the rule, pasted as it stands, is enough
        role = lab.admin.get("roles", "told", namespace)
        lab.admin.patch("roles", "told", {"rules": [*role["rules"], rule]}, namespace)
        again = alert("Crash", namespace, deployment="crashing")
        service.post(again | {"status": "resolved"}, status="resolved")
        again |= {"startsAt": "2026-11-23T11:00:00Z"}
        service.wait_for_line("incident_closed", timeout=120)

        # somebody writes between the decision and the write: 409, planned anew on what is there then
        proxy.hold_write("before")
        service.post(again)
        assert proxy.held.wait(120)
        lab.admin.patch("deployments", "crashing", {"metadata": {"labels": {"lab/touched": "yes"}}}, namespace)
        proxy.let_go()
        service.wait_for_line("outcome", timeout=120, status="applied")
        first, *others = [line["data"]["status"] for line in service.lines("outcome")]
        assert first == "conflict"
        assert set(others) <= {"conflict", "applied"}, "what crashes has another status each time"
        assert others.count("applied") == 1
        assert {one.code for one in lab.refused(product)} == {409}
        assert [one.name for one in lab.writes(product)] == ["crashing"]

        # a kubelet that never answers holds nothing up
        service.post(alert("Tell", namespace, deployment="silent"))
        silent = wait_for(lambda: outpost.at("/quiet", occasion="escalated"), bool, "the message", 120)[0]
        assert "took longer than" in silent.json["diagnosis"]["unread"]["logs"]

        # on their way at a kill -9: with nobody there, taken without the sender hearing of it, and not yet granted
        killed_on_the_way(service, outpost, namespace)
        service.stop()


def killed_on_the_way(service: Service, outpost: Outpost, namespace: str) -> None:
    """Each is told once by its key, in the same words; the outside system's step is then proven."""
    first = {one.key for one in outpost.at("/quiet")}
    outpost.says |= {"/quiet": 503, "/gone": 0, "/fix": 503}
    for name in ("Tell", "TellGone", "Ask"):
        service.post(alert(name, namespace, deployment="well"))
    tried = wait_for(
        lambda: [one for path in outpost.says for one in outpost.at(path) if one.answered != 200],
        lambda seen: {one.path for one in seen} >= {"/quiet", "/gone", "/fix"},
        "an attempt at each",
        120,
    )
    service.kill()
    outpost.says.clear()
    service.start()
    keys = {one.key for one in tried if one.path in ("/quiet", "/gone", "/fix")} - first
    for key in keys:
        taken = wait_for(lambda key=key: outpost.of(key, 200), bool, f"{key} to be taken", 120)
        assert (len(taken), len({one.body for one in outpost.of(key)})) == (1, 1), key
    closed = wait_for(
        lambda: [one for one in service.lines("incident_closed") if one["rule"] == "ask"], bool, "its end"
    )
    assert closed[0]["data"]["reason"] == "recovered"
    (intent,) = [line["data"] for line in service.lines("intent") if line["rule"] == "ask"]
    assert {one.key for one in outpost.at("/fix", occasion="called")} == {f"{intent['id']}-webhook-0"}
    told = [line["data"] for line in service.lines("notice") if line["data"]["status"] == "delivered"]
    assert len(told) == len({(one["key"], one["receiver"], one["endpoint"]) for one in told})
    service.verify()


def crashed(lab: Lab, namespace: str, app: str) -> bool:
    """Whether a container of the app has ended and begun again."""
    pods = lab.admin.list("pods", namespace, labels=f"app={app}")
    return any(
        each.get("lastState", {}).get("terminated") for pod in pods for each in pod["status"]["containerStatuses"]
    )


def denials(service: Service, guard: str) -> list[str]:
    """Why a guard denied something."""
    verdicts = [each for line in service.lines("decision") for each in line["data"]["verdicts"]]
    return [each["reason"] for each in verdicts if (each["guard"], each["verdict"]) == (guard, "deny")]


def taken(outpost: Outpost, path: str) -> Posted:
    """The first message that was answered with 200; waits for it."""
    return wait_for(lambda: [one for one in outpost.at(path) if one.answered == 200], bool, "a message taken", 120)[0]


def assert_signed(one: Posted) -> None:
    """As Standard Webhooks says: the HMAC over id, timestamp and body."""
    signed = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode() + one.body
    expected = base64.b64encode(hmac.digest(SECRET, signed, "sha256")).decode()
    assert one.headers["webhook-signature"] == f"v1,{expected}"


def missing_rule(texts: list[str]) -> dict[str, Any]:
    """The RBAC rule that one of the texts names, read as it would be from a Role."""
    text = next(text for text in texts if "- {apiGroups" in text)
    ((rule,),) = (yaml.safe_load(text[text.index("- {apiGroups") : text.index("}") + 1]),)
    return rule
