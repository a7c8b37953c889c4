"""What every test stands on: the lab's fixtures, and Hypothesis without a clock.

A property may take as long as the machine needs: no test asserts a time. `make soak` tries many more examples.
"""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.lab.fixtures"]

settings.register_profile("remediator", deadline=None, print_blob=True)
settings.register_profile("soak", deadline=None, print_blob=True, max_examples=20_000)
settings.load_profile("remediator")
