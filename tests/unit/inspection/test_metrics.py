"""What a Prometheus says of queries and rules, by what it knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediator.clients.query_answer import Sample, Scalar, Unknown, Vector
from remediator.config.problems import Problems
from remediator.config.rules import read_files
from remediator.inspection.knowledge import Knowledge
from remediator.inspection.metrics import judge, reviewed
from remediator.sources.present import question

NOW = datetime(2026, 3, 1, tzinfo=UTC)

PODS = frozenset({"namespace", "pod", "container", "instance", "job"})
REQUESTS = frozenset({"namespace", "service", "code", "instance", "job"})
METRICS = {"kube_pod_container_status_restarts_total": PODS, "http_requests_total": REQUESTS}


def known(**answers: object) -> Knowledge:
    """A server with two metrics and two alerting rules, which answers every query with the given word, else nothing."""

    class Answers(dict[str, object]):
        def __missing__(self, query: str) -> object:
            return answers.get("every", Vector(()))

    return Knowledge(Answers(), frozenset(METRICS), METRICS, frozenset({"KubePodCrashLooping", "Watchdog"}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("rate(http_requests_total[5m]) > 1", []),
        ('http_requests_total{code=~"5..", namespace!=""}', []),
        ('http_requests_total{absent_label=""}', []),
        ('http_requests_total{absent_label!="x"}', []),
        ('{__name__=~"http_.*"} > 1', []),
        ("absent(no_such_metric)", []),
        ("http_request_total > 1", ["there was no series of `http_request_total` in the last day"]),
        ('http_requests_total{cod="500"}', ["no series of `http_requests_total` has a label `cod`"]),
        ('http_requests_total{pod=~".+"}', ["no series of `http_requests_total` has a label `pod`"]),
        ("sum by (servic) (http_requests_total)", ["none of its series has the label `servic` that it groups by"]),
        ('sum by (made) (label_replace(http_requests_total, "made", "$1", "code", "(.*)"))', []),
        (
            "http_requests_total * on (namespace, shard) kube_pod_container_status_restarts_total",
            ["none of its series has the label `shard` that it groups by"],
        ),
    ],
)  # fmt: skip
def test_metrics_and_labels_that_are_not_there_are_warnings(query, told):
    problems, warnings = judge(query, known())
    assert (problems, [message for message, _ in warnings]) == ([], told)


def test_the_nearest_name_is_the_remedy():
    assert judge("http_request_total", known())[1][0][1] == "did you mean `http_requests_total`?"
    assert judge('http_requests_total{zone="a"}', known())[1][0][1] == (
        "they have code, instance, job, namespace, service"
    )


def test_what_the_server_refuses_is_a_mistake_whatever_the_syntax():
    refused = Unknown("answered 400 bad_data: 1:9: parse error", reached=True, refused=True)
    problems, warnings = judge("smooth(x[5m] smoothed)", known(every=refused))
    assert [message for message, _ in problems] == [
        "this Prometheus refuses it: answered 400 bad_data: 1:9: parse error"
    ]
    assert warnings == []


def test_an_answer_that_is_partial_is_a_warning():
    _, warnings = judge("http_requests_total", known(every=Unknown("the answer may be partial: x", reached=True)))
    assert [message for message, _ in warnings] == ["its answer is none to go by: the answer may be partial: x"]


def files(tmp_path: Path, *rules: str):
    text = "".join(f"\n  - {{name: r{number}, {rule}}}" for number, rule in enumerate(rules))
    (tmp_path / "rules.yaml").write_text(f"groups:\n- name: g\n  rules:{text}\n")
    problems = Problems()
    read = read_files([tmp_path / "rules.yaml"], None, problems)
    assert list(problems) == []
    return read


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("when: {alert: KubePodCrashLooping}, do: [none]", ""),
        ("when: {alert: '{alertname=~\"Kube.*\"}'}, do: [none]", ""),
        ("when: {alert: '{severity=\"page\"}'}, do: [none]", ""),
        ("when: {alert: KubePodCrashLoop}, do: [none]", "this Prometheus has no alerting rule `KubePodCrashLoop`"),
        (
            "when: {query: 'http_requests_total > 1'}, target: {kind: Deployment}, do: [none]",
            "the series of its query have the labels code, instance, job, namespace, service: "
            "none names the Deployment",
        ),
        ("when: {query: 'http_requests_total > 1'}, target: {kind: Deployment, label: service}, do: [none]", ""),
        ("when: {query: 'kube_pod_container_status_restarts_total > 9'}, target: {kind: Deployment}, do: [none]", ""),
    ],
)
async def test_rules_about_alerts_that_nobody_raises_and_series_that_name_no_target(tmp_path, rule, told):
    found = await reviewed(files(tmp_path, rule), known(), NOW)
    assert [each.message for each in found.warnings] == ([told] if told else [])
    assert [(each.line, each.column) for each in found.warnings] == ([(4, 12)] if told else [])


SERIES = tuple(
    Sample({"namespace": "shop", "pod": f"web-{n}"}, value) for n, value in enumerate((1.0, 2.0, float("nan")))
)


@pytest.mark.parametrize(
    ("answer", "signals", "reason"),
    [
        (Vector(SERIES), 2, ""),
        (Vector(()), 0, ""),
        (Unknown("too slow", reached=True), None, "too slow"),
        (Scalar(1.0), None, "the result is one number without labels: write vector(…), or ask for series"),
    ],
)
async def test_how_many_signals_a_rule_has_now(tmp_path, answer, signals, reason):
    rules = ("when: {alert: Watchdog}, do: [none]", "when: {query: 'http_requests_total'}, do: [none]")
    found = await reviewed(files(tmp_path, *rules), known(every=answer), NOW)
    assert [(each.rule, each.signals, each.reason) for each in found.now] == [
        ("r0", signals, reason),
        ("r1", signals, reason),
    ]


def test_alerts_are_asked_for_by_all_of_their_matchers(tmp_path):
    (file,) = files(tmp_path, 'when: {alert: \'A{namespace=~"shop|cart", team!="x"}\'}, do: [none]')
    ((_, rule),) = file.rules
    expected = 'ALERTS{alertstate="firing", alertname="A", namespace=~"shop|cart", team!="x"}'
    assert question(rule) == expected
