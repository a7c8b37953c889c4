"""YAML is read as version 1.2 says, strictly, in bounds, and every value knows where it stands."""

from __future__ import annotations

import pytest

from remediator.config.document import LARGEST, parse_document, read_document
from remediator.config.problems import Problems


def parsed(text):
    """The value of a text and its mistakes as lines."""
    problems = Problems()
    document = parse_document(text.encode() if isinstance(text, str) else text, problems, "f.yaml")
    return document.value if document else None, [str(each) for each in problems]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
        ("1_000", "1_000"),
        ("0_17", "0_17"),
        ("0b11", "0b11"),
        (".nan", ".nan"),
        ("-.inf", "-.inf"),
        ("1e999", "1e999"),
        ("1" * 30, "1" * 30),
        ("'7'", "7"),
        ('"7"', "7"),
        ("!!str 7", "7"),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_scalars_are_those_of_yaml_1_2(scalar, value):
    read, mistakes = parsed(f"key: {scalar}\n")
    assert read == {"key": value}
    assert type(read["key"]) is type(value)
    assert not mistakes


@pytest.mark.parametrize("scalar", ["017", "08", "-01", "00"])
def test_a_number_with_a_leading_zero_is_refused(scalar):
    """It is octal to YAML 1.1 and Go, decimal to YAML 1.2: nobody could know."""
    _, mistakes = parsed(f"key: {scalar}\n")
    assert mistakes[0].startswith(f"f.yaml:1:6 key: `{scalar}` is octal to YAML 1.1")


@pytest.mark.parametrize("key", ["on", "no", "404", "null", "true", "1.0", "''", "2026-01-31"])
def test_keys_are_text_whatever_they_look_like(key):
    assert parsed(f"{key}: 1\n") == ({key.strip("'"): 1}, [])


def test_of_equal_keys_the_first_is_kept_and_every_other_told():
    value, mistakes = parsed("a: 1\nb:\n  c: 1\n  c: 2\na: 2\na: 3\n")
    assert value == {"a": 1, "b": {"c": 1}}
    assert [line.split(":")[1] for line in mistakes] == ["4", "5", "6"]


def test_aliases_repeat_what_their_anchor_holds():
    assert parsed("a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n")[0]["d"] == [{"b": [1]}, {"b": [1]}]


def test_an_anchor_may_be_set_again():
    assert parsed("a: &x 1\nb: &x 2\nc: *x\n")[0] == {"a": 1, "b": 2, "c": 2}


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, "- " * 200_000, "{a: " * 100_000, "? " * 100_000, "a: &a [*a]\n"],
    ids=["flow lists", "block lists", "flow mappings", "keys", "itself"],
)
def test_a_deep_file_is_refused_and_not_the_end_of_the_process(text):
    value, mistakes = parsed(text)
    assert value is None
    assert len(mistakes) == 1


def test_a_file_that_is_too_large_is_not_parsed():
    _, mistakes = parsed(b"a" * (LARGEST + 1))
    assert mistakes == ["f.yaml: is larger than 4 MiB; split it into several files"]


@pytest.mark.parametrize(
    ("raw", "place"),
    [(b"a: \xff", "1:4"), (b"a: b\nc: \xc3", "2:4"), ("ключ: \udcff".encode("utf-8", "surrogatepass"), "1:7")],
)
def test_bytes_that_are_not_utf_8_are_told_with_their_place(raw, place):
    assert parsed(raw)[1] == [f"f.yaml:{place}: is not UTF-8 text; save the file as UTF-8"]


def test_a_byte_order_mark_and_windows_line_ends_change_no_place():
    _, mistakes = parsed(b"\xef\xbb\xbfa: 1\r\nb: 2\r\nb: 3\r\n")
    assert mistakes[0].startswith("f.yaml:3:1: the key `b`")


def test_a_tab_is_told_where_it_stands():
    assert parsed("a:\n  b: 1\n \tc: 2\n")[1][0].startswith("f.yaml:3:2: is not YAML: a tab")


def test_a_file_that_is_not_there_is_a_mistake_and_not_an_exception(tmp_path):
    problems = Problems()
    assert read_document(tmp_path / "none.yaml", problems) is None
    assert read_document(tmp_path, problems) is None
    assert len(list(problems)) == 2


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("key: foo + bar\n", 6, "1:12"),
        ("key: 'foo + bar'\n", 6, "1:13"),
        ('key: "foo + bar"\n', 6, "1:13"),
        ("key: ключ + bar\n", 7, "1:13"),
        ("key: |\n  foo\n    + bar\n", 4, "3:3"),
        ("key: |\n  foo\n    + bar\n", 8, "3:7"),
        ("key: |\n\n  foo\n\n  bar\n", 6, "5:3"),
        ('key: "foo\\t+ bar"\n', 6, "1:6"),
        ("key: 'it''s bar'\n", 6, "1:6"),
        ("key: >\n  foo\n  bar\n", 5, "1:6"),
        ("key: foo\n  bar\n", 5, "1:6"),
    ],
)
def test_a_character_of_a_text_is_found_where_it_stands_as_it_is(text, offset, place):
    """Otherwise the text's beginning is told."""
    document = parse_document(text.encode(), Problems(), "f.yaml")
    problem = document.problem(("key",), "is wrong", "write it right", offset=offset)
    assert str(problem) == f"f.yaml:{place} key: is wrong; write it right"


def test_a_place_that_does_not_exist_is_told_as_the_nearest_above_it():
    document = parse_document(b"a:\n  b: [x]\n", Problems(), "f.yaml")
    assert str(document.problem(("a", "b", 3, "c"), "is wrong", "")) == "f.yaml:2:6 a.b: is wrong"


def test_a_message_cannot_steer_a_terminal():
    document = parse_document(b'"\\e[31m": 1\n', Problems(), "f.yaml")
    line = str(document.problem(("\x1b[31m",), "is wrong", "", at_key=True))
    assert "\x1b" not in line
    assert "\\x1b" in line
