"""Commands that talk to a running service, over real HTTP: tables for people, JSON for programs, reasons for errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner, Result

from remediator.cli import main

OPEN = {
    "id": "abc123",
    "rule": "undo-bad-rollout",
    "kind": "Deployment",
    "namespace": "shop",
    "name": "web\x1b[2J",
    "phase": "awaiting_approval",
    "opened_at": "2026-01-01T00:00:00Z",
    "firing": 1,
    "step": "rollback",
    "reason": "",
    "retry_at": None,
    "plan": "p1",
    "approvals": [],
}


class Stand:
    """A stand-in for the service that answers what it is told and keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, bytes]] = []
        self.answers = {"/api/v1/incidents": {"items": [OPEN], "next": ""}, "/api/v1/incidents/abc123": OPEN}
        self.queries: list[dict[str, list[str]]] = []
        self.refusal: tuple[int, str] | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def run(self, *args: str, say: str = "") -> Result:
        return CliRunner().invoke(main, list(args), input=say, env={"REMEDIATOR_SERVER": self.url})


def _handler(stand: Stand) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path, _, query = self.path.partition("?")
            stand.queries.append(parse_qs(query))
            stand.asked.append((self.command, path, self.headers.get("authorization", ""), body))
            code, found = 200, stand.answers.get(path, {"by": "alice"})
            if stand.refusal:
                code, found = stand.refusal[0], {"error": stand.refusal[1]}
            content = json.dumps(found).encode()
            self.send_response(code)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def served() -> Iterator[Stand]:
    made = Stand()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@pytest.fixture
def stand() -> Iterator[Stand]:
    with served() as made:
        yield made


def test_incidents_are_a_table_in_which_hostile_names_stay_text(stand: Stand) -> None:
    answer = stand.run("incidents")
    assert answer.exit_code == 0
    header, row = answer.output.splitlines()
    assert header.split() == ["ID", "RULE", "TARGET", "PHASE", "AGE", "STEP,", "REASON"]
    assert "Deployment/shop/web\\x1b[2J" in row
    assert "awaiting_approval" in row


def test_past_incidents_say_when_and_how_they_ended(stand: Stand) -> None:
    closed = OPEN | {"phase": "closed", "closed_at": "2026-01-01T00:05:00Z", "reason": "recovered: ready"}
    stand.answers["/api/v1/incidents"] = {"items": [closed], "next": ""}
    header, row = stand.run("incidents", "list", "--past").output.splitlines()
    assert header.split() == ["ID", "RULE", "TARGET", "CLOSED", "LASTED", "REASON"]
    assert row.endswith("2026-01-01 00:05:00Z  5m      recovered: ready")
    assert stand.queries[0]["state"] == ["past"]


@pytest.mark.parametrize("word", ["approve", "deny"])
def test_where_no_plan_waits_nothing_is_asked(stand: Stand, word: str) -> None:
    stand.answers["/api/v1/incidents/abc123"] = OPEN | {"plan": "", "phase": "held", "reason": "cooldown"}
    answer = stand.run(word, "abc123", say="y\n")
    assert answer.exit_code == 1
    assert answer.output == "error: no plan waits for this incident; it is held: cooldown\n"


@pytest.mark.parametrize("args", [["incidents", "list"], ["incidents", "show", "abc123"], ["pause", "list"]])
def test_where_the_service_is_may_be_said_before_or_after(stand: Stand, tmp_path, args: list[str]) -> None:
    stand.answers["/api/v1/pauses"] = {"items": []}
    (tmp_path / "token").write_text("s3cret")
    where = ["--server", stand.url, "--token-file", str(tmp_path / "token")]
    for line in ([args[0], *where, *args[1:]], [*args, *where], [args[0], *where[:2], *args[1:], *where[2:]]):
        assert CliRunner().invoke(main, line).exit_code == 0
    assert {authorization for _, _, authorization, _ in stand.asked} == {"Bearer s3cret"}
    assert len(stand.asked) == 3


def test_no_incidents_is_said(stand: Stand) -> None:
    stand.answers["/api/v1/incidents"] = {"items": [], "next": ""}
    assert stand.run("incidents").output == "no open incidents\n"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_programs_get_the_whole_value(stand: Stand, form: str) -> None:
    answer = stand.run("incidents", "show", "abc123", "-o", form)
    assert "undo-bad-rollout" in answer.output
    if form == "json":
        assert json.loads(answer.output) == OPEN


