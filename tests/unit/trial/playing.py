"""A rule file of two rules, and test files written beside it."""

from __future__ import annotations

from pathlib import Path

from remediator.config.trials import load_trials
from remediator.trial.play import Result, play

RULES = """
groups:
- name: shop
  interval: 30s
  rules:
  - name: restart
    when: {alert: Loops}
    target: {kind: Deployment}
    do: [restart, {escalate: {receiver: oncall}}]
    until: {ready: true, for: 1m, within: 5m}
  - name: restart-by-query
    when: {query: 'leak > 5'}
    target: {kind: Deployment}
    if: {query: 'traffic > 1'}
    do: [restart]
"""

WEB = "{kind: Deployment, namespace: shop, name: web, replicas: 2}"
LOOPS = "{labels: {alertname: Loops, namespace: shop, deployment: web}, at: 1m}"


def played(folder: Path, test: str, *, rules: str = RULES, head: str = "") -> Result:
    """One test, given without its name, as it comes out."""
    (folder / "rules.yaml").write_text(rules)
    path = folder / "some_test.yaml"
    body = "".join(f"  {line}\n" for line in test.strip("\n").splitlines())
    path.write_text(f"rule_files: [rules.yaml]\n{head}tests:\n- name: it\n{body}")
    (trial,) = load_trials([path])
    return play(trial)


def differing(result: Result) -> list[tuple[str, str, str]]:
    """Kind, sign and text of all differences."""
    return [(each.kind, each.sign, each.text) for found in result.disagreements for each in found.differences]
