"""Every sequence there is, by the subject that it belongs to."""

from __future__ import annotations

from types import ModuleType

from tests.fidelity.sequences import (
    asking,
    creating,
    deleting,
    evicting,
    going_back,
    other_workloads,
    patching,
    rehearsing,
    rolling_out,
    surroundings,
)
from tests.fidelity.sequences.at_random import RANDOM
from tests.fidelity.sequences.sequence import Sequence

_SUBJECTS: tuple[ModuleType, ...] = (
    creating,
    patching,
    rehearsing,
    asking,
    deleting,
    evicting,
    rolling_out,
    going_back,
    other_workloads,
    surroundings,
)

_WRITTEN = [one for subject in _SUBJECTS for one in vars(subject).values() if isinstance(one, Sequence)]
SEQUENCES: dict[str, Sequence] = {one.name: one for one in [*_WRITTEN, *RANDOM]}
"""All sequences by name, in the order in which they are written."""
