"""Makes what is derived here: the Grafana dashboard, and the PrometheusRule from the rule file. Run by `make monitoring`.

python monitoring/generate.py [FOLDER]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDE, HALF, THIRD, QUARTER = 24, 12, 8, 6
OF = 'job=~"$job"'
"""What every query is about: the installation that is chosen on top."""


def by(metric: str, *labels: str, rate: str = "", more: str = "") -> tuple[str, str]:
    """A sum by labels, as a rate per second or an increase where that is said, and how its series are called."""
    chosen = f"{metric}{{{OF}{more}}}"
    value = f"{rate}({chosen}[$__rate_interval])" if rate else chosen
    said = f"sum by ({', '.join(labels)}) ({value})" if labels else f"sum({value})"
    return said, " ".join(f"{{{{{label}}}}}" for label in labels) or metric.removeprefix("remediator_")


def quantiles(metric: str) -> list[tuple[str, str]]:
    """Median, 99th percentile of a histogram."""
    inner = f"sum by (le) (rate({metric}_bucket{{{OF}}}[$__rate_interval]))"
    return [(f"histogram_quantile({share}, {inner})", f"p{int(share * 100)}") for share in (0.5, 0.99)]


ROWS: list[tuple[str, list[tuple[str, str, int, list[tuple[str, str]]]]]] = [
    (
        "Is it well?",
        [
            ("In charge", "stat", QUARTER, [by("remediator_leader")]),
            ("Mode: 0 off, 1 observe, 2 approve, 3 enforce", "stat", QUARTER, [(f"max(remediator_mode{{{OF}}})", "mode")]),
            ("Journal writable", "stat", QUARTER, [(f"min(remediator_journal_writable{{{OF}}})", "writable")]),
            ("Rules in force as the files say", "stat", QUARTER, [(f"min(remediator_rules_last_load_successful{{{OF}}})", "loaded")]),
            ("Sources that answer", "timeseries", THIRD, [(f"min by (source) (remediator_source_up{{{OF}}})", "{{source}}")]),
            ("Pauses", "timeseries", THIRD, [(f"max(remediator_pauses{{{OF}}})", "pauses")]),
            ("Breakers open", "timeseries", THIRD, [(f"max by (rule, action) (remediator_breaker_open{{{OF}}}) > 0", "{{rule}} {{action}}")]),
        ],
    ),
    (
        "What it does",
        [
            ("Open incidents", "timeseries", HALF, [by("remediator_incidents", "rule", "state")]),
            ("Signals", "timeseries", HALF, [by("remediator_signals_total", "source", rate="rate")]),
            ("Decisions", "timeseries", HALF, [by("remediator_decisions_total", "result", rate="increase")]),
            ("Who holds back or denies", "timeseries", HALF, [by("remediator_guard_verdicts_total", "guard", "verdict", rate="increase", more=', verdict!="allow"')]),
            ("Actions by outcome", "timeseries", HALF, [by("remediator_actions_total", "rule", "action", "outcome", rate="increase")]),
            ("Verifications", "timeseries", HALF, [by("remediator_verifications_total", "rule", "result", rate="increase")]),
            ("Messages to people", "timeseries", HALF, [by("remediator_notices_total", "receiver", "outcome", rate="increase")]),
            ("Messages that wait", "timeseries", HALF, [by("remediator_notices_waiting", "receiver", "endpoint")]),
        ],
    ),
    (
        "How fast it is",
        [
            ("Signal to write (s)", "timeseries", THIRD, quantiles("remediator_signal_to_write_seconds")),
            ("Intent to outcome (s)", "timeseries", THIRD, quantiles("remediator_action_duration_seconds")),
            ("Journal append (s)", "timeseries", THIRD, quantiles("remediator_journal_append_seconds")),
            ("Rule evaluation (s)", "timeseries", THIRD, quantiles("remediator_rule_evaluation_seconds")),
            ("Evaluations begin late by (s)", "timeseries", THIRD, quantiles("remediator_rule_delay_seconds")),
            ("Evaluations missed", "timeseries", THIRD, [by("remediator_rule_missed_total", rate="increase")]),
            ("Age of caches (s)", "timeseries", THIRD, [(f"max by (kind) (remediator_cache_age_seconds{{{OF}}})", "{{kind}}")]),
            ("Rules loaded ago (s)", "timeseries", THIRD, [(f"time() - max(remediator_rules_loaded_timestamp_seconds{{{OF}}})", "ago")]),
            ("Version", "table", THIRD, [(f"count by (version, instance) (remediator_build_info{{{OF}}})", "{{version}}")]),
        ],
    ),
    (
        "Who asks",
        [
            ("Webhook answers", "timeseries", THIRD, [by("remediator_webhook_requests_total", "code", rate="rate")]),
            ("Refusals", "timeseries", THIRD, [by("remediator_http_refusals_total", "code", rate="rate")]),
            ("Memory", "timeseries", THIRD, [(f"process_resident_memory_bytes{{{OF}}}", "{{instance}}")]),
        ],
    ),
]  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "title": "Remediator",
        "uid": "remediator",
        "tags": ["remediator"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
                {
                    "name": "job",
                    "type": "query",
                    "label": "Installation",
                    "datasource": SOURCE,
                    "query": "label_values(remediator_build_info, job)",
                    "includeAll": True,
                    "multi": True,
                    "refresh": 2,
                },
            ]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "gridPos": {"x": 0, "y": y, "w": WIDE, "h": 1},
            "panels": [],
        }
        y, x = y + 1, 0
        for name, kind, width, targets in panels:
            number += 1
            height = 4 if kind == "stat" else 8
            yield _panel(number, name, kind, targets) | {"gridPos": {"x": x, "y": y, "w": width, "h": height}}
            x += width
            if x >= WIDE:
                x, y = 0, y + height


def _panel(number: int, name: str, kind: str, targets: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "title": name,
        "datasource": SOURCE,
        "targets": [
            {"refId": chr(65 + place), "datasource": SOURCE, "expr": expr, "legendFormat": legend, "instant": kind != "timeseries"}
            for place, (expr, legend) in enumerate(targets)
        ],
    }  # fmt: skip


def prometheus_rule() -> str:
    """The rule file as an object of the Prometheus Operator."""
    groups = yaml.safe_load((HERE / "remediator.rules.yaml").read_text())
    meta = {"name": "remediator", "labels": {"app.kubernetes.io/name": "remediator"}}
    whole = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": meta, "spec": groups}
    said = "# Made from remediator.rules.yaml by `make monitoring`.\n"
    return said + yaml.safe_dump(whole, sort_keys=False, width=120)


def main(folder: Path) -> None:
    """Write both files."""
    (folder / "dashboard.json").write_text(json.dumps(dashboard(), indent=1) + "\n")
    (folder / "prometheusrule.yaml").write_text(prometheus_rule())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
