"""`remediator audit`: the journal as lines, its chain checked, its head printed; from the database or any export.

Needs no running service. Exit codes of `verify`: 0 whole, 1 broken, 2 could not be looked at, 3 holds but has gaps.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from remediator.journal.chain import Head
    from remediator.journal.database import Reading
    from remediator.journal.verification import Extent

_DEFAULT_CONFIG = Path("remediator.yaml")
_SQLITE_MAGIC = b"SQLite format 3\0"
_SHOWN_GAPS = 10


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


@command.command()
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
            WRITERS[form](journal.lines(Selection(since, until, incident)), _utf8(sys.stdout))


@command.command()
@_where
@click.argument("file", required=False)
@click.option("--anchor", "anchors", type=Place(), multiple=True, help="A record that must be in it; may be repeated.")
@click.option("--head", type=Place(), help="The record that must be the last one.")
@click.option("--filtered", is_flag=True, help="FILE was exported with a filter: records may be absent.")
def verify(
    config: Path | None,
    db: str | None,
    file: str | None,
    anchors: tuple[Head, ...],
    head: Head | None,
    filtered: bool,
) -> None:
    """Check that no record was changed, dropped, moved or added: of the database, or of an export FILE (- is stdin)."""
    if file and (config or db):
        raise click.UsageError("give either FILE or --db/--config, not both")
    if filtered and not file:
        raise click.UsageError("--filtered is about an export: give its FILE")
    with _complaints():
        from remediator.journal.verification import ends_at

        extent = _extent(config, db, file, dict(anchors), filtered)
        if head:
            ends_at(extent, head)
    _report(extent, filtered)


@command.command()
@_where
def anchor(config: Path | None, db: str | None) -> None:
    """Print the last record's sequence number and hash: kept elsewhere, it shows later that nothing was rewritten."""
    with _complaints(), _journal(config, db) as journal:
        seq, digest = journal.head()
        click.echo(f"{seq} {digest}".strip())


def _extent(config: Path | None, db: str | None, file: str | None, anchors: dict[int, str], filtered: bool) -> Extent:
    if file is None or _is_database(file):
        with _journal(config, f"sqlite:///{Path(file).absolute()}" if file else db) as journal:
            return journal.verify(anchors)
    from remediator.journal.export import read
    from remediator.journal.verification import verify

    with _input(file) as source:
        return verify(read(source), anchors=anchors, filtered=filtered)


def _report(extent: Extent, filtered: bool) -> None:
    """One line of what was shown; exit 3 where it is less than a whole journal."""
    records = f"{extent.records} record{'' if extent.records == 1 else 's'}"
    head = " ".join(map(str, extent.head)).strip()
    if not filtered or not (extent.gaps or extent.unseen):
        click.echo(f"ok: {records}, head {head}")
        return
    absent = sum(last - first + 1 for first, last in extent.gaps)
    shown = ", ".join(_range(first, last) for first, last in extent.gaps[:_SHOWN_GAPS])
    more = ", …" if len(extent.gaps) > _SHOWN_GAPS else ""
    click.echo(
        f"incomplete: {records} hold, last {head}; not in this file and so not checked: {shown}{more} ({absent} in all)"
    )
    if extent.unseen:
        click.echo(f"anchors not checked, their records are not in this file: {', '.join(map(str, extent.unseen))}")
    raise SystemExit(3)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


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

    if config and db:
        raise click.UsageError("give either --db or --config, not both")
    return reading(db or _url(config))


def _url(config: Path | None) -> str:
    if config is None and not _DEFAULT_CONFIG.exists():
        raise click.UsageError("which journal? Give --db sqlite:///PATH, or --config with the service's settings file")
    from remediator.config import ConfigErrors, load_settings

    try:
        return load_settings(str(config or _DEFAULT_CONFIG)).storage.url
    except ConfigErrors as errors:
        raise click.UsageError("\n".join(map(str, errors.problems))) from errors


def _is_database(file: str) -> bool:
    """Whether it is a database rather than an export, whatever its name."""
    try:
        with open(file, "rb") as found:
            return file != "-" and found.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError:
        return False


def _input(file: str) -> AbstractContextManager[TextIO]:
    """Bytes that are no UTF-8 are kept as surrogates, which no line may hold: their record is found to be changed."""
    if file == "-":
        return nullcontext(_utf8(sys.stdin, "surrogateescape"))
    try:
        return open(file, encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise click.UsageError(
            f"{file}: {error.strerror}; name an export, a journal's database, or - for stdin"
        ) from error


def _utf8(stream: TextIO, errors: str = "strict") -> TextIO:
    """A standard stream in UTF-8 whatever the locale says, with line ends as they are."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors=errors, newline="")
    return stream
