"""What `remediator audit verify` checks and says: a database, an export, or several files as one journal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import click

if TYPE_CHECKING:
    from remediator.journal.canonical import Line
    from remediator.journal.replay import Replay
    from remediator.journal.verification import Extent

_SQLITE_MAGIC = b"SQLite format 3\0"
_SHOWN_GAPS = 10


class Asked(NamedTuple):
    """How it is to be verified: see `journal.verification.verify`."""

    anchors: dict[int, str]
    filtered: bool = False
    each: Callable[[Line], None] | None = None


def of_database(url: str, asked: Asked) -> Extent:
    """What is in a database, which knows its own beginning and end."""
    from remediator.journal import reading

    with reading(url) as journal:
        return journal.verify(asked.anchors, asked.each)


def of_files(files: tuple[str, ...], asked: Asked) -> Extent:
    """What is in files, one after the other: exports, and copied databases."""
    from remediator.journal.chain import START
    from remediator.journal.verification import begins_rightly, joined, verify

    if len(files) == 1 and _is_database(files[0]):
        return of_database(_url_of(files[0]), asked)
    with ExitStack() as stack:
        lines = joined(_lines_of(file, stack) for file in files)
        after = START if asked.filtered else None
        extent = verify(lines, after=after, anchors=asked.anchors, filtered=asked.filtered, each=asked.each)
    begins_rightly(extent)
    return extent


def _lines_of(file: str, stack: ExitStack) -> Iterator[Line]:
    """The lines of an export, or of a database of which all was checked that it knows of itself."""
    from remediator.journal import reading
    from remediator.journal.export import read

    if not _is_database(file):
        return read(stack.enter_context(_input(file)))
    journal = stack.enter_context(reading(_url_of(file)))
    journal.verify()
    return journal.lines()


def report(extent: Extent, replay: Replay | None) -> None:
    """One line of what was shown; exit 3 where it is less than a whole journal, or than what was asked for."""
    records = f"{extent.records} record{'' if extent.records == 1 else 's'}"
    head = " ".join(map(str, extent.head)).strip()
    gone = f" from {extent.after[0] + 1} on, those before them were dropped" if extent.after[0] else ""
    if not extent.gaps:
        click.echo(f"ok: {records}{gone}, head {head}")
    else:
        absent = sum(last - first + 1 for first, last in extent.gaps)
        shown = ", ".join(_range(first, last) for first, last in extent.gaps[:_SHOWN_GAPS])
        more = ", …" if len(extent.gaps) > _SHOWN_GAPS else ""
        missing = f"not in this file and so not checked: {shown}{more} ({absent} in all)"
        click.echo(f"incomplete: {records} hold, last {head}; {missing}")
    if extent.unseen:
        click.echo(f"anchors not checked, their records are not in this file: {', '.join(map(str, extent.unseen))}")
    if replay:
        passed = f", {replay.passed} could not be" if replay.passed else ""
        click.echo(f"checkpoints: {replay.compared} derived anew and the same{passed}")
    if extent.gaps or extent.unseen:
        raise SystemExit(3)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _is_database(file: str) -> bool:
    """Whether it is a database rather than an export, whatever its name."""
    try:
        with open(file, "rb") as found:
            return file != "-" and found.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError:
        return False


def _url_of(file: str) -> str:
    return f"sqlite:///{Path(file).absolute()}"


def _input(file: str) -> AbstractContextManager[TextIO]:
    """Bytes that are no UTF-8 are kept as surrogates, which no line may hold: their record is found to be changed."""
    if file == "-":
        return nullcontext(utf8(sys.stdin, "surrogateescape"))
    try:
        return open(file, encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise click.UsageError(
            f"{file}: {error.strerror}; name an export, a journal's database, or - for stdin"
        ) from error


def utf8(stream: TextIO, errors: str = "strict") -> TextIO:
    """A standard stream in UTF-8 whatever the locale says, with line ends as they are."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors=errors, newline="")
    return stream
