"""Mode `approve` on a real control plane: nothing is written before a person's word, and one thing after it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import GOOD_IMAGE
from tests.real.conftest import Install
from tests.real.service import Service
from tests.real.test_main_job import UNDO, broken, image, stuck

pytestmark = pytest.mark.lab


@pytest.fixture
def waiting(lab: Lab, namespace: str, install: Install, receivers: list[object]) -> Service:
    """A service whose roll-back waits for approval; alice may approve."""
    broken(lab, namespace)
    service = install(UNDO, receivers=receivers, mode="approve")
    token = service.folder / "alice.token"
    token.write_text("alices-token")
    operators = [{"name": "alice", "token_file": str(token), "roles": ["view", "approve"]}]
    service.settings["web"]["auth"] = {"operators": operators}
    service.start()
    service.post(stuck(namespace))
    service.wait_for_line("decision", result="await_approval")
    return service


def cli(service: Service, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "remediator", *args, "--server", service.url]
    token = ["--token-file", str(service.folder / "alice.token")]
    return subprocess.run([*command, *token], capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_nothing_is_written_before_the_word_and_one_roll_back_after_it(
    waiting: Service, lab: Lab, namespace: str, remediator: Account
) -> None:
    (decision,) = waiting.lines("decision")
    assert lab.writes(remediator) == ()
    said = cli(waiting, "approve", decision["incident"], "--plan", decision["data"]["plan"], "--reason", "go on")
    assert said.returncode == 0, said.stderr
    waiting.wait_for_line("incident_closed", reason="recovered")
    assert image(lab, namespace) == GOOD_IMAGE
    assert len(lab.writes(remediator)) == 1
    (approval,) = waiting.lines("approval")
    assert (approval["actor"], approval["data"]["reason"]) == ("operator:alice", "go on")


def test_denied_nothing_is_ever_written(waiting: Service, lab: Lab, remediator: Account) -> None:
    (decision,) = waiting.lines("decision")
    assert cli(waiting, "deny", decision["incident"], "--plan", decision["data"]["plan"]).returncode == 0
    late = cli(waiting, "approve", decision["incident"], "--plan", decision["data"]["plan"])
    assert late.returncode == 1
    assert "not counted" in late.stderr
    wait_for(lambda: waiting.lines("approval"), bool, "the denial in the journal")
    assert lab.writes(remediator) == ()
    assert waiting.lines("intent") == []
