"""The arithmetic of the benchmarks and the table that shows it. No benchmark runs here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.figures import differences, median, quantile, slope, spread
from tests.bench.table import Row, at_least, at_most, render

MEASURED = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("count", "share", "rank"),
    [
        (100, 0.5, 50),
        (100, 0.99, 99),
        (100, 1.0, 100),
        (101, 0.5, 51),
        (1000, 0.99, 990),
        (600, 0.99, 594),
        (3, 0.5, 2),
        (4, 0.5, 2),
        (1, 0.99, 1),
        (10, 0.01, 1),
    ],
)
def test_a_quantile_is_the_value_of_the_nearest_rank(count: int, share: float, rank: int) -> None:
    assert quantile(list(range(count, 0, -1)), share) == rank


@given(MEASURED, st.floats(0.001, 1))
def test_a_quantile_was_measured_and_as_many_as_it_says_do_not_exceed_it(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= round(share * len(values), 6)


@given(MEASURED)
def test_quantiles_grow_with_their_share(values: list[float]) -> None:
    seen = spread(values)
    assert seen.least <= seen.median == median(values) <= quantile(values, 0.99) <= seen.greatest


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1), ([1.0], -0.5)])
def test_there_is_no_quantile_of_nothing_nor_beyond_all(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        quantile(values, share)


def test_each_round_is_compared_with_the_floor_of_the_same_round() -> None:
    assert differences([12.0, 30.0], [2.0, 25.0]) == [10.0, 5.0]
    with pytest.raises(ValueError):
        differences([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("values", "growth"),
    [([5.0, 5.0, 5.0], 0.0), ([1.0, 3.0], 2.0), ([0.0, 1.0, 2.0, 3.0], 1.0), ([2.0, 0.0, 2.0], 0.0), ([0, 0, 3], 1.5)],
)
def test_the_slope_is_that_of_the_line_of_least_squares(values: list[float], growth: float) -> None:
    assert slope(values) == pytest.approx(growth)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_line_that_is_added_adds_its_slope(values: list[float], offset: float, growth: float) -> None:
    raised = [value + offset + growth * place for place, value in enumerate(values)]
    assert slope(raised) == pytest.approx(slope(values) + growth, abs=1e-6)


def test_one_value_has_no_slope() -> None:
    with pytest.raises(ValueError, match="no slope of 1 values"):
        slope([1.0])


@pytest.mark.parametrize(("value", "met"), [(9.99, True), (10.0, True), (10.01, False)])
def test_a_goal_includes_its_own_value(value: float, met: bool) -> None:
    assert at_most("latency", "above the floor", value, 10.0, "ms").met is met
    assert at_least("intake", "a second", -value, -10.0, "/s").met is met


def test_the_table_shows_every_row_in_columns_and_says_what_was_missed() -> None:
    rows = [
        Row("start", "a bare Python", "16.3 ms"),
        at_most("start", "import", 235.4, 500, "ms", "230 … 241 ms"),
        at_least("intake", "durable", 1998.6, 2000, "/s"),
        at_least("intake", "kept", 2000.4, 2000, "/s"),
    ]
    assert render(rows).splitlines() == [
        "| bench  | figure        | value    | over the rounds | goal       |        |",
        "| ------ | ------------- | -------- | --------------- | ---------- | ------ |",
        "| start  | a bare Python | 16.3 ms  |                 |            |        |",
        "| start  | import        | 235 ms   | 230 … 241 ms    | ≤ 500 ms   | met    |",
        "| intake | durable       | 1,999 /s |                 | ≥ 2,000 /s | MISSED |",
        "| intake | kept          | 2,000 /s |                 | ≥ 2,000 /s | met    |",
    ]
