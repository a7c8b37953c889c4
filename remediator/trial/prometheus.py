"""A Prometheus of one trial: the program itself, given the test's series, and asked as of virtual instants.

Nothing of PromQL is evaluated here. Time stands still while it is asked.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from remediator.clients.query_answer import Answer, Unknown, read_answer
from remediator.config.notation import STALE
from remediator.config.trials import Trial
from remediator.trial.remote_write import HEADERS, Sample, Series, write_request
from remediator.trial.stage import Unplayable

PROGRAM = "prometheus"

PATIENCE = 120.0
"""Seconds for the program to start, and for it to answer."""

AT_ONCE = timedelta(minutes=30)
"""Samples of this span are written in one request: the head of its database takes what is up to an hour older."""

SCRAPED_BEFORE = timedelta(hours=1)
"""How long before the start a job of which the test says nothing else has been up."""


def program() -> str | None:
    """The program on the PATH; None where there is none."""
    return shutil.which(PROGRAM)


class Prometheus:
    """One running program with the series of a trial; in a folder of its own, on loopback. Raises `Unplayable`."""

    def __init__(self, program: str, trial: Trial) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="remediator-test-")
        folder, self._port = Path(self._folder.name), _free_port()
        (folder / "prometheus.yml").write_text("")
        flags = [
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--web.enable-remote-write-receiver",
            "--log.level=error",
        ]
        self._log = (folder / "log").open("w+b")
        self._process = subprocess.Popen([program, *flags], stdout=self._log, stderr=subprocess.STDOUT)
        try:
            self._wait()
            self.way = f"Prometheus {self._version()}, from input_series"
            self._fill(trial)
        except BaseException:
            self.close()
            raise

    def ask(self, query: str, at: datetime) -> Answer:
        """The answer over the same API that the service asks."""
        form = urlencode({"query": query, "time": f"{at.timestamp():.3f}"}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            return read_answer(*self._request("POST", "/api/v1/query", form, headers))
        except (OSError, http.client.HTTPException) as error:
            return Unknown(f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """End the program and forget what it has stored."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def _wait(self) -> None:
        """Wait until it takes requests."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if self._request("GET", "/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Unplayable(f"{PROGRAM} does not start: {said[0] if said else f'no answer in {PATIENCE:g} s'}")

    def _version(self) -> str:
        import msgspec

        status, body = self._request("GET", "/api/v1/status/buildinfo")
        return str(msgspec.json.decode(body)["data"]["version"]) if status == 200 else "of unknown version"

    def _fill(self, trial: Trial) -> None:
        series = [*_given(trial), *_up(trial)]
        last = max((each.samples[-1].at for each in series if each.samples), default=0)
        if last > datetime.now(UTC).timestamp() * 1000:
            raise Unplayable("input_series reach into the future, which Prometheus refuses: choose an earlier `start`")
        for part in _parts(series):
            status, body = self._request("POST", "/api/v1/write", write_request(part), HEADERS)
            if status >= 300:
                said = body.decode("utf-8", "replace").strip()
                raise Unplayable(f"Prometheus does not take input_series: {status} {said}")

    def _request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _given(trial: Trial) -> Iterator[Series]:
    """The series as the test writes them, from its start on, one sample an interval."""
    start, step = _milliseconds(trial.says.start), round(trial.says.interval * 1000)
    for each in trial.says.input_series:
        samples = (
            Sample(start + place * step, None if value == STALE else float(value))
            for place, value in enumerate(each.values)
            if value is not None
        )
        yield Series(each.series, tuple(samples))


def _up(trial: Trial) -> Iterator[Series]:
    """`up` of each target whose series are given and of whose job the test gives none: it was up all the time."""
    says = trial.says
    told = {each.series.get("job") for each in says.input_series if each.series["__name__"] == "up"}
    targets = {(each.series.get("job", ""), each.series.get("instance", "")) for each in says.input_series}
    step = round(min(says.interval, 60.0) * 1000)
    begin = _milliseconds(says.start - SCRAPED_BEFORE)
    end = _milliseconds(says.start + timedelta(seconds=max(each.at for each in says.expect)))
    for job, instance in sorted(targets):
        if job and job not in told:
            labels = {"__name__": "up", "job": job} | ({"instance": instance} if instance else {})
            yield Series(labels, tuple(Sample(at, 1.0) for at in range(begin, end + step, step)))


def _parts(series: list[Series]) -> Iterator[list[Series]]:
    """All samples, a span of time after the other: its database takes nothing that is much older than what it has."""
    span, instants = round(AT_ONCE.total_seconds() * 1000), [sample.at for each in series for sample in each.samples]
    for begin in range(min(instants, default=0), max(instants, default=-1) + 1, span):
        inside = (Series(each.labels, _between(each, begin, begin + span)) for each in series)
        yield [each for each in inside if each.samples]


def _between(series: Series, begin: int, end: int) -> tuple[Sample, ...]:
    """Its samples from an instant on, up to another (exclusive)."""
    return tuple(sample for sample in series.samples if begin <= sample.at < end)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
