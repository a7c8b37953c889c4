"""Two replicas over one journal in PostgreSQL and one Lease: one decides, and what it left is taken up by the other.

Each acts under a service account of its own, so that the API server's audit log tells who wrote what.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from remediator.executor import FENCE
from tests.faults.wire import Wire
from tests.lab.accounts import Account, create_account
from tests.lab.answering import HTTP
from tests.lab.fixtures import fresh_name
from tests.lab.lab import Lab
from tests.lab.namespaces import empty
from tests.lab.postgresql import PostgreSQL
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import deployment
from tests.real.held_api import HeldApi
from tests.real.service import RIGHTS, Line, Service
from tests.real.test_main_job import UNDO_MANY, broken, stuck

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

SOON = {"duration": "8s", "renew": "5s", "retry": "1s"}
"""Where the office of one that is gone is to be taken over."""
LATE = {"duration": "100s", "renew": "80s", "retry": "10s"}
"""Where it is handed over, and a machine that stands still for a while is no reason to lose it."""


class Place:
    """A namespace with a Lease, a journal, and replicas, each under an account of its own."""

    def __init__(self, lab: Lab, postgresql: PostgreSQL, folder: Path, receivers: list[object]) -> None:
        self.lab, self.namespace, self._folder, self._receivers = lab, fresh_name(folder.name), folder, receivers
        self.journal_url, self.made = postgresql.fresh_database(), list[Service]()
        folder.mkdir()
        lab.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        lab.admin.wait_for("serviceaccounts", "default", self.namespace, bool)

    def replica(self, name: str, through: HeldApi | None = None, times: dict[str, str] = SOON) -> Service:
        """A service, not started, perhaps `through` a proxy."""
        folder = self._folder / name
        folder.mkdir()
        create_account(self.lab.admin, name, self.namespace, [*RIGHTS, *LEASES, WATCHES])
        who = self.lab.account_of(name, self.namespace)
        kubeconfig = through.kubeconfig(who, folder) if through else who.kubeconfig
        election = {"namespace": self.namespace, **times}
        rules = UNDO_MANY + PAUSED.format(namespace=self.namespace)
        service = Service(folder, kubeconfig, rules, receivers=self._receivers, leader_election=election)
        service.settings["storage"] = {"url": self.journal_url}
        service.journal_url, service.account = self.journal_url, who
        (folder / "alice").write_text("alices-token")
        operators = [{"name": "alice", "token_file": str(folder / "alice"), "roles": ["approve"]}]
        service.settings["web"]["auth"] = {"operators": operators}
        self.made.append(service)
        return service

    def end(self) -> None:
        for service in self.made:
            service.kill()
            service.account.api.close()
        empty(self.lab.admin, self.namespace)


@pytest.fixture
def place(
    lab: Lab, postgresql: PostgreSQL, tmp_path: Path, receivers: list[object]
) -> Iterator[Callable[[str], Place]]:
    """`place("killed")` → a place of its own."""
    made: list[Place] = []

    def make(name: str) -> Place:
        made.append(Place(lab, postgresql, tmp_path / name, receivers))
        return made[-1]

    yield make
    for each in made:
        each.end()


def leadership(service: Service) -> str:
    return HTTP.get(f"{service.url}/api/v1/status", headers=ALICE).json()["leadership"]


def stands_by(service: Service) -> None:
    wait_for(lambda: leadership(service), lambda said: said.startswith("standing by"), f"{service.folder} standing by")


def say(service: Service, word: str, body: dict[str, str]) -> dict[str, Any]:
    """An operator's word over HTTP, whoever is in charge."""
    answer = HTTP.post(f"{service.url}/api/v1/{word}", json=body, headers=ALICE)
    assert answer.status_code == 200, answer.text
    return answer.json()


def in_charge(service: Service) -> float:
    """Wait until it is, and answer for how many seconds."""
    began = time.monotonic()
    wait_for(lambda: leadership(service), lambda said: said == "in charge", f"{service.folder} in charge")
    return time.monotonic() - began


