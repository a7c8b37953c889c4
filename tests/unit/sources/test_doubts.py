"""When the end of an alert is believed: what Prometheus' rules say, and whether what they select is measured."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remediator.clients.alerting_rules import AlertingRule, Rules
from remediator.clients.prometheus_api import NotTold
from remediator.clients.query_answer import Answer, Sample, Scalar, Unknown, Vector
from remediator.config.promql import metrics_of
from remediator.sources.doubts import Doubts, doubt, rules_of
from remediator.sources.measured import steadily_up, unmeasured
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
    """A Prometheus that knows these series: what each question selects is told by the test."""

    def __init__(self, mine: Answer, now: Answer, before: Answer, up: Answer) -> None:
        self.answers = {"mine": mine, "now": now, "before": before, "up": up}
        self.asked: list[str] = []

    async def ask(self, query, at):
        self.asked.append(query)
        if query.startswith("min_over_time(up{"):
            return self.answers["up"]
        kinds = {"group by (__name__, job": "mine", "group by (__name__) ({": "now", "group by (job) (last": "before"}
        return next(self.answers[kind] for form, kind in kinds.items() if query.startswith(form))


def vector(*labels: dict[str, str], value: float = 1.0) -> Vector:
    return Vector(tuple(Sample(each, value) for each in labels))


STUCK = vector({"__name__": "stuck", "job": "ksm"})
UP, DOWN = vector({"job": "ksm", "instance": "a:1"}), vector({"job": "ksm", "instance": "a:1"}, value=0.0)
NONE, ODD = Vector(()), Scalar(1.0)
SCRAPED = "nothing is scraped of job ksm, or has only just been again"


@pytest.mark.parametrize(
    ("labels", "mine", "now", "before", "up", "why"),
    [
        pytest.param({}, STUCK, ODD, ODD, UP, "", id="measured by a target that is steadily up"),
        pytest.param({}, STUCK, ODD, ODD, DOWN, SCRAPED, id="its exporter is down, or only just back"),
        pytest.param({}, STUCK, ODD, ODD, NONE, SCRAPED, id="its exporter is no target any more"),
        pytest.param({}, STUCK, ODD, ODD, Vector((*UP.samples, *DOWN.samples)), "", id="one target of several is up"),
        pytest.param({}, NONE, STUCK, ODD, ODD, "", id="labels that a query has made; the metric has series"),
        pytest.param({}, NONE, NONE, STUCK, DOWN, SCRAPED, id="labels that a query has made; the metric has none"),
        pytest.param({}, NONE, NONE, NONE, ODD, "", id="nobody has measured it within an hour"),
        pytest.param({"job": "ksm"}, NONE, STUCK, ODD, DOWN, SCRAPED, id="the job is named"),
        pytest.param({"job": "ksm", "instance": "a:1"}, STUCK, ODD, ODD, UP, "", id="the target is named and up"),
        pytest.param({"job": "ksm", "instance": "gone:1"}, STUCK, ODD, ODD, UP, "", id="the target went"),
        pytest.param({}, Unknown("refused"), ODD, ODD, ODD, "whether it is measured cannot be asked: refused", id="no"),
        pytest.param(
            {}, NONE, NONE, ODD, ODD, "whether it is measured cannot be asked: the answer has no series", id="odd"
        ),
    ],
)
async def test_absence_is_an_answer_only_where_somebody_measures(labels, mine, now, before, up, why):
    assert await unmeasured(Server(mine, now, before, up).ask, "stuck == 1", (labels,), NOW, 30.0) == [why]


async def test_a_target_that_is_named_must_not_be_down_even_where_others_of_its_job_are_up():
    up = Vector((*UP.samples, Sample({"job": "ksm", "instance": "b:1"}, 0.0)))
    labels = {"job": "ksm", "instance": "b:1"}
    found = await unmeasured(Server(STUCK, ODD, ODD, up).ask, "stuck == 1", (labels,), NOW, 30.0)
    assert found == ["its target b:1 cannot be scraped"]


async def test_what_was_added_to_an_alert_does_not_hide_who_measured_it():
    """A rule's own labels and a server's external ones are on no series: such series agree with them."""
    server = Server(STUCK, ODD, ODD, UP)
    assert await unmeasured(server.ask, "stuck == 1", (LABELS,), NOW, 30.0) == [""]
    assert server.asked[0] == (
        "group by (__name__, job, alertname, cluster, deployment, namespace, severity) (last_over_time("
        '{__name__=~"stuck", alertname=~"Stuck|", cluster=~"prod|", deployment=~"web|", namespace=~"shop|", '
        'severity=~"page|"}[1h]))'
    )


async def test_many_that_are_gone_are_asked_about_together_and_each_by_who_measured_it():
    mine = vector(
        {"__name__": "stuck", "job": "shop", "namespace": "shop"},
        {"__name__": "stuck", "job": "cart", "namespace": "cart"},
        {"__name__": "stuck", "job": "ksm"},  # without a namespace: of all
    )
    up = Vector(tuple(Sample({"job": job}, float(job != "cart")) for job in ("shop", "cart", "ksm")))
    server = Server(mine, ODD, ODD, up)
    gone = ({"namespace": "shop", "pod": "a"}, {"namespace": "cart", "pod": "b", "zone": "z"})
    assert await unmeasured(server.ask, "stuck == 1", gone, NOW, 30.0) == ["", SCRAPED.replace("ksm", "cart")]
    assert len(server.asked) == 2
    assert server.asked[0].endswith('{__name__=~"stuck", namespace=~"cart|shop|", pod=~"a|b|"}[1h]))')
    assert 'up{job=~"cart|ksm|shop"}' in server.asked[1]


async def test_labels_with_very_many_values_are_not_asked_for():
    server, many = Server(STUCK, ODD, ODD, UP), [{"namespace": "shop", "pod": f"p{number}"} for number in range(101)]
    assert await unmeasured(server.ask, "stuck == 1", many, NOW, 30.0) == [""] * 101
    assert server.asked[0].endswith('{__name__=~"stuck", namespace=~"shop|"}[1h]))')


async def test_what_prometheus_writes_itself_is_measured_by_nobody():
    server = Server(NONE, NONE, NONE, NONE)
    assert await unmeasured(server.ask, "up == 0 or ALERTS", ({},), NOW, 30.0) == [""]
    assert server.asked == []


async def test_a_query_that_the_parser_does_not_know_is_judged_by_the_labels_alone():
    server = Server(ODD, ODD, ODD, DOWN)
    assert await unmeasured(server.ask, "stuck[5m*2] == 1", ({"job": "ksm"},), NOW, 30.0) == [SCRAPED]
    assert await unmeasured(server.ask, "stuck[5m*2] == 1", ({},), NOW, 30.0) == [""]


async def test_names_and_jobs_are_no_patterns_and_no_promql():
    job = 'a"} or vector(1)#.b'
    server = Server(NONE, NONE, vector({"__name__": "a.b|c", "job": job}), NONE)
    found = await unmeasured(
        server.ask, '{"a.b|c"} == 1', ({"x": '"}|é–', "ü": "no name before Prometheus 3"},), NOW, 30
    )
    assert found == [f"nothing is scraped of job {job}, or has only just been again"]
    assert server.asked[0].endswith('{__name__=~"a\\\\.b\\\\|c", x=~"\\"\\\\}\\\\|é–|"}[1h]))')
    assert 'up{job=~"a\\"\\\\} or vector\\\\(1\\\\)#\\\\.b"}' in server.asked[-1]


def test_steadily_is_for_three_evaluations_and_three_scrapes_by_a_target_that_was_there_before():
    up = 'up{job=~"ksm"}'
    assert steadily_up({"ksm"}, 30.0) == " or ".join(
        (
            *(
                f"min_over_time({up}[{of}]) * ({up} offset {of}) and count_over_time({up}[{of}]) >= 3"
                for of in ("105000ms", "5m", "15m")
            ),
            f"{up} * 0",
        )
    )


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

    doubts = Doubts(rules, Server(NONE, NONE, NONE, NONE).ask, Clock())
    assert await doubts.of(LABELS) == "Prometheus cannot be asked about its rules: refused"


async def test_a_crowd_of_ends_asks_for_the_rules_once():
    asked = 0

    async def rules() -> Rules:
        nonlocal asked
        asked += 1
        return Rules((stuck(),))

    doubts = Doubts(rules, Server(STUCK, ODD, ODD, UP).ask, Clock())
    assert {await doubts.of(LABELS) for _ in range(50)} == {""}
    assert asked == 1


class Clock:
    def now(self):
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(timedelta(seconds=seconds))
