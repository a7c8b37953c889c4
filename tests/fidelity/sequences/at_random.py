"""Patches drawn from seeds, each seed on a Deployment of its own, a few seeds a sequence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.fidelity.play import Play
from tests.fidelity.random_patches import drawn
from tests.fidelity.sequences.patching import still
from tests.fidelity.sequences.sequence import Sequence

SEEDS = range(30)
_TOGETHER, _PATCHES = 10, 8


def patches_of(seeds: range) -> Callable[[Play], Awaitable[None]]:
    """Play the patches of some seeds."""

    async def play_them(play: Play) -> None:
        for seed in seeds:
            name = f"seed-{seed}"
            await still(play, name)
            for how, body in drawn(seed, _PATCHES):
                await play.patch("Deployment", name, body, how)
        await play.rest("as patched")

    return play_them


_SLICES = [SEEDS[at : at + _TOGETHER] for at in range(0, len(SEEDS), _TOGETHER)]
RANDOM = tuple(
    Sequence(f"random_patches_of_seeds_{seeds[0]}_to_{seeds[-1]}", patches_of(seeds), ("Deployment",))
    for seeds in _SLICES
)
