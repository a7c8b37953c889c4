"""Rule files as they change under the service: all of a change or nothing of it, and the last good rules stay.

What is compared is the content behind each name, read each few seconds: a file that was written, the swapped `..data`
of a ConfigMap and a worktree that git-sync exchanged all look alike, and none is missed.
"""

from __future__ import annotations

import asyncio
import glob
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from remediator import metrics
from remediator.config import ConfigErrors, Settings
from remediator.config.apart import load_rules_apart
from remediator.config.problems import Problem
from remediator.core.rules import Rule
from remediator.logs import logger
from remediator.ports import Clock

log = logger("rules")

TRIES = 3
"""Times that files are read which change while they are: what is read must be one state of them."""

Tell = Callable[[tuple[Rule, ...], str], Awaitable[None]]
"""Is told the rules as they are now, or the error that kept the last good ones."""


class RuleFiles:
    """The files that settings name. `loaded_at` is when rules were last read without error, `error` why not since."""

    def __init__(self, settings: Settings, clock: Clock, tell: Tell) -> None:
        self._settings, self._clock, self._tell = settings, clock, tell
        self._reading = asyncio.Lock()
        self._mark = ""
        self.loaded_at: datetime = clock.now()
        self.error = ""
        self._show()

    async def run(self) -> None:
        """Read them again where they have changed and then kept still for one interval, until cancelled.

        They are read once after the start: they may have changed since they were read for it.
        """
        if not self._settings.rule_files:
            return
        before = ""
        while True:
            await self._clock.sleep(self._settings.reload_interval)
            mark = await asyncio.to_thread(mark_of, self._settings)
            if mark == before != self._mark:
                await self.load("files")
            before = mark

    async def load(self, actor: str) -> tuple[str, ...]:
        """Read all of them; what is wrong with them, empty where they are in force now."""
        async with self._reading:
            try:
                rules = await self._settled()
            except ConfigErrors as errors:
                mistakes = tuple(str(problem) for problem in errors.problems)
                self.error = "\n".join(mistakes)
                self._show()
                log.error("rules rejected; the last good ones stay", by=actor, mistakes=mistakes)
                await self._tell((), self.error)
                return mistakes
            self.loaded_at, self.error = self._clock.now(), ""
            self._show()
            log.info("rules read", by=actor, rules=len(rules))
            await self._tell(rules, "")
            return ()

    async def _settled(self) -> tuple[Rule, ...]:
        """The rules of one state of the files: where they were changed meanwhile, they are read again."""
        for left in reversed(range(TRIES)):
            self._mark = await asyncio.to_thread(mark_of, self._settings)
            try:
                rules = await asyncio.to_thread(load_rules_apart, self._settings)
            except ConfigErrors:
                if left == 0 or await asyncio.to_thread(mark_of, self._settings) == self._mark:
                    raise
                continue
            if await asyncio.to_thread(mark_of, self._settings) == self._mark:
                return rules
        self._mark = ""  # the next look finds them changed
        remedy = "put them in place with one rename, as a ConfigMap and git-sync do"
        raise ConfigErrors([Problem(self._settings.file, 0, 0, "rule_files", "changed while they were read", remedy)])

    def _show(self) -> None:
        metrics.RULES_LOADED.set(self.loaded_at.timestamp())
        metrics.RULES_GOOD.set(not self.error)


def mark_of(settings: Settings) -> str:
    """What tells one state of the rule files from another: their names and contents. Never raises."""
    digest = hashlib.sha256()
    for pattern in settings.rule_files:
        for name in sorted(glob.glob(pattern, recursive=True)):
            digest.update(f"\0{pattern}\0{name}\0".encode("utf-8", "surrogateescape"))
            digest.update(_content(Path(name)))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:  # a folder, or it went: another state than before
        return type(error).__name__.encode()
