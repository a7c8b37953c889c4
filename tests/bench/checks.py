"""`check`: `remediator check` over 5,000 rules in 500 files, as a process of its own: what a commit waits for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import Spread, spread
from tests.bench.table import Row, at_most, said
from tests.lab.progress import Say

FILES, RULES = 500, 10
"""Files, and rules in each: every rule of its own, with a condition, a ladder of two steps and guards."""

ROUNDS = 5
GOAL = 5.0
"""Seconds for all of it."""

_ALERT = """\
  - name: roll-back-{n}
    when: {{alert: 'KubeDeploymentRolloutStuck{{namespace="shop-{n}"}}', for: 2m, keep_firing_for: 1m}}
    target: {{kind: Deployment, label: deployment}}
    if:
    - 'target.revision > 1 && target.rollout_age < duration("{minutes}m")'
    - 'pods.exists(p, p.reason == "CrashLoopBackOff" && p.restarts > {minutes})'
    do:
    - rollback: {{}}
    - escalate: {{receiver: oncall}}
    until: {{ready: true, for: 1m, within: 5m, on_failure: undo}}
    guards: {{cooldown: 30m, budget: {{max: 2, per: 1h}}, min_healthy: 60%, active_time_intervals: [business-hours]}}
    mode: observe
    labels: {{severity: page, team: team-{n}}}
    annotations: {{summary: "{{{{ target.name }}}} rolled back", runbook_url: "https://example.org/runbooks/{n}"}}
"""

_QUERY = """\
  - name: restart-{n}
    when:
      query: 'sum by (namespace, deployment) (rate(http_requests_total{{code=~"5..", shard="{n}"}}[5m])) > 0.05'
      for: 5m
    target: {{kind: Deployment}}
    if: 'value > 0.{minutes} && !target.rolling_out'
    do:
    - restart: {{until: {{ready: true, within: 3m}}}}
    - escalate: {{receiver: oncall}}
    until: {{query: 'up{{job="shop-{n}"}} == 1', match: [namespace], for: 1m, within: 10m}}
    guards: {{cooldown: 15m, budget: {{max: 3, per: 1h}}, storm: {{share: 50%, at_least: 3}}, require: ['up == 1']}}
    mode: observe
    labels: {{severity: page, team: team-{n}}}
    annotations: {{summary: "{{{{ target.name }}}} restarted", runbook_url: "https://example.org/runbooks/{n}"}}
"""

_SETTINGS = """\
rule_files: ["rules/*.yaml"]
prometheus: {url: "http://prometheus:9090"}
receivers: [{name: oncall, webhook_configs: [{url: "http://127.0.0.1:9999/page"}]}]
time_intervals:
- name: business-hours
  time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}]
"""


def write(folder: Path, files: int = FILES, rules: int = RULES) -> Path:
    """Settings with so many files of so many rules; the settings file."""
    (folder / "rules").mkdir()
    for file in range(files):
        numbers = range(file * rules, (file + 1) * rules)
        text = "".join((_ALERT, _QUERY)[n % 2].format(n=n, minutes=10 + n % 80) for n in numbers)
        (folder / "rules" / f"team-{file}.yaml").write_text(f"groups:\n- name: team-{file}\n  rules:\n{text}")
    (folder / "remediator.yaml").write_text(_SETTINGS)
    return folder / "remediator.yaml"


def checked(config: Path) -> tuple[float, float]:
    """Seconds of one check, and those of a core that it took. Raises `RuntimeError` where it finds anything wrong."""
    command = [sys.executable, "-m", "remediator", "check", "--config", str(config)]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"check: {' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime


def measure(folder: Path, say: Say) -> list[Row]:
    """Write the files and check them `ROUNDS` times; a minute."""
    config = write(folder)
    size = sum(file.stat().st_size for file in (folder / "rules").iterdir()) / 1e6
    rounds = []
    for _ in range(ROUNDS):
        rounds.append(checked(config))
        say(f"check: {rounds[-1][0]:.1f} s, of a core {rounds[-1][1]:.1f} s")
    wall, used = spread([each[0] for each in rounds]), spread([each[1] for each in rounds])
    what = f"{FILES * RULES:,} rules in {FILES} files, {size:.1f} MB"
    return [
        at_most("check", what, wall.median, GOAL, "s", _between(wall)),
        Row("check", "of that on a core", said(used.median, "s"), _between(used)),
    ]


def _between(found: Spread) -> str:
    return f"{said(found.least, 's')} … {said(found.greatest, 's')}"
