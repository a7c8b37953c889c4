"""Who may do what, on a real control plane and over TLS: service accounts judged by RBAC, certificates renewed, secrets
that appear nowhere, and hostile text that stays text. One installation, one story.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import GOOD_IMAGE
from tests.real.conftest import Install
from tests.real.service import RIGHTS, Service
from tests.real.test_main_job import UNDO, broken, image, stuck
from tests.unit.clients.certificates import Authority

pytestmark = pytest.mark.lab

HOSTILE = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\u202e\r\n2026 level=error forged"

REVIEWS = [
    {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
    {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
]

EVENTS = {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}
SWITCH = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["remediator-pause"], "verbs": ["get"]}

ASKING = """
  - name: asking
    rules:
      - name: ask
        when: {query: 'up == 0'}
        target: {kind: Deployment}
        do: [restart]
"""


def role(*verbs: str) -> list[dict[str, Any]]:
    return [{"apiGroups": ["remediator.io"], "resources": ["remediations"], "verbs": list(verbs)}]


class Site:
    """The installation, its CA, its secrets, and everything that it has answered."""

    def __init__(self, service: Service, lab: Lab) -> None:
        self.service, self.lab, self.ca = service, lab, Authority()
        self.secrets: dict[str, str] = {}
        self.answers: list[str] = []
        self.refusals: list[tuple[int, str, str]] = []
        (service.folder / "ca.pem").write_text(self.ca.pem)
        self.folder, self.context = service.folder, ssl.create_default_context(cadata=self.ca.pem)
        self.context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        service.verify_tls = self.context
        service.url = service.url.replace("http://", "https://")

    def secret(self, name: str, text: str = "") -> str:
        """A file with a canary in it."""
        self.secrets[name] = f"canary-{name}-5f1d"
        file = self.service.folder / name
        file.write_text((text or "{}").format(self.secrets[name]))
        return str(file)

    def token_for(self, account: str, namespace: str, audience: str) -> str:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [audience]}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return self.lab.admin.request("POST", path, body)["status"]["token"]

    def ask(self, method: str, path: str, token: str = "", body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url, verify = f"{self.service.url}{path}", self.service.verify_tls
        answer = httpx.request(method, url, json=body, headers=headers, verify=verify, timeout=PATIENCE)
        self.answers.append(f"{answer.headers} {answer.text}")
        if answer.status_code in (401, 403, 409):
            self.refusals.append((answer.status_code, method, path.partition("?")[0]))
        return answer

    def cli(self, *args: str, token_file: str) -> subprocess.CompletedProcess[str]:
        where = [
            "--server",
            self.service.url,
            "--token-file",
            token_file,
            "--ca-file",
            str(self.service.folder / "ca.pem"),
        ]
        command = [sys.executable, "-m", "remediator", *args, *where]
        found = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.answers.append(found.stdout + found.stderr)
        return found

    def serial(self) -> str:
        """The number of the certificate that a new connection gets."""
        host, port = self.service.url.removeprefix("https://").split(":")
        plain = socket.create_connection((host, int(port)))
        with plain, self.context.wrap_socket(plain, server_hostname=host) as secure:
            return str((secure.getpeercert() or {})["serialNumber"])


@pytest.fixture
def site(lab: Lab, namespace: str, account: MakeAccount, install: Install) -> Site:
    """Mode `approve`: a rollback will wait. Two service accounts: one may look, one may approve."""
    product = account([*RIGHTS, EVENTS, SWITCH], REVIEWS, name="product")
    for name, verbs in (("viewer", ("view",)), ("approver", ("view", "approve"))):
        account((), role(*verbs), name=name)
    broken(lab, namespace)
    site = Site(install(UNDO + ASKING, kubeconfig=product.kubeconfig, mode="approve"), lab)
    certificate = str(site.ca.certificate(site.service.folder / "tls.pem"))
    url_file, signing = site.secret("url", "http://127.0.0.1:1/{}"), site.secret("signing", "whsec_{}")
    site.service.settings |= {
        "receivers": [{"name": "oncall", "webhook_configs": [{"url_file": url_file, "signing_secret_file": signing}]}],
        "notices": {"receiver": "oncall", "occasions": ["opened"]},
        "prometheus": {
            "url": "http://127.0.0.1:1",
            "http_config": {"basic_auth": {"username": "u", "password_file": site.secret("prometheus")}},
        },
        "log": {"level": "debug"},
    }
    site.service.settings["kubernetes"]["events"] = True
    site.service.settings["web"] |= {
        "tls_config": {"cert_file": certificate, "key_file": certificate},
        "auth": {
            "webhook_token_file": site.secret("webhook"),
            "operators": [{"name": "alice", "token_file": site.secret("alice"), "roles": ["view"]}],
            "kubernetes": {"enabled": True, "audiences": ["remediator"]},
        },
    }
    site.secrets["account"] = product.token
    site.service.start(POD_NAMESPACE=namespace)
    return site


def test_access(site: Site, lab: Lab, namespace: str) -> None:
    a_configmap_pauses_everything(site, lab, namespace)
    incident, plan = hand_in(site, namespace)
    viewer, approver = (site.token_for(name, namespace, "remediator") for name in ("viewer", "approver"))
    foreign = site.token_for("approver", namespace, "https://kubernetes.default.svc.cluster.local")
    site.secrets |= {"viewer": viewer, "approver": approver, "foreign": foreign}

    path = f"/api/v1/incidents/{incident}"
    for token, status in (("", 401), (foreign, 401), (approver[:-5] + "AAAAA", 401), (viewer, 200), (approver, 200)):
        assert site.ask("GET", path, token).status_code == status
    answers_count_once_from_those_who_may(site, lab, namespace, path, plan)
    events_tell_of_it(lab, namespace)
    shown = the_certificate_is_renewed_while_all_goes_on(site, incident)
    for path in ("/api/v1/status", "/api/v1/journal?limit=1000", "/api/v1/incidents", "/readyz", "/metrics", "/no"):
        site.ask("GET", path, site.secrets["alice"])
    hostile_text_stays_text(site, shown)
    every_refusal_is_logged(site)
    no_secret_is_anywhere(site)
    a_follower_does_not_hold_up_the_end(site)


def a_configmap_pauses_everything(site: Site, lab: Lab, namespace: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "remediator-pause"},
        "data": {"reason": HOSTILE},
    }
    lab.admin.create(body, namespace)
    pause = site.service.wait_for_line("pause", lifted=False)
    assert pause["actor"] == f"operator:kubernetes:ConfigMap/{namespace}/remediator-pause"
    lab.admin.delete("configmaps", "remediator-pause", namespace)
    site.service.wait_for_line("pause", lifted=True)


def hand_in(site: Site, namespace: str) -> tuple[str, str]:
    """Strangers hand in nothing, Alertmanager a hostile alert: its incident and the plan that waits."""
    alert: dict[str, Any] = stuck(namespace)
    alert |= {"annotations": {"summary": HOSTILE}, "labels": {**alert["labels"], "evil": HOSTILE}}
    payload = {"version": "4", "status": "firing", "alerts": [alert]}
    for token in ("", "wrong", site.secrets["alice"]):
        assert site.ask("POST", "/webhook/alertmanager", token, payload).status_code == 401
    assert site.ask("POST", "/webhook/alertmanager", site.secrets["webhook"], payload).status_code == 200
    decision = site.service.wait_for_line("decision", result="await_approval")
    return decision["incident"], decision["data"]["plan"]


def answers_count_once_from_those_who_may(site: Site, lab: Lab, namespace: str, path: str, plan: str) -> None:
    word = {"plan": plan, "reason": HOSTILE}
    for who in ("viewer", "alice"):
        assert site.ask("POST", f"{path}/approve", site.secrets[who], word).status_code == 403
    approver = site.secrets["approver"]
    assert site.ask("POST", f"{path}/approve", approver, word | {"plan": "another"}).status_code == 409
    assert image(lab, namespace) != GOOD_IMAGE
    told, name = site.ask("POST", f"{path}/approve", approver, word), f"kubernetes:system:serviceaccount:{namespace}"
    assert (told.status_code, told.json()["by"]) == (200, f"{name}:approver")
    site.service.wait_for_line("outcome", status="applied")
    said = [
        (line["actor"].removeprefix("operator:"), line["data"]["answer"]) for line in site.service.lines("approval")
    ]
    refused = [(f"{name}:viewer", "refused"), ("alice", "refused"), (f"{name}:approver", "refused")]
    assert said == [*refused, (f"{name}:approver", "approve")]


def events_tell_of_it(lab: Lab, namespace: str) -> None:
    """What `kubectl describe deployment web` shows."""

    def ours(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        said = [each for each in found if each.get("source", {}).get("component") == "remediator"]
        return [each for each in said if each["reason"] == "Remediated"]

    (event,) = ours(wait_for(lambda: lab.admin.list("events", namespace), ours, "an Event of the remediator"))
    live = lab.admin.get("deployments", "web", namespace)
    assert (event["involvedObject"]["uid"], event["type"]) == (live["metadata"]["uid"], "Normal")
    assert "undo-bad-rollout" in event["message"]


def the_certificate_is_renewed_while_all_goes_on(site: Site, incident: str) -> str:
    """What the command line shows of the incident."""
    before, alice = site.serial(), str(site.folder / "alice")
    shown = site.cli("incidents", "show", incident, token_file=alice)
    site.ca.certificate(site.folder / "new.pem").replace(site.folder / "tls.pem")
    wait_for(site.serial, lambda serial: serial != before, "the new certificate")
    again = site.cli("incidents", token_file=alice)
    assert (shown.returncode, again.returncode) == (0, 0), shown.stderr + again.stderr
    return shown.stdout


def hostile_text_stays_text(site: Site, shown: str) -> None:
    for text in (shown, site.service.log):
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
    assert [line for line in site.service.log.splitlines() if not line.startswith("{")] == [], "nothing is forged"


def every_refusal_is_logged(site: Site) -> None:
    assert {status for status, _, _ in site.refusals} == {401, 403, 409}

    def told() -> list[dict[str, Any]]:
        whole = site.service.log.rpartition("\n")[0].splitlines()
        lines = [json.loads(line) for line in whole if line.startswith("{")]
        return [line for line in lines if line["event"] == "refused"]

    def all_of_them(lines: list[dict[str, Any]]) -> bool:
        return set(site.refusals) <= {(line["status"], line["method"], line["path"]) for line in lines}

    logged = wait_for(told, all_of_them, "every refusal in the log")
    assert all(line["client"] == "127.0.0.1" and line["problem"] for line in logged)


def no_secret_is_anywhere(site: Site) -> None:
    log = wait_for(lambda: site.service.log, lambda log: "undelivered" in log, "the receiver that does not answer")
    everything = {"log": log, "journal": json.dumps(site.service.lines()), "answers": "".join(site.answers)}
    found = [
        (name, where) for name, secret in site.secrets.items() for where, text in everything.items() if secret in text
    ]
    assert found == []
    assert "the webhook's credentials are missing or wrong" in log


def a_follower_does_not_hold_up_the_end(site: Site) -> None:
    url = f"{site.service.url}/api/v1/journal/follow?after=0"
    headers = {"Authorization": f"Bearer {site.secrets['alice']}"}
    with httpx.stream("GET", url, headers=headers, verify=site.context, timeout=PATIENCE) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("id: ")) == "id: 1"
        assert site.service.stop() == 0
        assert sum(line.startswith("id: ") for line in lines) >= 5, "what was there came, and the stream ended in order"
