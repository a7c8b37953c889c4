"""The promises of the product under random trouble, and every scenario that once broke one.

`python -m tests.simulate` plays many more; a file that it writes for a failing seed becomes a test in `regressions/`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.simulate import promises
from tests.simulate.generate import crowd, generate
from tests.simulate.oracle import Violation
from tests.simulate.report import KINDS, Totals
from tests.simulate.run import Report, play
from tests.simulate.scenario import Scenario
from tests.simulate.shrink import Shrinking

SEEDS = (6, 11, 14, 19, 20, 26, 48, 49, 51, 57, 60, 72, 74, 77, 84, 90, 92, 97, 98)
"""Of the first hundred those in which, together, all happens that may happen, what is not very rare at least twice."""
PROMISES = Path(promises.__file__).parent
RARE = {"a step is approved as a whole"}
"""A drain in mode `approve` that comes to its second write: in some hundred seeds once."""
REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.json"))


def told(report: Report) -> str:
    """What broke, in the smallest scenario that breaks it."""
    small = Shrinking(report).shrink()
    trace = play(small.scenario, trace=True).trace[-40:]
    return "\n".join((*trace, str(small.violations[0]), "make it a test: python -m tests.simulate --seed ..."))


@pytest.fixture(scope="module")
def totals() -> Totals:
    """All seeds, played; the first that breaks a promise ends it."""
    sums = Totals()
    for seed in SEEDS:
        report = play(generate(seed, 1.0))
        assert not report.violations, told(report)
        sums.add(report)
    return sums


def test_no_promise_is_broken(totals: Totals):
    assert totals.broken == 0
    assert sum(totals.checked.values()) > 100 * totals.runs


def test_everything_that_can_happen_did_happen(totals: Totals):
    """A simulation in which nothing is done, or nothing goes wrong, would show nothing."""
    done = {"decision act", "decision hold", "decision deny", "decision observe", "decision await_approval", "undo"}
    done |= {f"outcome {status}" for status in ("applied", "adopted", "conflict", "never_done", "rehearsed")}
    done |= {f"incident_closed {reason}" for reason in ("recovered", "resolved", "failed", "refused", "cancelled")}
    done |= {"fences", "escalated delivered", "fenced", "signal unresolved", "signal skipped"}
    done |= {"signal doubted", "watch events Node", "alertmanager asked", "lease writes sent"}
    assert done - set(totals.counts) == set()
    trouble = {"freezes", "journal refuses", "silences", "quotas", "watches end", "watches expire"}
    trouble |= {"alertmanager restarts", "alertmanager loses its data", "alertmanagers part"}
    trouble |= {f"prometheus: {trouble}" for trouble in ("down", "partial", "nan")} | {"scrapes stop"}
    assert trouble - set(totals.faults) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_was_injected_and_counted(totals: Totals, kind: str):
    assert totals.kinds()[kind] > 0


def test_every_judge_was_asked(totals: Totals):
    """A judge that is never asked can as little fail as one that always agrees."""
    sources = [file.read_text(encoding="utf-8") for file in PROMISES.glob("*.py")]
    judges = {name for text in sources for name in re.findall(r'self\.check\(\s*"([^"]+)"', text)}
    assert len(judges) > 80
    assert judges - set(totals.checked) <= RARE


def test_a_crowd_of_open_incidents_is_simulated_as_well():
    report = play(crowd(1, 2.0))
    assert not report.violations, told(report)
    assert report.incident_hours > 100


@pytest.mark.parametrize("file", REGRESSIONS, ids=lambda file: file.stem)
def test_what_once_broke_a_promise_breaks_none(file: Path):
    report = play(msgspec.json.decode(file.read_bytes(), type=Scenario))
    assert not report.violations, report.violations[0]


def test_sqlite_keeps_the_same_journal_to_the_last_hash():
    scenario = generate(3, 0.5)
    assert play(scenario).head == play(replace(scenario, journal="sqlite")).head


def test_seeds_give_the_same_journals_in_every_process_and_in_several():
    """Nothing hangs on the order of sets and maps, on what ran before, or on what runs beside."""
    command = [sys.executable, "-m", "tests.simulate", "--seed", "4", "--seeds", "2", "--hours", "0.5"]
    said = {
        "\n".join(
            subprocess.run(
                [*command, "--processes", processes],
                env=os.environ | {"PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.splitlines()[-3:]
        )
        for seed, processes in (("0", "1"), ("77", "2"))
    }
    assert len(said) == 1
    assert re.fullmatch("seeds 4-5\nthe journals' ends together: [0-9a-f]{64}\n0 violations", said.pop())


def test_shrinking_keeps_only_what_breaks_the_promise():
    """On a stand-in for the run: the promise breaks where two certain happenings are together."""
    scenario = generate(4, 1.0)
    first, second = scenario.happenings[3], scenario.happenings[-5]

    def played(tried: Scenario) -> Report:
        broken = first in tried.happenings and second in tried.happenings
        violations = (Violation("a promise", second.at, "broken"),) if broken else ()
        return Report(tried, violations, Counter(), Counter(), Counter(), 0.0, 0.0, 0, "")

    small = Shrinking(played(scenario), played).shrink().scenario
    assert small.happenings == (first, second)
    assert small.rules == small.workloads == ()
