"""Rules that change under a running service, by every way of putting them in place; mistakes are told everywhere."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.accounts import Account
from tests.lab.answering import HTTP
from tests.lab.gitsync import GitSync, Repository
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment
from tests.real.conftest import Install
from tests.real.service import Service, alert

pytestmark = pytest.mark.lab


def rules(*names: str, group: str = "one") -> str:
    """A file with rules that wait for an hour."""
    some = [
        {"name": name, "when": {"alert": name, "for": "1h"}, "target": {"kind": "Deployment"}, "do": ["restart"]}
        for name in names
    ]
    return yaml.safe_dump({"groups": [{"name": group, "rules": some}]})


def swap(link: Path, folder: Path) -> None:
    """What the kubelet does to `..data`: one rename."""
    new = link.with_name("swapped")
    new.symlink_to(folder.name)
    os.replace(new, link)


def state_of(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


SUCCESSFUL = "remediator_rules_last_load_successful"


class Told:
    """What the service says of its rules, in the four places where it does."""

    def __init__(self, service: Service, operator: dict[str, str]) -> None:
        self._service, self._operator = service, operator

    @property
    def status(self) -> dict[str, Any]:
        return HTTP.get(f"{self._service.url}/api/v1/status", headers=self._operator).json()

    def metric(self, name: str) -> float:
        lines = HTTP.get(f"{self._service.url}/metrics", headers=self._operator).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def wait_for(self, changed: set[str] = frozenset(), removed: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """The journal's last word on rules is that these changed and those went."""

        def so(lines: list[Any]) -> bool:
            data = lines[-1]["data"]
            return {each["name"] for each in data["changed"]} == changed and set(data["removed"]) == removed

        wait_for(lambda: self._service.lines("rules"), so, f"{changed} and not {removed}")
        wait_for(self._verdict, lambda said: said == ("", 1), "the status and the metric to say that all is well")

    def wait_for_refusal(self, mistake: str) -> None:
        """The last good rules stay, and the log, the metric, the status and the journal say why."""
        wait_for(lambda: self.status["rules_error"], lambda said: mistake in said, f"{mistake} in the status")
        wait_for(lambda: self._service.lines("rules")[-1]["data"]["error"], lambda said: mistake in said, "the journal")
        wait_for(lambda: self.metric(SUCCESSFUL), lambda value: value == 0, "the metric")
        wait_for(
            lambda: self._service.log,
            lambda log: "rules rejected; the last good ones stay" in log and mistake in log,
            "the log",
        )

    def _verdict(self) -> tuple[str, float]:
        return self.status["rules_error"], self.metric(SUCCESSFUL)


def test_rules_change_by_every_way_and_what_is_open_ends_in_order(
    lab: Lab, namespace: str, remediator: Account, install: Install, tmp_path: Path
) -> None:
    lab.admin.create(deployment("web", replicas=0), namespace)
    mounted, cloned = tmp_path / "mounted", tmp_path / "cloned"
    mounted.mkdir()
    repository = Repository(tmp_path / "repository")
    repository.commit({"rules/theirs.yaml": rules("C", group="two"), "README": "no rules"})
    git_sync = GitSync(repository, cloned)
    git_sync.sync()
    swap(mounted / "..data", state_of(mounted / "..1", mine=rules("A", "B")))
    (mounted / "mine.yaml").symlink_to("..data/mine.yaml")
    token = tmp_path / "alice"
    token.write_text("secret")
    operator = {"Authorization": "Bearer secret"}
    operators = [{"name": "alice", "token_file": str(token), "roles": ["view", "admin"]}]

    service = install(
        "groups: []", rule_files=[f"{mounted}/*.yaml", f"{cloned}/current/rules/*.yaml"], reload_interval="500ms"
    )
    service.settings["web"]["auth"] = {"operators": operators}
    service.start()
    told = Told(service, operator)
    told.wait_for({"A", "B", "C"})
    for name in ("A", "C"):
        assert service.post(alert(name, namespace, deployment="web")).status_code == 200
    wait_for(lambda: service.log, lambda log: "rules read" in log, "the second look that follows every start")
    loaded = told.metric("remediator_rules_loaded_timestamp_seconds")

    swap(mounted / "..data", state_of(mounted / "..2", mine=rules("A") + "oops: 1\n"))
    told.wait_for_refusal("unknown key `oops`")
    assert told.metric("remediator_rules_loaded_timestamp_seconds") == loaded
    assert service.lines("incident_closed") == []

    swap(mounted / "..data", state_of(mounted / "..3", mine=rules("A", "D")))
    told.wait_for({"D"}, {"B"})

    repository.commit({"rules/renamed.yaml": rules("E", group="two")})
    git_sync.sync()
    told.wait_for({"E"}, {"C"})
    closed = service.wait_for_line("incident_closed", reason="cancelled")
    assert closed["rule"] == "C"
    assert told.status["incidents"]["pending"] == 1
    service.verify()


def test_a_reload_is_done_at_once_where_a_signal_or_an_operator_says_so(
    lab: Lab, remediator: Account, install: Install, tmp_path: Path
) -> None:
    token = tmp_path / "alice"
    token.write_text("secret")
    operator = {"Authorization": "Bearer secret"}
    service = install(rules("A"), reload_interval="1h")
    operators = [{"name": "alice", "token_file": str(token), "roles": ["view", "admin"]}]
    service.settings["web"]["auth"] = {"operators": operators}
    service.start()
    told, file = Told(service, operator), service.folder / "rules.yaml"
    assert service.process is not None

    file.write_text(rules("A") + "oops: 1\n")
    service.process.send_signal(signal.SIGHUP)
    told.wait_for_refusal("unknown key `oops`")
    refused = HTTP.post(f"{service.url}/-/reload", headers=operator)
    assert refused.status_code == 422
    assert "unknown key `oops`" in refused.json()["mistakes"][0]
    assert HTTP.post(f"{service.url}/-/reload").status_code == 401

    file.write_text(rules("B"))
    assert HTTP.post(f"{service.url}/-/reload", headers=operator).json() == {"reloaded": True}
    told.wait_for({"B"}, {"A"})
    file.write_text(rules("C"))
    service.process.send_signal(signal.SIGHUP)
    told.wait_for({"C"}, {"B"})
