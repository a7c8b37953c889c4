"""`remediator backtest` as it is called, against a Prometheus that answers over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner, Result

from remediator.cli.backtest import command

RULES = """
groups:
- name: g
  rules:
  - name: restart-web
    when: {query: 'stuck == 1'}
    target: {kind: Deployment}
    if: 'target.revision > 1'
    do: [restart]
    guards: {cooldown: 10m}
  - {name: refused, when: {query: 'refused == 1'}, target: {kind: Deployment}, do: [restart]}
  - {name: nodes, when: {object: {kind: Node, where: 'object.spec.unschedulable'}}, do: [none]}
"""

START = 1_767_225_600  # 2026-01-01T00:00:00Z


class Prometheus(BaseHTTPRequestHandler):
    """Has one series, there in the minutes 10 to 14 and 18 to 40; refuses another query."""

    def do_POST(self) -> None:
        form = {key: values[0] for key, values in parse_qs(self._body().decode()).items()}
        code, answer = 200, {"status": "success", "data": {"resultType": "matrix", "result": [_series(form)]}}
        if "refused" in form["query"]:
            code, answer = 400, {"status": "error", "errorType": "bad_data", "error": "no such function"}
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _series(form: dict[str, str]) -> dict[str, object]:
    first, last, step = (float(form[name]) for name in ("start", "end", "step"))
    assert (last - first) / step < 11_000, "more than Prometheus answers at once"
    there = [START + 60 * minute for minute in (*range(10, 15), *range(18, 41))]
    values = [[at, "1"] for at in there if first <= at <= last]
    return {"metric": {"namespace": "shop", "deployment": "web"}, "values": values}


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path / "rules.yaml"


def backtest(*args: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in args])


PERIOD = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T02:00:00")

TOLD = """\
2026-01-01 00:00:00Z to 2026-01-01 02:00:00Z, looked at every 60 s, as in mode observe

RULE         SIGNALS  INCIDENTS  FIRST STEPS  HELD BACK BY
restart-web  1        2          2            cooldown 1
refused      -        -          -            not played: /api/v1/query_range answered 400: no such function
nodes        -        -          -            not played: it is about objects, of which Kubernetes keeps no past

RULE         NOT KNOWN
restart-web  its conditions on live objects are taken to have held

of no rule it is known whether the first step would have helped, nor what guards that look at live state say
"""


def test_people_read_how_often_and_what_held_it_back(url, rules):
    done = backtest(rules, "--prometheus", url, *PERIOD)
    assert (done.exit_code, done.stdout) == (0, TOLD)


def test_programs_get_every_incident(url, rules):
    found = json.loads(backtest(rules, "--prometheus", url, *PERIOD, "-o", "json").stdout)
    first, second = found["incidents"]
    assert (first["opened_at"], first["closed_at"]) == ("2026-01-01T00:10:00Z", "2026-01-01T00:15:00Z")
    assert (second["acted_at"], second["held"]) == ("2026-01-01T00:20:00Z", {"cooldown": 120.0})


def test_long_periods_are_asked_for_in_parts(url, rules):
    found = json.loads(backtest(rules, "--prometheus", url, *PERIOD, "--step", "500ms", "-o", "json").stdout)
    assert found["rules"][0]["signals"] == 1


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "nobody to ask: give --prometheus URL"),
        (("--prometheus", "http://127.0.0.1:1", "--from", "1h", "--to", "2h"), "--from is not before --to"),
        (("--prometheus", "http://127.0.0.1:1", "--from", "soon"), "'soon' is neither an instant"),
        (("--prometheus", "http://127.0.0.1:1", "--step", "0"), "a step takes time"),
        (("--prometheus", "http://127.0.0.1:1", "--step", "1"), "has no unit"),
    ],
)
def test_wrong_calls_are_2(rules, args, told):
    done = backtest(rules, *args)
    assert (done.exit_code, told in " ".join(done.stderr.replace("│", "").split())) == (2, True), done.stderr


def test_a_server_that_does_not_answer_is_told_of_every_rule(rules):
    done = backtest(rules, "--prometheus", "http://127.0.0.1:1", "--from", "1h", "-o", "json")
    assert [bool(each["reason"]) for each in json.loads(done.stdout)["rules"]] == [True, True, True]


def test_files_with_mistakes_are_1(rules):
    rules.write_text(RULES.replace("[restart]", "[restarted]"))
    assert backtest(rules, "--prometheus", "http://127.0.0.1:1").exit_code == 1
