"""A checkpoint: the state as JSON and back, exactly; what follows from it is what follows from the records."""

from __future__ import annotations

import json
import random
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from immutables import Map
from msgspec.structs import replace

from remediator.core.events import Checkpoint, Dropped, Event
from remediator.core.fold import apply
from remediator.core.frozen_state import Thawing, form, frozen, thawed
from remediator.core.observations import Observation
from remediator.core.state import State
from remediator.journal.canonical import plain
from tests.unit.builders import START, incident, rule, state
from tests.unit.core.test_properties import NEEDS_NO_INCIDENT, ODD, History, mostly
from tests.unit.journal.test_journal_chain import values

unhurried = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def journalled(type_: Any) -> st.SearchStrategy[Any]:
    """Anything of a type as it is once it went through the journal, which every value of a state has."""
    return values(type_).map(lambda value: msgspec.convert(plain(value), type_))


def field(type_: Any) -> st.SearchStrategy[Any]:
    if get_origin(type_) is not Map:
        return journalled(type_)
    return st.dictionaries(st.text(max_size=5), st.deferred(lambda: journalled(get_args(type_)[1])), max_size=3).map(
        Map
    )


states = st.builds(State, **{name: field(type_) for name, type_ in get_type_hints(State).items()})


@unhurried
@given(states, st.sampled_from([1, 300, 10**9]))
def test_any_state_comes_back_as_it_was(before: State, size: int):
    assert thawed(frozen(before, size)) == before


@unhurried
@given(states, st.randoms(use_true_random=False))
def test_equal_states_have_the_same_texts(one: State, chance: random.Random):
    """Whatever order their maps are in: two processes do not agree on it."""
    shuffled = {}
    for name in get_type_hints(State):
        value = getattr(one, name)
        if isinstance(value, Map):
            entries = list(value.items())
            chance.shuffle(entries)
            shuffled[name] = Map(entries)
    assert list(frozen(replace(one, **shuffled), 300)) == list(frozen(one, 300))


def test_a_text_ends_with_the_entry_that_reaches_its_size():
    many = state(noted=Map({f"rule|{number:016x}": "skipped" for number in range(1000)}))
    texts = list(frozen(many, 2000))
    lengths = [len(text) for text in texts]
    assert all(2000 <= length <= 2100 for length in lengths[1:-1])
    assert len(list(frozen(many))) == 1


class CheckpointedHistory(History):
    """One journal under random observations, and beside it a process that starts from a checkpoint now and then."""

    restarted = State()

    def see(self, observation: Observation) -> None:
        known = len(self.journal)
        super().see(observation)
        for event in self.journal[known:]:
            self.restarted = apply(self.restarted, event)
        assert self.restarted == self.state

    def a_process_starts_from_a_checkpoint(self) -> None:
        self.restarted = thawed(list(frozen(self.state, self.draw(st.sampled_from([1, 1000, 10**6])))))


@settings(max_examples=40)
@given(st.data())
def test_what_follows_from_a_checkpoint_follows_from_the_records(data: st.DataObject):
    history = CheckpointedHistory(data)
    for step in data.draw(st.lists(mostly(CheckpointedHistory.what_is_due_is_done, *ODD), min_size=5, max_size=15)):
        if len(history.state.incidents) > 0 or step in NEEDS_NO_INCIDENT:
            step(history)
            history.a_process_starts_from_a_checkpoint()


def test_incidents_share_the_rule_they_began_with():
    one = rule("one")
    same = msgspec.convert(msgspec.to_builtins(one), type(one))
    before = state(incident(one, id="a"), incident(same, id="b"), rules=Map({"one": one}))
    texts = list(frozen(before))
    assert list(json.loads(texts[0])["definitions"]) == ["0"]
    after = thawed(texts)
    assert after.incidents["a"].definition is after.incidents["b"].definition is after.rules["one"]


def test_an_incident_keeps_the_rule_it_began_with_when_the_files_say_otherwise():
    before = state(incident(rule("one", "rollback")), rules=Map({"one": rule("one")}))
    assert thawed(frozen(before)) == before


def test_texts_without_those_before_them_are_refused():
    *_, last = frozen(state(incident(rule("one"))), 1)
    with pytest.raises(ValueError, match="the rule of incident incident-1 is missing"):
        thawed([next(text for text in frozen(state(incident(rule("one"))), 1) if '"incidents"' in text), last])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"incidents": 1}', '{"of_a_later_version": {}}', '{"epoch": "x"}'])
def test_what_is_no_state_of_this_program_is_refused(text: str):
    with pytest.raises(ValueError):
        Thawing().add(text)


def test_the_form_is_the_same_for_every_process():
    assert form() == form()
    assert len(form()) == 12


def test_events_are_not_part_of_the_state():
    """A checkpoint changes nothing of what it says."""
    before = state(incident())
    for data in (Checkpoint("{}", form()), Dropped(1, "0" * 64)):
        assert apply(before, Event(START, data)) == before
