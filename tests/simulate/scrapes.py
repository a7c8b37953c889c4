"""What Prometheus remembers of its scrapes, whoever asks it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from remediator.simulation.world import World
from tests.simulate.weather import Weather

SCRAPED_EVERY = 15.0
REMEMBERED = timedelta(hours=1)


class Scrapes:
    """What Prometheus remembers of its scrapes of the one exporter: when the last was missed, and when one was not."""

    def __init__(self, world: World, weather: Weather) -> None:
        self._world, self._weather = world, weather
        self.on_change: Callable[[], None] = lambda: None
        self.missed_at: datetime | None = None
        self.good_at: datetime | None = world.clock.now()
        world.after(SCRAPED_EVERY, self._scrape)

    @property
    def fresh(self) -> bool:
        """Whether the last scrape brought series; one that is missed ends them all."""
        return self.good_at is not None and (self.missed_at is None or self.missed_at < self.good_at)

    def steady(self, seconds: float) -> bool:
        """Whether none was missed for so long; where that holds fewer than three scrapes, for five minutes."""
        back = timedelta(seconds=seconds if seconds >= 3 * SCRAPED_EVERY else 300)
        return self.fresh and (self.missed_at is None or self.missed_at < self._world.clock.now() - back)

    @property
    def remembered(self) -> bool:
        """Whether `last_over_time(...[1h])` still finds what was scraped."""
        return self.good_at is not None and self.good_at > self._world.clock.now() - REMEMBERED

    def _scrape(self) -> None:
        now, before = self._world.clock.now(), self.fresh
        if self._weather.prometheus == "empty":
            if before:
                self._weather.meet("scrapes stop")
            self.missed_at = now
        elif self._weather.prometheus != "down":  # one that is down scrapes nothing and misses nothing
            self.good_at = now
        if self.fresh is not before:
            self.on_change()
        self._world.after(SCRAPED_EVERY, self._scrape)
