"""Which labels a query's result can have: an upper bound, None where it may be any."""

from __future__ import annotations

import pytest

from remediator.config.result_labels import labels_of


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("up", None),
        ("rate(errors[5m])", None),
        ("sum(up)", ""),
        ("sum by (a, b) (up)", "a b"),
        ("(sum by (a) (up))", "a"),
        ("-sum by (a) (up)", "a"),
        ("sum without (a) (up)", None),
        ("sum without (a) (sum by (a, b) (up))", "b"),
        ("sum by (a, c) (sum by (a, b) (up))", "a"),
        ("topk(3, up)", None),
        ("topk(3, sum by (a) (up))", "a"),
        ("count_values by (a) ('v', up)", "a v"),
        ("sum by (a) (up) > 1", "a"),
        ("1 < sum by (a) (up)", "a"),
        ("sum by (a) (up) > scalar(down)", "a"),
        ("sum by (a) (up) and on () down", "a"),
        ("sum by (a) (up) unless down", "a"),
        ("sum by (a) (up) or sum by (b) (up)", "a b"),
        ("sum by (a) (up) / sum by (a) (down)", "a"),
        ("sum by (a) (up) * on (a) group_left (c) down", "a c"),
        ("sum by (a) (up) * on (a) group_right (c) sum by (a, b) (down)", "a b c"),
        ("label_replace(sum by (a) (up), 'pod', '$1', 'a', '(.*)')", "a pod"),
        ("label_join(up, 'pod', '-', 'a')", None),
        ("max_over_time(sum by (a) (up)[5m:1m])", "a"),
        ("absent(up{job='api'})", None),
        ("vector(1)", ""),
        ("vector(time()) > 5", ""),
        ("this is no query (", None),
    ],
)
def test_labels_of_a_result(query, labels):
    assert labels_of(query) == (None if labels is None else frozenset(labels.split()))
