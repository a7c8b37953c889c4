"""How things are at this moment of the run: delays, the disk, the pager, the road of alerts, the machine's clock."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta


class Weather:
    """Conditions that happenings change. Each troubled part names its trouble; '' is fine weather.

    `journal`: refuses | loses_answer | unreadable; `pager`: refuses; `road`: blocked | loses_answer | late | drops |
    doubles; `prometheus`: down | refuses | partial | nan | empty; `alertmanager`: down | one down | refuses | garbled;
    `watch`: breaks | silent.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}/delays")
        self.offset = timedelta()
        self.journal = self.pager = self.road = self.prometheus = self.alertmanager = self.watch = ""
        self.slow = False
        self.met: Counter[str] = Counter()

    def delay(self) -> float:
        """Seconds that a message takes one way."""
        drawn = self._random.random()
        if self.slow:
            return round(drawn * 5.0, 3)
        return round(drawn * 0.02, 6) if drawn < 0.97 else round(drawn * 0.5, 3)

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return self._random.random() < share

    def between(self, low: float, high: float) -> float:
        """Some number of seconds between the two."""
        return round(self._random.uniform(low, high), 3)

    def meet(self, trouble: str) -> None:
        """Count trouble that really hit something."""
        self.met[trouble] += 1

    def clear(self) -> None:
        """Put all right, but for the clock: an offset stays."""
        self.journal = self.pager = self.road = self.prometheus = self.alertmanager = self.watch = ""
        self.slow = False
