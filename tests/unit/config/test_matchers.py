"""Signals are read as Alertmanager's UTF-8 matchers, with the alert's name in front."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.config.matchers import MatcherError, parse_matchers
from remediator.core.rules import Matcher, MatchOp

SEVERE = ("severity", "=~", "warning|critical")

# The cases of prometheus/alertmanager matcher/parse/parse_test.go (2026-08): input, then name, operator, value.
ALERTMANAGER = [
    ("{foo=bar}", ("foo", "=", "bar")),
    ("{foo=bar,}", ("foo", "=", "bar")),
    ("{foo!=bar,bar=baz}", ("foo", "!=", "bar"), ("bar", "=", "baz")),
    ("{foo=~[a-z]+}", ("foo", "=~", "[a-z]+")),
    ("{foo!~[a-z]+,bar=baz}", ("foo", "!~", "[a-z]+"), ("bar", "=", "baz")),
    ("{foo=🙂}", ("foo", "=", "🙂")),
    ("{foo=🙂bar}", ("foo", "=", "🙂bar")),
    ("foo=bar", ("foo", "=", "bar")),
    ("foo=bar,", ("foo", "=", "bar")),
    ("foo=~[a-z]+", ("foo", "=~", "[a-z]+")),
    ('{"foo"="bar"}', ("foo", "=", "bar")),
    ('{"foo"="bar",}', ("foo", "=", "bar")),
    ('{"foo"!~"[a-z]+","bar"="baz"}', ("foo", "!~", "[a-z]+"), ("bar", "=", "baz")),
    (r'{"foo"="\xf0\x9f\x99\x82"}', ("foo", "=", "🙂")),
    (r'{"foo"="\U0001f642"}', ("foo", "=", "🙂")),
    (r'{"foo"="bar\n"}', ("foo", "=", "bar\n")),
    (r'{"foo"="bar\t"}', ("foo", "=", "bar\t")),
    (r'{"foo"="\"bar\""}', ("foo", "=", '"bar"')),
    (r'{"foo"="bar\\"}', ("foo", "=", "bar\\")),
    ('"foo"="bar"', ("foo", "=", "bar")),
    ("{foo=bar,bar!=baz}", ("foo", "=", "bar"), ("bar", "!=", "baz")),
    ('foo="bar",bar!="baz"', ("foo", "=", "bar"), ("bar", "!=", "baz")),
]
# The examples of its documentation, docs/configuration.md, "Label matchers": what each says.
DOCUMENTED = [
    ('{alertname="Watchdog", severity=~"warning|critical"}', ("alertname", "=", "Watchdog"), SEVERE),
    ('{alertname="Watchdog", severity=~"warning|critical",}', ("alertname", "=", "Watchdog"), SEVERE),
    ('alertname="Watchdog", severity=~"warning|critical"', ("alertname", "=", "Watchdog"), SEVERE),
    ('{\n   alertname = "Watchdog",\n   severity =~ "warning|critical",\n}', ("alertname", "=", "Watchdog"), SEVERE),
    ("alertname = Watchdog", ("alertname", "=", "Watchdog")),
    ('severity =~ "warning|critical"', SEVERE),
    ("foo = bar, dings != bums", ("foo", "=", "bar"), ("dings", "!=", "bums")),
    ('foo = "bar,baz"', ("foo", "=", "bar,baz")),
    ('{foo="bar", dings!="bums"}', ("foo", "=", "bar"), ("dings", "!=", "bums")),
    ('{quote=~"She said: \\"Hi, all!( How\'re you…)?\\""}\n', ("quote", "=~", 'She said: "Hi, all!( How\'re you…)?"')),
    ("foo=[a-zA-Z]+", ("foo", "=", "[a-zA-Z]+")),
    ("Προμηθεύς=Προμηθεύς", ("Προμηθεύς", "=", "Προμηθεύς")),
    ('foo=~"\\\\d+"', ("foo", "=~", r"\d+")),
    ('"foo!"="bar,baz"', ("foo!", "=", "bar,baz")),
    (r'"\"baz qux\""="\xf0\x9f\x99\x82"', ('"baz qux"', "=", "🙂")),
]
UNDOCUMENTED = [
    "foo!=",  # the right-hand side is required
    "foo=",
    "foo!",
    'foo!bar="x"',
    '{alertname="Watchdog", severity=~"warning|critical"',
    'alertname="Watchdog", severity=~"warning|critical"}',
    '{{alertname="Watchdog", severity=~"warning|critical",}}',
    r"foo=\d+",
    "foo=b`r",
    "foo='bar'",
]
REFUSED_BY_ALERTMANAGER = [
    ",",
    "{,}",
    "{",
    "}",
    "foo=bar}",
    "{foo=bar",
    '{foo=:"bar"}',
    r'{foo="bar\w"}',
    r"{foo=bar\n}",
    r'{"foo"="\xf0\x9f"}',
]


@pytest.mark.parametrize(("text", "want"), [(text, want) for text, *want in DOCUMENTED])
def test_reads_the_examples_of_alertmanagers_documentation(text, want):
    assert written(parse_matchers(text)) == want


@pytest.mark.parametrize("text", UNDOCUMENTED)
def test_refuses_what_alertmanagers_documentation_says_is_none(text):
    with pytest.raises(MatcherError):
        parse_matchers(text)


def test_composed_matchers_must_all_match():
    """As the documentation says of a Watchdog that is critical, and of one that is neither warning nor critical."""
    matchers = parse_matchers('{alertname="Watchdog", severity=~"warning|critical"}')
    watchdog = {"alertname": "Watchdog"}
    assert all(each.matches(watchdog | {"severity": "critical"}) for each in matchers)
    assert not all(each.matches(watchdog | {"severity": "none"}) for each in matchers)


def written(matchers):
    return [(each.name, str(each.op), each.value) for each in matchers]


@pytest.mark.parametrize(("text", "want"), [(text, want) for text, *want in ALERTMANAGER])
def test_reads_what_alertmanager_reads(text, want):
    assert written(parse_matchers(text)) == want


@pytest.mark.parametrize("text", REFUSED_BY_ALERTMANAGER)
def test_refuses_what_alertmanager_refuses(text):
    with pytest.raises(MatcherError):
        parse_matchers(text)


@pytest.mark.parametrize(
    ("text", "name", "more"),
    [
        ("KubeFoo", "KubeFoo", 0),
        ("KubeFoo{}", "KubeFoo", 0),
        ('  KubeFoo { severity = "page" , } ', "KubeFoo", 1),
        ('"Kube Foo"{severity="page"}', "Kube Foo", 1),
        ('KubeFoo{namespace!~"kube-.*", severity="page"}', "KubeFoo", 2),
    ],
)
def test_a_name_in_front_is_the_alert_name(text, name, more):
    first, *others = parse_matchers(text)
    assert first == Matcher("alertname", MatchOp.EQUAL, name)
    assert len(others) == more


@pytest.mark.parametrize("text", ["", "{}", '{a=""}', 'a!="x"', '{a=~".*"}', '{a!~".+"}', '{a=~"|x"}'])
def test_refuses_matchers_that_take_every_alert(text):
    """As with Alertmanager's silences: one matcher at least must refuse the empty value."""
    with pytest.raises(MatcherError, match="takes every alert"):
        parse_matchers(text)


