"""Commands on a terminal of 80 columns, and in shells that complete them."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from remediator.cli import COMMANDS, main
from remediator.cli.completion import HOW
from tests.unit.cli.test_remote import OPEN, Stand, served

LONG = OPEN | {"name": "web", "reason": "not enough siblings stay healthy: of 10 at least 6 must, and 5 would " * 3}


@pytest.fixture
def stand() -> Iterator[Stand]:
    with served() as made:
        yield made


def on_a_terminal(stand: Stand, *args: str, columns: int) -> list[str]:
    """The lines that a terminal of that width is sent."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"REMEDIATOR_SERVER": stand.url, "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "remediator", *args]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert process.wait(120) == 0, seen
    return seen.decode().replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(stand: Stand, columns: int) -> None:
    stand.answers["/api/v1/incidents"] = {"items": [LONG], "next": ""}
    stand.answers["/api/v1/incidents/abc123"] = LONG
    for args in (("incidents",), ("incidents", "show", "abc123")):
        lines = on_a_terminal(stand, *args, columns=columns)
        assert max(map(len, lines)) <= columns
        assert " ".join(" ".join(lines).split()).count("of 10 at least 6 must") == 3
        assert not any("\x1b" in line for line in lines)


def test_elsewhere_a_row_is_a_line(stand: Stand) -> None:
    stand.answers["/api/v1/incidents"] = {"items": [LONG], "next": ""}
    assert len(stand.run("incidents").output.splitlines()) == 2


@pytest.mark.parametrize("shell", HOW)
def test_each_shell_gets_its_script(shell: str) -> None:
    script = CliRunner().invoke(main, ["completion", shell])
    assert script.exit_code == 0
    assert f"_REMEDIATOR_COMPLETE={shell}_complete" in script.output
    if program := shutil.which(shell):
        parsed = subprocess.run([program, "-n"], input=script.output, text=True, capture_output=True, check=False)
        assert (parsed.returncode, parsed.stderr) == (0, "")


def completed(stand: Stand, words: str, number: int) -> list[str]:
    """What bash is told for the word of that number."""
    asks = {"_REMEDIATOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    environment = os.environ | asks | {"REMEDIATOR_SERVER": stand.url}
    code = "import sys; sys.argv = ['remediator']; from remediator.cli import main; main(prog_name='remediator')"
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return [line.partition(",")[2] for line in found.stdout.splitlines() if line]


def test_commands_incidents_and_rules_are_completed(stand: Stand) -> None:
    stand.answers["/api/v1/rules"] = {"items": [{"name": "undo-bad-rollout"}, {"name": "restart-cache"}]}
    assert completed(stand, "remediator pa", 1) == ["pause"]
    assert completed(stand, "remediator approve a", 2) == ["abc123"]
    assert completed(stand, "remediator explain ", 2) == ["undo-bad-rollout", "restart-cache"]
    assert completed(stand, "remediator pause --rule r", 3) == ["restart-cache"]
    stand.answers["/api/v1/pauses"] = {"items": [{"id": "p-1"}]}
    assert completed(stand, "remediator resume --id ", 3) == ["p-1"]
    stand.refusal = (401, "no")
    assert completed(stand, "remediator explain ", 2) == []


def test_what_completes_is_asked_of_the_service_and_by_the_token_that_the_line_names(stand: Stand, tmp_path) -> None:
    (tmp_path / "token").write_text("s3cret")
    with served() as other:
        line = f"remediator incidents --server {other.url} show --token-file {tmp_path}/token a"
        assert completed(stand, line, 7) == ["abc123"]
        assert [authorization for _, _, authorization, _ in other.asked] == ["Bearer s3cret"]
    assert stand.asked == []


def test_every_command_says_what_it_does() -> None:
    for name in COMMANDS:
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
