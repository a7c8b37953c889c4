"""The play: the real controller, webhook and SQLite journal before a theatre, told on screen as it happens."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from importlib.resources import files
from pathlib import Path

from remediator.config import load_rules, load_settings
from remediator.core.events import Escalated, IncidentClosed, IncidentOpened, Intent, Record, Undo
from remediator.demo.scenes import SCENES
from remediator.demo.screen import Screen
from remediator.demo.theatre import Theatre
from remediator.installation import Installation, World
from remediator.journal import connect, reading
from remediator.narrate import narrate
from remediator.ports import Delivered, Delivery
from remediator.server.run import Serving

SETTINGS = """# The settings of the demo.
mode: enforce
rule_files: [rules.yaml]
storage: {{url: "sqlite:///{folder}/journal.db"}}
web: {{listen: "127.0.0.1:0"}}
protected: {{namespaces: [kube-system]}}
receivers: [{{name: oncall, webhook_configs: [{{url: "http://oncall.example/page"}}]}}]
"""

PATIENCE = 60.0
"""Seconds after which the play is over, whatever has come of it."""


class Pager:
    """The person on call: a `ports.Notifier` that shows what would be sent."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def deliver(self, delivery: Delivery) -> Delivered:
        """Show the message; it always arrives."""
        self._screen.say(f"         ✉ to {delivery.receiver}: {delivery.message.title}", "bold magenta")
        return Delivered()


class Story:
    """What the records say of each scene, and whether all of them have come to their end."""

    def __init__(self) -> None:
        self.done: dict[str, list[str]] = {}
        self.ended: dict[str, str] = {}
        self.over = asyncio.Event()

    def record(self, record: Record) -> None:
        """Take one record in."""
        event = record.event
        if event.target is None:
            return
        key, data = f"{event.target.namespace}/{event.target.name}", event.data
        if isinstance(data, IncidentOpened):
            self.done.setdefault(key, [])
        elif isinstance(data, Intent | Undo):
            self.done.setdefault(key, []).append("undone" if isinstance(data, Undo) else data.action)
        elif _is_end(record):
            self.ended[key] = _end_of(record)
        if len(self.ended) == len(SCENES):
            self.over.set()

    def rows(self) -> list[tuple[str, str, str]]:
        """A row per scene: target, what was done, how it stands."""
        keys = [f"{scene.namespace}/{scene.name}" for scene in SCENES]
        return [(key, " → ".join(self.done.get(key, [])) or "nothing", self.ended.get(key, "open")) for key in keys]


def _is_end(record: Record) -> bool:
    data = record.event.data
    if isinstance(data, IncidentClosed):
        return True
    if isinstance(data, Escalated):
        return data.status == "delivered"
    return getattr(data, "then", "") == "rest"


def _end_of(record: Record) -> str:
    """How it stands, in words: a refusal by its reasons, the rest by the line."""
    line = narrate(record.event)
    return f"{line.word}: {'; '.join(line.below) or line.text}"


async def play(theatre: Theatre, screen: Screen, folder: Path) -> int:
    """Play the three scenes; 0 when each ended as its story says within `PATIENCE`, else 1."""
    story = Story()
    installation = _install(theatre, screen, folder, story)
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(installation.run(stop, started.set_result))
    try:
        await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        await _perform(theatre, screen, started.result(), story)
    finally:
        stop.set()
        await running
        await theatre.close()
        await installation.journal.close()
    _after(screen, folder, story)
    return 0 if story.over.is_set() else 1


def _install(theatre: Theatre, screen: Screen, folder: Path, story: Story) -> Installation:
    (folder / "rules.yaml").write_text(files("remediator.demo").joinpath("rules.yaml").read_text())
    config = folder / "remediator.yaml"
    config.write_text(SETTINGS.format(folder=folder))
    settings = load_settings(config)
    world = World(connect(settings.storage.journal), theatre.cluster, Pager(screen), theatre.clock)
    return Installation(settings, load_rules(settings), world, watchers=(screen.record, story.record))


async def _perform(theatre: Theatre, screen: Screen, serving: Serving, story: Story) -> None:
    screen.say(f"Cluster: {theatre.name}. Controller, webhook ({serving.url}) and journal are the real ones.", "dim")
    await theatre.set_up(f"{serving.url}/webhook/alertmanager")
    screen.headline("Three Deployments roll out a new version")
    for scene in SCENES:
        screen.say(f"  {scene.namespace}/{scene.name}: {scene.story}")
        await theatre.break_(scene)
    screen.headline("What remediator sees, decides and does")
    try:
        async with asyncio.timeout(PATIENCE):
            await story.over.wait()
    except TimeoutError:
        screen.say(f"Not all three came to their end within {PATIENCE:g} s.", "bold red")


def _after(screen: Screen, folder: Path, story: Story) -> None:
    screen.summary(story.rows())
    url = f"sqlite:///{folder}/journal.db"
    with reading(url) as journal:
        extent = journal.verify()
    screen.headline("The audit trail")
    screen.say(f"{extent.records} records, hash-chained, verified: every line above, and every guard's answer.")
    screen.say("Look further:")
    screen.command(f"{_program()} audit export --db {url} --format jsonl")
    screen.command(f"{_program()} audit verify --db {url}")
    screen.command(f"less {folder}/rules.yaml   # the two rules behind this")


def _program() -> str:
    """How this program was called, so that the commands shown can be typed as they are."""
    called = Path(sys.argv[0])
    if called.name != "remediator" or shutil.which("remediator"):
        return "remediator"
    return os.path.relpath(called)