def test_an_answer_names_the_plan_that_was_shown(stand: Stand, tmp_path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    answer = stand.run("approve", "abc123", "--plan", "p1", "--reason", "fine", "--token-file", str(tmp_path / "token"))
    assert (answer.exit_code, answer.output) == (0, "approve counted, as alice\n")
    ((method, path, authorization, body),) = stand.asked
    assert (method, path, authorization) == ("POST", "/api/v1/incidents/abc123/approve", "Bearer s3cret")
    assert json.loads(body) == {"plan": "p1", "reason": "fine"}


@pytest.mark.parametrize(("say", "exit_code", "posts"), [("y\n", 0, 1), ("n\n", 1, 0)])
def test_without_a_plan_the_waiting_one_is_shown_first(stand: Stand, say: str, exit_code: int, posts: int) -> None:
    answer = stand.run("deny", "abc123", say=say)
    assert answer.exit_code == exit_code
    assert "rollback of Deployment/shop/web" in answer.output
    assert "plan p1" in answer.output
    assert [method for method, *_ in stand.asked].count("POST") == posts


PAUSE = {"id": "1a2b", "rule": "", "namespace": "shop", "target": "", "reason": "migration", "until": None}
STANDING = PAUSE | {"until": "2026-01-02T03:04:05Z", "by": "operator:alice", "since": "2026-01-01T00:00:00Z"}


def test_a_pause_says_what_stands_still_and_how_it_is_lifted(stand: Stand) -> None:
    stand.answers["/api/v1/pause"] = {"paused": PAUSE, "by": "alice"}
    answer = stand.run("pause", "--namespace", "shop", "--for", "2h", "--reason", "migration")
    assert answer.output == (
        "paused: namespace shop, until resumed, as alice\nlift it with: remediator resume --id 1a2b\n"
    )
    word = {"rule": "", "namespace": "shop", "target": "", "reason": "migration", "for": "2h"}
    assert json.loads(stand.asked[0][3]) == word


def test_pauses_are_a_table(stand: Stand) -> None:
    stand.answers["/api/v1/pauses"] = {"items": [STANDING]}
    header, row = stand.run("pause", "list").output.splitlines()
    assert header.split() == ["ID", "STANDS", "STILL", "UNTIL", "BY", "REASON"]
    assert row.split("  ") == ["1a2b", "namespace shop", "until 2026-01-02 03:04:05Z", "alice", "migration"]


@pytest.mark.parametrize(
    ("lifted", "exit_code", "told"),
    [
        ([PAUSE], 0, "resumed: namespace shop, as alice"),
        ([], 1, "see: remediator pause list"),
        ([PAUSE | {"id": "", "rule": "a"}], 0, "breakers of rule a are closed"),
    ],
)
def test_a_resume_says_what_it_lifted(stand: Stand, lifted: list, exit_code: int, told: str) -> None:
    stand.answers["/api/v1/resume"] = {"resumed": lifted, "by": "alice"}
    answer = stand.run("resume", "--namespace", "shop")
    assert answer.exit_code == exit_code
    assert told in answer.output


@pytest.mark.parametrize("args", [["pause"], ["resume"], ["approve", "abc123", "--plan", "p1"]])
def test_a_word_that_is_kept_but_not_decided_says_so(stand: Stand, args: list[str]) -> None:
    kept = {"kept": True, "detail": "it counts once a replica is in charge", "by": "alice"}
    stand.answers |= dict.fromkeys(("/api/v1/pause", "/api/v1/resume", "/api/v1/incidents/abc123/approve"), kept)
    assert stand.run(*args).output == "kept: it counts once a replica is in charge\n"


def test_a_refusal_is_told_with_its_reason(stand: Stand) -> None:
    stand.refusal = (409, "not counted: plan p2 waits")
    answer = stand.run("approve", "abc123", "--plan", "p1")
    assert answer.exit_code == 1
    assert "409: not counted: plan p2 waits" in answer.output


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "ftp://x", "localhost"])
def test_a_service_that_is_not_there_says_what_to_look_at(server: str) -> None:
    answer = CliRunner().invoke(main, ["incidents", "--server", server])
    assert answer.exit_code == 1
    assert "is it running" in answer.output or "write http://HOST:PORT" in answer.output


def test_what_keeps_an_answer_from_coming_is_said_as_people_say_it(stand: Stand, tmp_path) -> None:
    nobody, missing = CliRunner().invoke(main, ["incidents", "--server", "http://127.0.0.1:1"]), tmp_path / "no"
    assert nobody.stderr == (
        "error: no answer of a remediator at http://127.0.0.1:1: Connection refused; "
        "is it running, and is --server right?\n"
    )
    assert stand.run("incidents", "--token-file", str(missing)).stderr == (
        f"error: --token-file {missing} cannot be read: No such file or directory; name a readable file\n"
    )
    over_tls = stand.run("incidents", "--server", "https://127.0.0.1:1", "--ca-file", str(missing))
    assert f"--ca-file {missing} is no certificate that can be read: No such file or directory" in over_tls.stderr


@pytest.mark.parametrize(
    "content", [b"", b"s3cret\nand more", b"s3cret s3cret", b"\xff\xfes3cret", b"s3cret\r\nX-Evil: 1"]
)
def test_a_file_that_holds_no_token_is_told_without_its_text(stand: Stand, tmp_path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    answer = stand.run("incidents", "--token-file", str(tmp_path / "token"))
    assert (answer.exit_code, stand.asked) == (1, [])
    assert (
        answer.stderr == f"error: --token-file {tmp_path}/token holds no token: one line without spaces is expected\n"
    )
    assert "s3cret" not in answer.output


def test_what_waits_says_how_it_is_answered(stand: Stand) -> None:
    assert "answer it with: remediator approve abc123 (or deny)" in stand.run("incidents", "show", "abc123").output
    assert "opened_at  2026-01-01 00:00:00Z" in stand.run("incidents", "show", "abc123").output


def test_a_plan_is_shown_with_what_was_found_before_it_is_answered(stand: Stand) -> None:
    found = {"kind": "diagnosis", "taken_at": "2026-01-01T00:00:00Z", "unread": {"services": "not\x1b[2J allowed"}}
    stand.answers["/api/v1/incidents/abc123"] = OPEN | {"diagnosis": found}
    shown = stand.run("approve", "abc123", say="n\n").output
    assert "not read: services: not\\x1b[2J allowed" in shown
    assert [method for method, *_ in stand.asked] == ["GET"]
