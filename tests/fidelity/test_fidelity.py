"""The simulated cluster answers as a real control plane does, and the product rolls back as kubectl does.

A difference has to be listed in `known.py` with its reason, and a listed one has to be there still.
"""

from __future__ import annotations

import pytest

from tests.fidelity.sequences import SEQUENCES
from tests.fidelity.stage import Played

pytestmark = pytest.mark.lab


def of(played: dict[str, Played | BaseException], sequence: str) -> Played:
    """What came of a sequence; raises what it raised."""
    found = played[sequence]
    if isinstance(found, BaseException):
        raise found
    return found


@pytest.mark.parametrize("sequence", list(SEQUENCES))
def test_both_clusters_answer_alike(played: dict[str, Played | BaseException], sequence: str):
    compared = of(played, sequence).clusters()
    assert not compared.unlisted, f"{sequence}: fields differ that known.py does not list\n{compared}"
    assert not compared.no_longer, f"{sequence}\n{compared}"


@pytest.mark.parametrize("sequence", [name for name, one in SEQUENCES.items() if one.by_kubectl])
def test_the_product_leaves_what_kubectl_leaves(played: dict[str, Played | BaseException], sequence: str):
    compared = of(played, sequence).operators()
    text = str(compared).replace("simulated:", "planned:  ").replace("real:     ", "kubectl:  ")
    assert not compared.unlisted, f"{sequence}: the plan leaves other fields than kubectl\n{text}"
    assert not compared.no_longer, f"{sequence}\n{text}"
