"""An alert finds the rules that match it, and no others, however they are looked up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from remediator.core.rules import Matcher, MatchOp, When
from remediator.sources.matching import Matching, matching
from tests.unit.builders import rule

NAMES = st.sampled_from(("alertname", "namespace"))
VALUES = st.sampled_from(("", "Stuck", "CrashLooping", "shop"))
MATCHERS = st.lists(st.builds(Matcher, NAMES, st.sampled_from(MatchOp), VALUES), max_size=3).map(tuple)
LABELS = st.dictionaries(NAMES, VALUES)


@given(st.lists(MATCHERS, max_size=8), LABELS)
def test_those_that_match_one_by_one_in_the_order_of_their_names(matchers, labels):
    rules = [rule(f"r{number}", when=When(each)) for number, each in enumerate(matchers)]
    found = Matching(Map({each.name: each for each in reversed(rules)})).of(labels)
    assert found == [each for each in rules if each.when.matches(labels)]


def test_other_rules_are_looked_up_in_another_index():
    before = Map({"r": rule("r", when=When((Matcher("alertname", MatchOp.EQUAL, "Stuck"),)))})
    after = before.set("s", rule("s", when=When((Matcher("alertname", MatchOp.REGEX, "Stu.*"),))))
    stuck = {"alertname": "Stuck"}
    assert [each.name for each in matching(before).of(stuck)] == ["r"]
    assert [each.name for each in matching(after).of(stuck)] == ["r", "s"]
    assert matching(after) is matching(after)
