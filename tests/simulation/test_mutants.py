"""The planted bugs of `make mutants` still fit the code that they are planted in."""

from __future__ import annotations

from pathlib import Path

import pytest

import remediator
from tests.mutants.mutant import Edit, Gone, Mutant, planted
from tests.mutants.mutants import MUTANTS

PACKAGE = Path(remediator.__file__).parent


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_it_can_be_planted(mutant: Mutant):
    assert planted(mutant, PACKAGE)


def test_there_are_enough_and_each_has_a_name():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15


def test_one_whose_text_is_gone_is_told():
    with pytest.raises(Gone, match=r"verify\.py has 0 times, not once: 'no such text'"):
        planted(Mutant("stale", (Edit("verify.py", "no such text", ""),)), PACKAGE)
