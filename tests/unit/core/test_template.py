"""Templates of annotations: names are filled in, and nothing else can happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.core.template import LONGEST, mistakes, render

NAMES = {
    "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
    "labels": {"alertname": "Stuck", "app.kubernetes.io/name": "web"},
    "annotations": {},
    "external_labels": {"cluster": "prod-1"},
    "value": "0.25",
    "reason": "{{ target.kind }}",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ target.name }} in {{target.namespace}}", "web in shop"),
        ("{{ $labels.alertname }} at {{ $value }}", "Stuck at 0.25"),
        ("{{ labels.app.kubernetes.io/name }}", "web"),
        ("{{ $externalLabels.cluster }}", "prod-1"),
        ("{{ reason }}", "{{ target.kind }}"),
        ("{ {target.name} }", "{ {target.name} }"),
    ],
)
def test_what_is_known_is_filled_in_once(template, text):
    assert render(template, NAMES).text == text
    assert render(template, NAMES).problems == ()
    assert list(mistakes(template)) == []


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ labels.pod }}", "there is no labels.pod"),
        ("{{ labels }}", "there is no labels"),
        ("{{ value.x }}", "there is no value.x"),
        ("{{ ''.__class__ }}", "there is no ''.__class__"),
        ("{{ target.__class__ }}", "there is no target.__class__"),
        ("{{ range 10000000 }}", "there is no range 10000000"),
        ("{{ a\n}}", "there is no a"),
    ],
)
def test_what_is_not_known_stays_as_it_was_written_and_is_said(template, problem):
    assert render(template, NAMES).text == template
    assert render(template, NAMES).problems == (problem,)


@given(st.text(alphabet="{} $.target|namelbs_'\n", max_size=200))
def test_any_text_is_rendered_within_bounds(template):
    rendered = render(template * 30, NAMES)
    assert len(rendered.text) <= LONGEST
    assert len(rendered.problems) <= 3


def test_a_long_value_is_cut():
    assert len(render("{{ value }}{{ value }}", {"value": "x" * 10_000}).text) == LONGEST
