"""When the end of an alert is believed: what Prometheus' rules say, and whether what they select is measured."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remediator.clients.alerting_rules import AlertingRule, NotTold, Rules
from remediator.clients.query_answer import Answer, Sample, Scalar, Unknown, Vector
from remediator.config.promql import metrics_of
from remediator.sources.doubts import Doubts, doubt, rules_of
from remediator.sources.measured import unmeasured
from tests.unit.builders import at

LABELS = {"alertname": "Stuck", "namespace": "shop", "deployment": "web", "severity": "page", "cluster": "prod"}
NOW = at(1000)


def stuck(**fields: object) -> AlertingRule:
    given = {"query": "stuck == 1", "labels": {"severity": "page"}, "health": "ok", "last_evaluation": at(990)} | fields
    return AlertingRule("Stuck", interval=30.0, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "since", "why"),
    [
        ((stuck(),), None, ""),
        ((stuck(),), at(900), ""),
        ((stuck(),), at(901), "reloaded at 12:15:01 UTC: its rule Stuck begins anew"),
        ((), None, "Prometheus has no alerting rule Stuck with its labels"),
        ((stuck(labels={"severity": "info"}),), None, "Prometheus has no alerting rule Stuck with its labels"),
        ((stuck(labels={"severity": "{{ $labels.severity }}"}),), None, ""),
        ((stuck(health="err", last_error="many-to-many"),), None, "is not evaluated: many-to-many"),
        ((stuck(health="unknown", last_evaluation=None),), None, "is not evaluated: its health is unknown"),
        ((stuck(last_evaluation=at(880)),), None, ""),
        ((stuck(last_evaluation=at(879)),), None, "was last evaluated at 2026-01-01 12:14:39 UTC"),
        ((stuck(alerts=({"alertname": "Stuck", "deployment": "web"},)),), None, "Stuck is pending or fires"),
        ((stuck(alerts=({"alertname": "Stuck", "deployment": "api"},)),), None, ""),
        ((stuck(), stuck(health="err", last_error="no")), None, "is not evaluated: no"),
    ],
)
def test_what_a_rule_says_of_the_end_of_its_alert(rules, since, why):
    found = doubt(LABELS, rules_of(LABELS, Rules(rules)), since, NOW)
    assert (why in found) if why else (found == "")


class Server:
    """A Prometheus that knows these series: what each query selects is told by the test."""

    def __init__(self, **answers: Answer) -> None:
        self.answers, self.asked = answers, []

    async def ask(self, query, at):
        self.asked.append(query)
        kind = next(kind for kind in ("count by", "group by", "min_over_time(up{") if query.startswith(kind))
        return self.answers[{"count by": "present", "group by": "before", "min_over_time(up{": "up"}[kind]]


def vector(*labels: dict[str, str], value: float = 1.0) -> Vector:
    return Vector(tuple(Sample(each, value) for each in labels))


PRESENT, JOB = vector({"__name__": "stuck"}), vector({"job": "ksm"})
UP, DOWN = vector({"job": "ksm", "instance": "a:1"}), vector({"job": "ksm", "instance": "a:1"}, value=0.0)
NONE = Vector(())


@pytest.mark.parametrize(
    ("labels", "answers", "why"),
    [
        ({}, {"present": PRESENT}, ""),
        ({}, {"present": NONE, "before": NONE}, ""),
        ({}, {"present": NONE, "before": JOB, "up": UP}, ""),
        ({}, {"present": NONE, "before": JOB, "up": DOWN}, "nothing is scraped of job ksm"),
        ({}, {"present": NONE, "before": JOB, "up": NONE}, "nothing is scraped of job ksm"),
        ({"job": "ksm"}, {"present": PRESENT, "up": DOWN}, "nothing is scraped of job ksm"),
        ({"job": "ksm"}, {"present": PRESENT, "up": UP}, ""),
        (
            {"job": "ksm", "instance": "b:1"},
            {"present": PRESENT, "up": Vector((*UP.samples, Sample({"job": "ksm", "instance": "b:1"}, 0.0)))},
            "its target b:1 cannot be scraped",
        ),
        ({"job": "ksm", "instance": "gone:1"}, {"present": PRESENT, "up": UP}, ""),
        ({}, {"present": Unknown("refused")}, "whether it is measured cannot be asked: refused"),
        (
            {},
            {"present": NONE, "before": Scalar(1.0)},
            "whether it is measured cannot be asked: the answer has no series",
        ),
    ],
)
async def test_absence_is_an_answer_only_where_somebody_measures(labels, answers, why):
    assert await unmeasured(Server(**answers).ask, "stuck == 1", labels, NOW) == why


async def test_a_query_that_the_parser_does_not_know_is_judged_by_the_labels_alone():
    assert (
        await unmeasured(Server(up=DOWN).ask, "stuck[5m*2] == 1", {"job": "ksm"}, NOW)
        == "nothing is scraped of job ksm"
    )
    assert await unmeasured(Server().ask, "stuck[5m*2] == 1", {}, NOW) == ""


async def test_names_and_jobs_are_no_patterns_and_no_promql():
    server = Server(present=NONE, before=vector({"job": 'a"} or vector(1)#'}), up=NONE)
    assert await unmeasured(server.ask, '{"a.b|c"} == 1', {}, NOW) == 'nothing is scraped of job a"} or vector(1)#'
    assert server.asked[0] == 'count by (__name__) ({__name__=~"a\\\\.b\\\\|c"})'
    assert server.asked[-1] == 'min_over_time(up{job="a\\"} or vector(1)#"}[90s])'


@pytest.mark.parametrize(
    ("query", "metrics"),
    [
        ('max_over_time(a{x="1"}[5m]) >= 1 and on(n) sum by (n) (b) unless absent(c)', {"a", "b", "c"}),
        ('{__name__=~"a.*"} > 0', set()),
        ("vector(1)", set()),
        ("((", set()),
        ('{"a.b"} > 0', {"a.b"}),
    ],
)
def test_the_metrics_of_a_query(query, metrics):
    assert metrics_of(query) == metrics


async def test_without_prometheus_every_end_is_in_doubt():
    async def rules() -> Rules:
        raise NotTold("refused")

    doubts = Doubts(rules, Server().ask, Clock())
    assert await doubts.of(LABELS) == "Prometheus cannot be asked about its rules: refused"


async def test_a_crowd_of_ends_asks_for_the_rules_once():
    asked = 0

    async def rules() -> Rules:
        nonlocal asked
        asked += 1
        return Rules((stuck(),))

    doubts = Doubts(rules, Server(present=PRESENT).ask, Clock())
    assert {await doubts.of(LABELS) for _ in range(50)} == {""}
    assert asked == 1


class Clock:
    def now(self):
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(timedelta(seconds=seconds))