def changes(lab: Lab, who: Account) -> list[str]:
    """What an account really changed, its election and its fences aside."""
    return [
        f"{write.verb} {write.resource}"
        for write in lab.writes(who)
        if write.resource != "leases" and FENCE not in (write.body["metadata"].get("annotations") or {})
    ]


def recovered(service: Service, name: str = "web") -> None:
    wait_for(
        lambda: [line["data"]["reason"] for line in of(service, "incident_closed", name)],
        lambda reasons: "recovered" in reasons,
        f"{name} to recover",
    )
    service.verify()


def of(service: Service, kind: str, name: str) -> list[Line]:
    """The journal's lines of a kind about a Deployment."""
    return [line for line in service.lines(kind) if (line["target"] or {}).get("name") == name]


def outcomes(service: Service, name: str) -> list[str]:
    return [line["data"]["status"] for line in of(service, "outcome", name)]


def firing(service: Service, name: str) -> list[Line]:
    return [line for line in of(service, "signal", name) if line["data"]["status"] == "firing"]


def checks(service: Service) -> dict[str, dict]:
    """The answers of /readyz by name."""
    return {check["name"]: check for check in HTTP.get(f"{service.url}/readyz").json()["checks"]}


def lists(lab: Lab, who: Account) -> list[str]:
    """What an account had listed whole."""
    return [read.resource for read in lab.requests(who) if read.verb == "list" and read.resource == "deployments"]


def test_who_stands_by_is_warm_and_an_office_that_is_given_up_is_taken_over_at_once(
    lab: Lab, place: Callable[[str], Place], postgresql: PostgreSQL
) -> None:
    """One decides, both take payloads; after a clean stop the other one decides, also while the database restarts."""
    here = place("clean")
    one, two = here.replica("one", times=LATE).start(), here.replica("two", times=LATE)
    in_charge(one)
    two.start()
    wait_for(lambda: lists(lab, two.account), bool, "the objects that its rules speak of are known")
    wait_for(lambda: checks(two)["caches"]["ok"], bool, "caches synced")
    assert checks(two)["leader"]["detail"].startswith("standing by: ")

    assert say(two, "pause", {"namespace": here.namespace, "reason": "migration"})["by"] == "alice"
    for name in ("web", "later"):
        broken(lab, here.namespace, name)
    assert two.post(stuck(here.namespace)).status_code == 200
    two.wait_for_line("decision", result="hold")
    assert changes(lab, one.account) == []
    assert len(say(two, "resume", {"namespace": here.namespace})["resumed"]) == 1
    recovered(two)
    assert [(line["actor"], line["data"]["reason"]) for line in two.lines("pause")] == [
        ("operator:alice", "migration"),
        ("operator:alice", ""),
    ]
    assert (changes(lab, one.account), changes(lab, two.account)) == (["patch deployments"], [])
    assert leadership(two).startswith("standing by: ")

    assert one.stop() == 0
    print(f"in charge {in_charge(two):.1f} s after the other ended in order")
    assert [line["data"]["epoch"] for line in two.lines("leader")] == [1, 2]
    halted = deployment("halted", replicas=0)
    lab.admin.create({**halted, "spec": {**halted["spec"], "paused": True}}, here.namespace)
    wait_for(lambda: firing(two, "halted"), bool, "what it follows")
    assert lists(lab, two.account) == ["deployments"], "listed once, before it was in charge"
    watched = {each.code for each in lab.requests(two.account) if (each.verb, each.resource) == ("watch", "leases")}
    assert watched == {200}, "a right to this Lease alone is enough"

    assert two.post(stuck(here.namespace, "later")).status_code == 200
    wait_for(lambda: outcomes(two, "later"), lambda seen: "applied" in seen, "the write")
    postgresql.restart()
    wait_for(lambda: two.post(), lambda answer: answer.status_code == 200, "payloads are taken again")
    recovered(two, "later")
    assert (changes(lab, one.account), changes(lab, two.account)) == (["patch deployments"], ["patch deployments"])


