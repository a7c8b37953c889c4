"""`remediator audit`: the journal as lines, its chain checked, its head printed; from the database or any export.

Needs no running service, and `archive` that none runs. Exit codes of `verify`: 0 whole, 1 broken, 2 could not be
looked at, 3 holds but has gaps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remediator.cli.verification import Asked, of_database, of_files, report, utf8

if TYPE_CHECKING:
    from remediator.journal.chain import Head
    from remediator.journal.database import Reading

_DEFAULT_CONFIG = Path("remediator.yaml")


class Instant(click.ParamType):
    """An RFC 3339 instant or a date; without a zone it is UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The aware instant."""
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no instant; write it as 2026-01-31T08:00:00Z or 2026-01-31", param, ctx)
        return time if time.tzinfo else time.replace(tzinfo=UTC)


class Place(click.ParamType):
    """A sequence number and a hash, as `audit anchor` prints them."""

    name = "'SEQ HASH'"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        """The place in the chain."""
        seq, _, digest = value.replace(":", " ").strip().partition(" ")
        if not seq.isdecimal() or bool(int(seq)) != bool(digest):
            self.fail(f"{value!r} is no place in a journal; give what `audit anchor` printed", param, ctx)
        return int(seq), digest.strip()


def _where(wanted: Callable[..., None]) -> Callable[..., None]:
    """The options that say which journal is meant."""
    config = click.option(
        "--config", type=click.Path(path_type=Path), help="Settings file; its storage.url names the journal."
    )
    db = click.option(
        "--db", metavar="URL", help="The journal itself, such as sqlite:///var/lib/remediator/journal.db."
    )
    return config(db(wanted))


@click.group("audit")
def command() -> None:
    """Export the journal, verify its chain, print its head."""


@command.command(short_help="the journal's records, one a line")
@_where
@click.option("--since", type=Instant(), help="Only records at or after this instant.")
@click.option("--until", type=Instant(), help="Only records before this instant.")
@click.option("--incident", default="", metavar="ID", help="Only records of this incident.")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
def export(
    config: Path | None, db: str | None, since: datetime | None, until: datetime | None, incident: str, form: str
) -> None:
    """Print the journal's records, one a line.

    A whole export can be verified without the database. One that was filtered has gaps: verify it with --filtered.
    """
    with _complaints():
        from remediator.journal.export import WRITERS
        from remediator.journal.statements import Selection

        with _journal(config, db) as journal:
            WRITERS[form](journal.lines(Selection(since, until, incident)), utf8(sys.stdout))


@command.command(short_help="whether a record was changed, dropped, moved or added")
@_where
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--anchor", "anchors", type=Place(), multiple=True, help="A record that must be in it; may be repeated.")
@click.option("--head", type=Place(), help="The record that must be the last one.")
@click.option("--filtered", is_flag=True, help="FILE was exported with a filter: records may be absent.")
@click.option("--checkpoints", is_flag=True, help="Derive every checkpoint's state anew from the records before it.")
def verify(
    config: Path | None,
    db: str | None,
    files: tuple[str, ...],
    anchors: tuple[Head, ...],
    head: Head | None,
    filtered: bool,
    checkpoints: bool,
) -> None:
    """Check that no record was changed, dropped, moved or added: of the database, or of an export FILE (- is stdin).

    Several FILEs, such as those of an archive and an export of what came after, are checked as one journal.
    """
    if files and (config or db):
        raise click.UsageError("give either FILE or --db/--config, not both")
    if filtered and (len(files) != 1 or checkpoints):
        raise click.UsageError("--filtered is about an export: give its one FILE, without --checkpoints")
    with _complaints():
        from remediator.journal.replay import Replay
        from remediator.journal.verification import ends_at

        replay = Replay() if checkpoints else None
        asked = Asked(dict(anchors), filtered, replay.take if replay else None)
        extent = of_files(files, asked) if files else of_database(_named(config, db), asked)
        if head:
            ends_at(extent, head)
    report(extent, replay)


@command.command(short_help="old records out of the journal and into a file")
@_where
@click.option("--until", type=Instant(), required=True, help="Archive records before this instant.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def archive(config: Path | None, db: str | None, until: datetime, file: Path) -> None:
    """Move old records that belong to no open incident out of the journal and into a new FILE, while no service runs.

    A running service does it by itself: see `storage.retention` and `storage.archive` in the settings.
    """
    with _complaints():
        from remediator.cli.archive import archive

        archive(_named(config, db), until, file)


@command.command(short_help="the last record's number and hash, to be kept elsewhere")
@_where
def anchor(config: Path | None, db: str | None) -> None:
    """Print the last record's sequence number and hash: kept elsewhere, it shows later that nothing was rewritten."""
    with _complaints(), _journal(config, db) as journal:
        seq, digest = journal.head()
        click.echo(f"{seq} {digest}".strip())


@contextmanager
def _complaints() -> Iterator[None]:
    """The journal's errors as one line on stderr and an exit code."""
    from remediator.ports import Broken, JournalError

    try:
        yield
    except Broken as error:
        click.echo(f"broken at record {error.seq}: {error}", err=True)
        raise SystemExit(1) from error
    except JournalError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error


def _journal(config: Path | None, db: str | None) -> AbstractContextManager[Reading]:
    from remediator.journal import reading

    return reading(_named(config, db))


def _named(config: Path | None, db: str | None) -> str:
    """The URL of the journal that is meant."""
    if config and db:
        raise click.UsageError("give either --db or --config, not both")
    return db or _url(config)


def _url(config: Path | None) -> str:
    if config is None and not _DEFAULT_CONFIG.exists():
        raise click.UsageError("which journal? Give --db sqlite:///PATH, or --config with the service's settings file")
    from remediator.config import ConfigErrors, load_settings

    try:
        return load_settings(str(config or _DEFAULT_CONFIG)).storage.journal
    except ConfigErrors as errors:
        raise click.UsageError("\n".join(map(str, errors.problems))) from errors
