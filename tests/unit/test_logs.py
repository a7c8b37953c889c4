"""The log: one line an event, whatever the text in it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from remediator import logs

ANSI = "\x1b[2J\x1b[31mred"
FORGED = 'x\n{"level":"error","event":"forged"}'


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """Give the process its logging back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level


def written(*events: Any, form: str = "json", level: str = "info") -> str:
    """What the log holds after those events, each a text and its values."""
    out = io.BytesIO()
    logs.configure(level, form, out)
    for event, values in events:
        logs.logger("test").info(event, **values)
    return out.getvalue().decode()


def test_a_line_is_one_json_object_with_its_time_first() -> None:
    line = json.loads(written(("rolled back", {"incident": "i", "step": 1, "labels": {"a": "b"}})))
    assert list(line) == ["time", "level", "event", "component", "incident", "step", "labels"]
    assert (line["level"], line["event"], line["labels"]) == ("info", "rolled back", {"a": "b"})
    assert line["time"].endswith("Z")


def test_text_is_for_people() -> None:
    line = written(("rolled back", {"incident": "i", "why": "it helped", "labels": {"a": "b"}}), form="text")
    assert line.split(" ", 1)[1] == 'info    rolled back component=test incident=i why="it helped" labels={"a":"b"}\n'


@pytest.mark.parametrize("form", logs.FORMATS)
@pytest.mark.parametrize(
    "text", [ANSI, FORGED, "\r\n", "\x9b31m", "\u2028", "\u202eevil", "\0", "\x7f", "\ud800", "\u200b"]
)
def test_hostile_text_stays_in_its_line_and_moves_no_terminal(form: str, text: str) -> None:
    for values in ({"label": text}, {"labels": {text: text}}, {"list": [text]}, {"odd": {1: {text}}}):
        out = written((text, values), form=form)
        assert out.count("\n") == 1
        assert all(char.isprintable() or char == "\n" for char in out)


def test_what_was_escaped_can_be_read_back() -> None:
    assert json.loads(written((ANSI, {"label": FORGED})))["event"] == ANSI


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes() | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.sets(st.integers()),
    max_leaves=8,
)


@given(st.text(), anything, st.sampled_from(logs.FORMATS))
def test_any_value_is_one_line(event: str, value: Any, form: str) -> None:
    out = written((event, {"value": value}), form=form)
    assert out.endswith("\n")
    assert len(out.splitlines()) == 1
    if form == "json":
        assert {"time", "level", "event", "value"} <= set(json.loads(out))


@pytest.mark.parametrize("form", logs.FORMATS)
def test_a_value_that_cannot_be_said_does_not_lose_the_line(form: str) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    ring: dict[str, Any] = {}
    ring["self"] = ring
    out = written(("it happened", {"odd": Odd(), "ring": ring, "big": 1 << 200, "good": 5}), form=form)
    assert "it happened" in out
    assert out.count("\n") == 1


def test_long_values_are_cut() -> None:
    line = json.loads(written(("event", {"annotation": "x" * 100_000})))
    assert len(line["annotation"]) < logs.LONGEST + 50
    assert line["annotation"].endswith("(100000 characters)")


def test_levels_below_the_set_one_are_silent() -> None:
    assert written(("quiet", {}), level="warning") == ""


@pytest.mark.parametrize("form", logs.FORMATS)
def test_a_traceback_is_kept(form: str) -> None:
    out = io.BytesIO()
    logs.configure("info", form, out)
    try:
        raise ValueError(ANSI)
    except ValueError:
        logs.logger("test").exception("failed")
    text = out.getvalue().decode()
    assert "Traceback" in text
    assert "test_logs.py" in text
    assert "\x1b" not in text


def test_libraries_log_here_too_and_cannot_forge_lines() -> None:
    out = io.BytesIO()
    logs.configure("info", "json", out)
    logging.getLogger("aiohttp.client").warning("from %s", FORGED)
    logging.getLogger("apscheduler").info("chatter")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", UserWarning, stacklevel=1)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["level"], line["component"]) for line in lines] == [
        ("warning", "aiohttp.client"),
        ("warning", "py.warnings"),
    ]


@pytest.mark.parametrize(("level", "form"), [("loud", "json"), ("info", "xml")])
def test_unknown_settings_are_told(level: str, form: str) -> None:
    with pytest.raises(ValueError, match="level must be one of debug, info, warning, error"):
        logs.configure(level, form)


def test_structlog_comes_without_rich() -> None:
    """Rich costs more than structlog itself; the service writes no colours. The command line still gets it."""
    code = "import sys, remediator.logs; print('rich' in sys.modules); import rich.table; print(rich.table.__name__)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "rich.table"]


def test_what_a_task_is_about_stands_in_its_lines_and_in_no_others() -> None:
    out = io.BytesIO()
    logs.configure(out=out)

    async def errand(name: str) -> None:
        logs.about(incident=name, remediation=f"{name}-1")
        await asyncio.sleep(0)
        logs.logger("x").info("written")

    async def both() -> None:
        await asyncio.gather(errand("a"), errand("b"))
        logs.logger("x").info("idle")

    asyncio.run(both())
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line.get("incident"), line.get("remediation")) for line in lines] == [
        ("a", "a-1"),
        ("b", "b-1"),
        (None, None),
    ]