def test_of_an_office_that_is_not_given_up_one_takes_over_and_writes_once(
    lab: Lab, place: Callable[[str], Place]
) -> None:
    """Killed, stopped, cut off from the API server, cut off from the journal, side by side."""
    stories = (killed, stopped_and_woken, cut_off_from_the_api_server, cut_off_from_the_journal)
    places = [place(each.__name__) for each in stories]
    with ThreadPoolExecutor(len(stories)) as tellers:
        told = [tellers.submit(story, lab, here) for story, here in zip(stories, places, strict=True)]
    for each in told:
        each.result()


def killed(lab: Lab, here: Place) -> None:
    """What it intended the other one takes up."""
    broken(lab, here.namespace)
    with HeldApi(lab, hold="before") as api:
        one = here.replica("one", through=api).start()
        in_charge(one)
        one.post(stuck(here.namespace))
        assert api.held.wait(PATIENCE)
        two = here.replica("two").start()
        one.kill()
        print(f"in charge {in_charge(two):.1f} s after kill -9")
        recovered(two)
    assert (changes(lab, one.account), changes(lab, two.account)) == ([], ["patch deployments"])
    assert outcomes(two, "web")[0] == "never_done", "fenced off, then done"
    assert outcomes(two, "web").count("applied") == 1


def stopped_and_woken(lab: Lab, here: Place) -> None:
    """It writes nothing any more, and its write that was on its way fails."""
    broken(lab, here.namespace)
    with HeldApi(lab, hold="before") as api:
        one = here.replica("one", through=api).start()
        in_charge(one)
        one.post(stuck(here.namespace))
        assert api.held.wait(PATIENCE)
        two = here.replica("two").start()
        assert one.process is not None
        one.process.send_signal(signal.SIGSTOP)
        in_charge(two)
        recovered(two)
        api.let_go()  # the write that was on its way arrives now
        one.process.send_signal(signal.SIGCONT)
        stands_by(one)
        late = wait_for(
            lambda: {each.code for each in lab.refused(one.account) if each.resource == "deployments"},
            bool,
            "its write",
        )
        assert (late, changes(lab, one.account)) == ({409}, [])
        assert two.stop() == 0
        in_charge(one)  # it is whole again
    assert len(one.lines("incident_closed")) == 1
    assert changes(lab, two.account) == ["patch deployments"]


def cut_off_from_the_api_server(lab: Lab, here: Place) -> None:
    broken(lab, here.namespace)
    with HeldApi(lab) as api:
        one = here.replica("one", through=api).start()
        in_charge(one)
        two = here.replica("two").start()
        api.is_cut = True
        in_charge(two)
        stands_by(one)
        assert one.post(stuck(here.namespace)).status_code == 200  # its journal takes payloads all the same
        recovered(two)
        assert (changes(lab, one.account), changes(lab, two.account)) == ([], ["patch deployments"])


def cut_off_from_the_journal(lab: Lab, here: Place) -> None:
    """It reaches the API server all the while, and could keep the Lease for ever."""
    broken(lab, here.namespace)
    port = urlsplit(here.journal_url).port or 0
    one = here.replica("one")
    with Wire(port) as wire:
        one.settings["storage"] = {"url": here.journal_url.replace(f":{port}/", f":{wire.port}/")}
        one.start()
        in_charge(one)
        two = here.replica("two").start()
        wire.is_cut = True
        in_charge(two)
        assert two.post(stuck(here.namespace)).status_code == 200
        recovered(two)
        unready = wait_for(
            lambda: HTTP.get(f"{one.url}/readyz"), lambda seen: seen.status_code == 503, "it to be unready"
        )
        assert "the journal has not answered" in unready.text
        assert (changes(lab, one.account), changes(lab, two.account)) == ([], ["patch deployments"])
        wire.is_cut = False
        assert two.stop() == 0
        in_charge(one)  # it is whole again
