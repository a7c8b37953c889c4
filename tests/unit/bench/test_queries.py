"""What the benchmark of queries asks: as many different queries as rules, all of them valid."""

from __future__ import annotations

import yaml

from remediator.config.promql import promql_mistake
from tests.bench.queries import RULES, _late, exposition, rules


def test_no_two_rules_ask_the_same_and_every_query_is_one() -> None:
    (group,) = yaml.load(rules(), Loader=yaml.CSafeLoader)["groups"]
    queries = {rule["when"]["query"] for rule in group["rules"]}
    assert len(queries) == len(group["rules"]) == RULES
    assert {promql_mistake(query) for query in queries} == {""}


def test_every_series_is_there_once() -> None:
    series = [line.rpartition(" ")[0] for line in exposition()]
    assert len(series) == len(set(series)) == 32_000


def test_lateness_is_the_bound_of_the_bucket_with_the_99th_of_100() -> None:
    name = 'remediator_rule_delay_seconds_bucket{{le="{}"}}'
    before = {name.format(bound): 10.0 for bound in ("0.1", "0.5", "+Inf")}
    after = {name.format("0.1"): 108.0, name.format("0.5"): 109.0, name.format("+Inf"): 110.0}
    assert _late(before, after) == 0.5
