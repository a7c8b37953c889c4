"""Whatever a file holds, reading it ends in rules or settings, or in `ConfigErrors` with places: nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediator.config import ConfigErrors, load_rules, load_settings

GOOD = Path(__file__).parents[2] / "data" / "good"
READERS = {"rules": lambda path: load_rules([path]), "settings": load_settings}
TEXTS = {
    "rules": (GOOD / "rules.yaml").read_text(),
    "settings": (GOOD / "remediator.yaml").read_text(),
}
KEYS = st.sampled_from(sorted(set(re.findall(r"\w+(?=:)", TEXTS["rules"] + TEXTS["settings"]))))
PIECES = st.sampled_from([": ", "- ", "{", "]", "'", "&a ", "*a", "!!x ", "\t", "017"])
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(tmp_path: Path, kind: str, raw: bytes) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(raw)
    try:
        READERS[kind](path)
    except ConfigErrors as error:
        mistakes = error
    else:
        return
    assert mistakes.problems
    for problem in mistakes.problems:
        assert problem.message
        assert "\n" not in str(problem)
        assert 0 <= problem.line <= raw.count(b"\n") + raw.count(b"\r") + 2


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars | st.sampled_from(["5m", "restart", "KubeFoo", "Deployment", "observe", "target.revision > 1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("kind", READERS)
@quick
@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_arbitrary_bytes(tmp_path, kind, raw):
    read(tmp_path, kind, raw)


@pytest.mark.parametrize("kind", READERS)
@quick
@given(data=st.data())
def test_a_good_file_with_a_part_replaced(tmp_path, kind, data):
    text = TEXTS[kind]
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 30))
    put = data.draw(st.text(max_size=6) | PIECES)
    read(tmp_path, kind, (text[:start] + put + text[start + length :]).encode("utf-8", "replace"))


@pytest.mark.parametrize("kind", READERS)
@quick
@given(data=st.data())
def test_a_good_file_with_a_line_moved(tmp_path, kind, data):
    lines = TEXTS[kind].split("\n")
    line = lines.pop(data.draw(st.integers(0, len(lines) - 1)))
    lines.insert(data.draw(st.integers(0, len(lines))), data.draw(st.sampled_from(["", "  ", "    "])) + line)
    read(tmp_path, kind, "\n".join(lines).encode())


@pytest.mark.parametrize("kind", READERS)
@quick
@given(value=values)
def test_values_of_any_shape(tmp_path, kind, value):
    read(tmp_path, kind, json.dumps(value).encode())


@quick
@given(rule=st.dictionaries(KEYS, values, max_size=6))
def test_rules_of_any_shape(tmp_path, rule):
    whole = {"name": "r", "when": {"alert": "A"}, "do": ["restart"], **rule}
    read(tmp_path, "rules", json.dumps({"groups": [{"name": "g", "rules": [whole]}]}).encode())
