"""The real clock: aware, in UTC, and awake at once where there is nothing to wait for."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from remediator.clock import SystemClock


def test_now_is_aware_and_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
    assert SystemClock().now().tzinfo is UTC


@pytest.mark.parametrize("seconds", [0.0, -1.0, -1e9, 0.01])
async def test_sleep_returns(seconds: float) -> None:
    await SystemClock().sleep(seconds)
