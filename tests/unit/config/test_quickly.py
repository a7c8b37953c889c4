"""Reading a file without its places gives what reading it with care gives, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediator.config.compose import compose
from remediator.config.problems import Problems
from remediator.config.quickly import DEEPEST, LONGEST, NotPlain, quickly

ROOT = Path(__file__).parents[3]
FILES = sorted(path for folder in ("rules", "tests/data") for path in (ROOT / folder).rglob("*.yaml"))
SHIPPED = sorted((ROOT / "rules").glob("*.yaml"))
PIECES = (
    *("a", "b", "key: ", "- ", "? ", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ", ", '"', "'", "#", "|\n  ", ">\n  "),
    *("7", "017", "null", "~", "<<: ", "&x ", "*x", "!!str ", "!y ", "---\n", "...\n", "%", "\t", "\x00", "\x85", "é"),
)


def with_care(text):
    """The value, or None where there is a mistake or nothing."""
    problems = Problems()
    composed = compose(text, problems, "f.yaml")
    return None if composed is None or problems else composed[0]


def agrees(text):
    """Whether the quick way was taken, which must then have come to the same."""
    try:
        value = quickly(text)
    except NotPlain:
        return False
    careful = with_care(text)
    assert value == careful
    assert repr(value) == repr(careful)  # 1, 1.0 and True are equal
    return True


def test_every_file_of_the_repository_comes_to_the_same():
    read = [path for path in FILES if b"\xff" not in path.read_bytes()]
    assert sum(agrees(path.read_text(errors="ignore")) for path in read) > len(read) / 2


def test_what_people_write_is_read_quickly():
    """Else it would be quick for nobody."""
    assert [path.name for path in SHIPPED if not agrees(path.read_text())] == []


@settings(max_examples=2000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_text_comes_to_the_same(text):
    agrees(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1\na: 2\n",
        "a: 017\n",
        "a: &x 1\nb: *x\n",
        "<<: {a: 1}\n",
        "a: !!str 7\n",
        "!x a: 1\n",
        "[1, 2]: 3\n",
        "a: 1\n---\nb: 2\n",
        "a: \x01\n",
        "a: [\n",
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        f"a: {'b' * LONGEST}\n",
    ],
    ids=lambda text: repr(text[:16]),
)
def test_what_care_would_have_a_word_about_is_left_to_it(text):
    with pytest.raises(NotPlain):
        quickly(text)
