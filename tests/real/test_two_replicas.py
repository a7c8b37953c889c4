"""Two replicas over one journal in PostgreSQL and one Lease: one decides, and what it left is taken up by the other.

Each acts under a service account of its own, so that the API server's audit log tells who wrote what.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from remediator.executor import FENCE
from tests.faults.wire import Wire
from tests.lab.accounts import Account
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.postgresql import PostgreSQL
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment
from tests.real.held_api import HeldApi
from tests.real.service import RIGHTS, Service
from tests.real.test_main_job import UNDO, broken, stuck

pytestmark = pytest.mark.lab

LEASE = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
LEASES = [
    {**LEASE, "verbs": ["get", "watch", "patch"], "resourceNames": ["remediator"]},
    {**LEASE, "verbs": ["create"]},
]

WATCHES = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"]}
PAUSED = """
      - name: tell-of-paused
        when: {{object: {{kind: Deployment, namespace: {namespace}, where: 'object.spec.paused == true'}}}}
        target: {{kind: Deployment}}
        do: [{{escalate: {{receiver: oncall}}}}]
"""

ALICE = {"Authorization": "Bearer alices-token"}

Replica = Callable[..., Service]


@pytest.fixture
def replica(
    account: MakeAccount, namespace: str, postgresql: PostgreSQL, tmp_path: Path, receivers: list
) -> Iterator[Replica]:
    """`replica("one")` → a service under an account of that name, not started, perhaps `through` a proxy."""
    url, made = postgresql.fresh_database(), []

    def make(name: str, through: HeldApi | None = None) -> Service:
        folder = tmp_path / name
        folder.mkdir()
        who = account([*RIGHTS, *LEASES, WATCHES], name=name)
        kubeconfig = through.kubeconfig(who, folder) if through else who.kubeconfig
        election = {"namespace": namespace, "duration": "8s", "renew": "5s", "retry": "1s"}
        rules = UNDO + PAUSED.format(namespace=namespace)
        service = Service(folder, kubeconfig, rules, receivers=receivers, leader_election=election)
        service.settings["storage"] = {"url": url}
        service.journal_url, service.account = url, who
        (folder / "alice").write_text("alices-token")
        operators = [{"name": "alice", "token_file": str(folder / "alice"), "roles": ["approve"]}]
        service.settings["web"]["auth"] = {"operators": operators}
        made.append(service)
        return service

    yield make
    for service in made:
        service.kill()


def leadership(service: Service) -> str:
    try:
        return httpx.get(f"{service.url}/api/v1/status", headers=ALICE).json()["leadership"]
    except httpx.TransportError as error:
        return repr(error)


def say(service: Service, word: str, body: dict) -> dict:
    """An operator's word over HTTP, whoever is in charge."""
    answer = httpx.post(f"{service.url}/api/v1/{word}", json=body, headers=ALICE, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def in_charge(service: Service) -> float:
    """Wait until it is, and answer for how many seconds."""
    began = time.monotonic()
    wait_for(lambda: leadership(service), lambda said: said == "in charge", f"{service.folder.name} in charge")
    return time.monotonic() - began


def changes(lab: Lab, who: Account) -> list[str]:
    """What an account really changed, its election and its fences aside."""
    return [
        f"{write.verb} {write.resource}"
        for write in lab.writes(who)
        if write.resource != "leases" and FENCE not in (write.body["metadata"].get("annotations") or {})
    ]


def recovered(service: Service) -> None:
    service.wait_for_line("incident_closed", timeout=120, reason="recovered")
    service.verify()


def checks(service: Service) -> dict[str, dict]:
    """The answers of /readyz by name."""
    return {check["name"]: check for check in httpx.get(f"{service.url}/readyz").json()["checks"]}


def lists(lab: Lab, who: Account) -> list[str]:
    """What an account had listed whole."""
    return [read.resource for read in lab.requests(who) if read.verb == "list" and read.resource == "deployments"]


def test_who_stands_by_is_warm_its_caches_are_synced_and_it_takes_webhooks_before_it_leads(
    lab: Lab, namespace: str, replica: Replica
):
    one, two = replica("one").start(), replica("two")
    in_charge(one)
    two.start()
    wait_for(lambda: lists(lab, two.account), bool, "the objects that its rules speak of are known")
    wait_for(lambda: checks(two)["caches"]["ok"], bool, "caches synced")
    assert checks(two)["leader"]["detail"].startswith("standing by: ")
    assert two.post(stuck(namespace)).status_code == 200
    assert leadership(two).startswith("standing by: ")

    assert one.stop() == 0
    in_charge(two)
    lab.admin.create({**deployment("halted"), "spec": {**deployment("halted")["spec"], "paused": True}}, namespace)
    two.wait_for_line("signal", status="firing")
    assert lists(lab, two.account) == ["deployments"], "listed once, before it was in charge"
    watched = [each.code for each in lab.requests(two.account) if (each.verb, each.resource) == ("watch", "leases")]
    assert watched == [200], "a right to this Lease alone is enough"


def test_one_decides_both_take_payloads_and_a_clean_stop_hands_over(lab: Lab, namespace: str, replica: Replica):
    one, two = replica("one").start(), replica("two")
    in_charge(one)
    two.start()
    assert leadership(two).startswith("standing by: ")
    assert checks(two)["leader"]["detail"].startswith("standing by")

    assert say(two, "pause", {"namespace": namespace, "reason": "migration"})["by"] == "alice"
    broken(lab, namespace)
    assert two.post(stuck(namespace)).status_code == 200
    two.wait_for_line("decision", result="hold")
    assert changes(lab, one.account) == []
    assert len(say(two, "resume", {"namespace": namespace})["resumed"]) == 1
    recovered(two)
    assert [(line["actor"], line["data"]["reason"]) for line in two.lines("pause")] == [
        ("operator:alice", "migration"),
        ("operator:alice", ""),
    ]
    assert (changes(lab, one.account), changes(lab, two.account)) == (["patch deployments"], [])

    assert one.stop() == 0
    print(f"in charge {in_charge(two):.1f} s after the other ended in order")
    assert [line["data"]["epoch"] for line in two.lines("leader")] == [1, 2]


def test_what_a_killed_one_intended_the_other_takes_up_and_writes_once(lab: Lab, namespace: str, replica: Replica):
    with HeldApi(lab, hold="before") as api:
        one = replica("one", through=api).start()
        in_charge(one)
        two = replica("two").start()
        broken(lab, namespace)
        one.post(stuck(namespace))
        assert api.held.wait(60)
        one.kill()
        print(f"in charge {in_charge(two):.1f} s after kill -9")
        recovered(two)
    assert (changes(lab, one.account), changes(lab, two.account)) == ([], ["patch deployments"])
    statuses = [line["data"]["status"] for line in two.lines("outcome")]
    assert statuses == ["never_done", "applied"]  # fenced off, then done


def test_a_stopped_one_that_wakes_up_writes_nothing_and_its_late_write_fails(
    lab: Lab, namespace: str, replica: Replica
):
    with HeldApi(lab, hold="before") as api:
        one = replica("one", through=api).start()
        in_charge(one)
        two = replica("two").start()
        broken(lab, namespace)
        one.post(stuck(namespace))
        assert api.held.wait(60)
        assert one.process is not None
        one.process.send_signal(signal.SIGSTOP)
        in_charge(two)
        recovered(two)
        api.let_go()  # the write that was on its way arrives now
        one.process.send_signal(signal.SIGCONT)
        wait_for(lambda: leadership(one), lambda said: said.startswith("standing by"), "the woken one stands by")
        late = wait_for(
            lambda: [each.code for each in lab.refused(one.account) if each.resource == "deployments"],
            bool,
            "its write",
        )
        assert (late, changes(lab, one.account)) == ([409], [])
        assert two.stop() == 0
        in_charge(one)  # it is whole again
    assert len(one.lines("incident_closed")) == 1


def test_one_that_is_cut_off_from_the_api_server_gives_way(lab: Lab, namespace: str, replica: Replica):
    with HeldApi(lab) as api:
        one = replica("one", through=api).start()
        in_charge(one)
        two = replica("two").start()
        api.is_cut = True
        in_charge(two)
        assert leadership(one).startswith("standing by")
        broken(lab, namespace)
        assert one.post(stuck(namespace)).status_code == 200  # its journal takes payloads all the same
        recovered(two)
        assert changes(lab, one.account) == []


def test_one_that_is_cut_off_from_the_journal_gives_way(lab: Lab, namespace: str, replica: Replica):
    """It reaches the API server all the while, and could keep the lease for ever."""
    one = replica("one")
    with Wire(urlsplit(one.journal_url).port or 0) as wire:
        one.settings["storage"] = {
            "url": one.journal_url.replace(f":{urlsplit(one.journal_url).port}/", f":{wire.port}/")
        }
        one.start()
        in_charge(one)
        two = replica("two").start()
        wire.is_cut = True
        in_charge(two)
        broken(lab, namespace)
        assert two.post(stuck(namespace)).status_code == 200
        recovered(two)
        unready = wait_for(
            lambda: httpx.get(f"{one.url}/readyz", timeout=60), lambda seen: seen.status_code == 503, "it"
        )
        assert "the journal has not answered" in unready.text
        assert (changes(lab, one.account), changes(lab, two.account)) == ([], ["patch deployments"])
        wire.is_cut = False
        assert two.stop() == 0
        in_charge(one)  # it is whole again


def test_a_database_that_is_restarted_is_waited_for(lab: Lab, namespace: str, replica: Replica, postgresql: PostgreSQL):
    one, two = replica("one").start(), replica("two").start()
    broken(lab, namespace)
    assert one.post(stuck(namespace)).status_code == 200
    one.wait_for_line("outcome", status="applied")
    postgresql.restart()
    wait_for(lambda: one.post(), lambda answer: answer.status_code == 200, "payloads are taken again")
    recovered(two)
    assert sorted(changes(lab, one.account) + changes(lab, two.account)) == ["patch deployments"]