@pytest.mark.parametrize("text", ['a!=""', '{a=~".+"}', '{a!~".*", b="c"}', 'a!~""'])
def test_takes_matchers_that_need_a_label(text):
    assert parse_matchers(text)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ('KubeFoo{severity=="page"}', 17),
        ("KubeFoo{severity='page'}", 17),
        ('KubeFoo{severity~"page"}', 16),
        (r'KubeFoo{host=~"a\.b"}', 16),
        ('KubeFoo{severity="page', 17),
        ("KubeFoo{a=b c=d}", 12),
    ],
)
def test_tells_the_character_that_is_wrong(text, offset):
    with pytest.raises(MatcherError) as raised:
        parse_matchers(text)
    assert raised.value.offset == offset
    assert raised.value.remedy


@pytest.mark.parametrize("regex", ["(?!kube-).*", "(?<=a)b", r"(a)\\1", "(shop", "a**", "[z-a]", "a{1001}"])
def test_refuses_regexps_that_re2_does_not_have(regex):
    with pytest.raises(MatcherError, match="is not a regexp"):
        parse_matchers(f'KubeFoo{{namespace=~"{regex}"}}')


def test_reading_a_catastrophic_regexp_is_linear():
    began = time.process_time()
    parse_matchers('{namespace=~"(((a+)+)+)+b"}')
    assert time.process_time() - began < 60  # for ever, with a backtracking engine


names = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@given(names.filter(lambda name: name != "alertname"), names)
def test_quoted_names_and_values_are_read_as_they_are(name, value):
    assert written(parse_matchers(f"KubeFoo{{{quoted(name)}={quoted(value)}}}"))[1:] == [(name, "=", value)]


@given(st.text(max_size=40) | st.text(st.sampled_from('ab{}=!~",\\ \n'), max_size=30))
def test_any_text_is_a_signal_or_a_clear_mistake(text):
    try:
        assert parse_matchers(text)
    except MatcherError as error:
        mistake = error
    else:
        return
    assert mistake.message
    assert mistake.remedy
    assert 0 <= mistake.offset <= len(text)
