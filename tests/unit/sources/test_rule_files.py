"""Rule files that change: every way of putting them in place is noticed, all of it or nothing is taken."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from remediator import metrics
from remediator.clock import SystemClock
from remediator.config import Settings
from remediator.core.rules import Rule
from remediator.sources.rule_files import RuleFiles, mark_of

GOOD = "groups: [{name: GROUP, rules: [{name: RULE, when: {alert: A}, target: {kind: Deployment}, do: [restart]}]}]\n"


def rules(name: str) -> str:
    return GOOD.replace("RULE", name).replace("GROUP", f"group-{name}")


class Told:
    """What the loop would be told: names of rules, or the error."""

    def __init__(self) -> None:
        self.all: list[list[str] | str] = []
        self._news = asyncio.Condition()

    async def tell(self, rules: tuple[Rule, ...], error: str) -> None:
        async with self._news:
            self.all.append(error or sorted(rule.name for rule in rules))
            self._news.notify_all()

    async def until(self, count: int) -> list[str] | str:
        async with asyncio.timeout(120), self._news:
            await self._news.wait_for(lambda: len(self.all) >= count)
        return self.all[count - 1]


def settings(*patterns: Path) -> Settings:
    return Settings("remediator.yaml", rule_files=tuple(map(str, patterns)), reload_interval=0.05)


@contextlib.asynccontextmanager
async def running(files: RuleFiles) -> AsyncIterator[None]:
    task = asyncio.create_task(files.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def value(metric: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(metric)


async def test_a_file_that_is_written_anew_is_read_and_a_bad_one_keeps_what_was_good(tmp_path: Path) -> None:
    file, told = tmp_path / "rules.yaml", Told()
    file.write_text(rules("one"))
    files = RuleFiles(settings(file), SystemClock(), told.tell)
    async with running(files):
        assert await told.until(1) == ["one"]
        file.write_text(rules("two"))
        assert await told.until(2) == ["two"]
        loaded = files.loaded_at
        file.write_text(rules("two") + "oops: 1\n")
        assert "unknown key `oops`" in await told.until(3)
        assert "unknown key `oops`" in files.error
        assert value("remediator_rules_last_load_successful") == 0
        assert value("remediator_rules_loaded_timestamp_seconds") == loaded.timestamp()
        await asyncio.sleep(0.5)
        assert len(told.all) == 3, "the same mistake is said once"
        file.write_text(rules("three"))
        assert await told.until(4) == ["three"]
    assert (files.error, value("remediator_rules_last_load_successful")) == ("", 1)


async def test_a_config_map_whose_data_is_swapped_is_read(tmp_path: Path) -> None:
    told = Told()
    for name in ("one", "two"):
        (tmp_path / f"..{name}").mkdir()
        (tmp_path / f"..{name}" / "rules.yaml").write_text(rules(name))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "rules.yaml").symlink_to("..data/rules.yaml")
    async with running(RuleFiles(settings(tmp_path / "*.yaml"), SystemClock(), told.tell)):
        assert await told.until(1) == ["one"]
        (tmp_path / "..data_tmp").symlink_to("..two")
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")
        assert await told.until(2) == ["two"]


async def test_a_worktree_that_git_sync_exchanges_is_read_and_one_that_is_gone_keeps_what_was_good(
    tmp_path: Path,
) -> None:
    told, link = Told(), tmp_path / "current"
    for name, files in {"a": ["one", "two"], "b": ["three"]}.items():
        (tmp_path / name).mkdir()
        for each in files:
            (tmp_path / name / f"{each}.yaml").write_text(rules(each))
    link.symlink_to("a")
    async with running(RuleFiles(settings(link / "*.yaml"), SystemClock(), told.tell)):
        assert await told.until(1) == ["one", "two"]
        (tmp_path / "next").symlink_to("b")
        os.replace(tmp_path / "next", link)
        assert await told.until(2) == ["three"]
        link.unlink()
        assert "names no file" in await told.until(3)


async def test_files_that_change_while_they_are_read_are_read_again_and_never_mixed(tmp_path: Path) -> None:
    file, told = tmp_path / "rules.yaml", Told()
    file.write_text(rules("one"))
    files = RuleFiles(settings(file), SystemClock(), told.tell)
    loading = asyncio.create_task(files.load("operator:alice"))
    while not files._mark:  # noqa: ASYNC110  that it begins to read is told by no interface
        await asyncio.sleep(0)
    file.write_text(rules("two"))
    assert await loading == ()
    assert told.all == [["two"]]


def test_a_mark_tells_contents_and_names_apart(tmp_path: Path) -> None:
    of = settings(tmp_path / "*.yaml")
    marks = [mark_of(of)]
    for change in (
        lambda: (tmp_path / "a.yaml").write_text("x"),
        lambda: (tmp_path / "a.yaml").write_text("y"),
        lambda: (tmp_path / "a.yaml").rename(tmp_path / "b.yaml"),
        lambda: (tmp_path / "c.yaml").mkdir(),
    ):
        change()
        marks.append(mark_of(of))
    assert len(set(marks)) == 5
    assert mark_of(of) == marks[-1]
