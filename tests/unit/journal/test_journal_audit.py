"""`remediator audit` as a person or a script uses it: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remediator.cli.audit import command
from remediator.journal import connect, reading
from remediator.journal.chain import Head


def audit(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def db(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def head(db: str) -> Head:
    with reading(db) as journal:
        return journal.head()


def export(db: str, folder: Path, *options: str) -> Path:
    made = audit("export", "--db", db, *options)
    assert made.exit_code == 0, made.stderr
    file = folder / "export"
    file.write_bytes(made.stdout_bytes)
    return file


def test_a_whole_database_is_told_in_one_line(db: str, head: Head):
    done = audit("verify", "--db", db)
    assert (done.exit_code, done.stdout) == (0, f"ok: 7 records, head 7 {head[1]}\n")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_whole_export_is_told_in_one_line(db: str, tmp_path: Path, head: Head, form: str):
    done = audit("verify", export(db, tmp_path, "--format", form))
    assert (done.exit_code, done.stdout) == (0, f"ok: 7 records, head 7 {head[1]}\n")


def test_an_export_is_verified_from_a_pipe(db: str, tmp_path: Path):
    assert audit("verify", "-", stdin=export(db, tmp_path).read_bytes()).exit_code == 0


def test_a_copied_database_is_verified_like_a_file(path: Path):
    assert audit("verify", path).stdout.startswith("ok: 7 records")


def test_a_broken_database_is_told_with_its_first_bad_record(db: str, raw: sqlite3.Connection):
    raw.execute("UPDATE journal SET actor = 'operator:mallory' WHERE seq = 5")
    done = audit("verify", "--db", db)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == "broken at record 5: record 5 is changed: its hash is not that of its content\n"


def test_a_broken_export_is_told_with_its_first_bad_record(db: str, tmp_path: Path):
    file = export(db, tmp_path)
    file.write_bytes(b"".join(line for line in file.read_bytes().splitlines(True) if b'"seq":4' not in line))
    done = audit("verify", file)
    assert done.exit_code == 1
    assert done.stderr.startswith("broken at record 4: record 4 is missing or out of place")


def test_bytes_that_are_no_text_break_an_export_and_not_the_command(db: str, tmp_path: Path):
    file = export(db, tmp_path)
    file.write_bytes(file.read_bytes().replace(b"alice", b"\xff\xfe"))
    assert audit("verify", file).stderr.startswith("broken at record 5")


def test_a_filtered_export_is_broken_unless_it_is_said_to_be_filtered(db: str, tmp_path: Path, head: Head):
    file = export(db, tmp_path, "--incident", "inc-1")
    assert audit("verify", file).exit_code == 1
    done = audit("verify", file, "--filtered")
    assert done.exit_code == 3
    assert done.stdout.startswith("incomplete: 3 records hold, last 5 ")
    assert "not in this file and so not checked: 1, 4 (2 in all)" in done.stdout


def test_a_changed_line_of_a_filtered_export_is_broken(db: str, tmp_path: Path):
    file = export(db, tmp_path, "--incident", "inc-1")
    file.write_text(file.read_text().replace('"result":"hold"', '"result":"act"'))
    done = audit("verify", file, "--filtered")
    assert (done.exit_code, done.stderr[:20]) == (1, "broken at record 5: ")


def test_since_and_until_take_instants_and_dates(db: str):
    assert audit("export", "--db", db, "--since", "2026-08-01T12:06:00Z").stdout.count("\n") == 1
    assert audit("export", "--db", db, "--since", "2026-08-01T14:06:00+02:00").stdout.count("\n") == 1
    assert audit("export", "--db", db, "--since", "2026-08-01", "--until", "2026-08-02").stdout.count("\n") == 7
    assert audit("export", "--db", db, "--since", "2026-08-02").stdout == ""


def test_the_anchor_is_what_verify_takes(db: str, head: Head):
    printed = audit("anchor", "--db", db).stdout
    assert printed == f"7 {head[1]}\n"
    for place in (printed.strip(), printed.strip().replace(" ", ":")):
        assert audit("verify", "--db", db, "--anchor", place, "--head", place).exit_code == 0


def test_a_journal_that_lost_its_end_shows_against_the_anchor(db: str, tmp_path: Path, head: Head):
    file = export(db, tmp_path)
    file.write_bytes(b"".join(file.read_bytes().splitlines(True)[:5]))
    assert audit("verify", file).exit_code == 0  # a chain cannot tell
    for option in ("--anchor", "--head"):
        done = audit("verify", file, option, f"7 {head[1]}")
        assert (done.exit_code, done.stderr[:29]) == (1, "broken at record 6: record 6 ")


def test_a_line_added_with_its_right_hash_shows_against_the_head(db: str, tmp_path: Path, head: Head):
    with reading(db) as journal:
        before_last = list(journal.lines())[-2]
    done = audit("verify", export(db, tmp_path), "--head", f"6 {before_last['hash']}")
    assert (done.exit_code, done.stderr) == (
        1,
        "broken at record 7: record 7 was added after record 6, the known end\n",
    )


def test_an_anchor_that_a_filtered_export_has_not_is_told_as_not_checked(db: str, tmp_path: Path, head: Head):
    done = audit("verify", export(db, tmp_path, "--incident", "inc-1"), "--filtered", "--anchor", f"7 {head[1]}")
    assert done.exit_code == 3
    assert "anchors not checked, their records are not in this file: 7" in done.stdout


def test_an_empty_journal_has_an_anchor_too(tmp_path: Path):
    db = f"sqlite:///{tmp_path}/empty.db"
    asyncio.run(connect(db).close())
    assert audit("anchor", "--db", db).stdout == "0\n"
    assert audit("verify", "--db", db, "--head", "0").stdout == "ok: 0 records, head 0\n"
    assert audit("export", "--db", db).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify"], "which journal? Give --db sqlite:///PATH, or --config"),
        (["verify", "export.jsonl", "--db", "sqlite:///./journal.db"], "give either FILE or --db/--config, not both"),
        (
            ["verify", "--filtered", "--db", "sqlite:///./journal.db"],
            "--filtered is about an export: give its one FILE",
        ),
        (["verify", "no-such-file"], "no-such-file: No such file or directory; name an export"),
        (["verify", "."], "Is a directory"),
        (["verify", "--anchor", "seven", "x"], "'seven' is no place in a journal; give what `audit anchor` printed"),
        (["verify", "--db", "sqlite:///./no-such.db"], "no-such.db: there is no journal"),
        (["anchor", "--db", "mysql://host/db"], "names no journal; right are sqlite:///"),
        (["anchor", "--db", "memory:"], "cannot be looked at from outside"),
        (["anchor", "--db", "sqlite:///./a.db", "--config", "b.yaml"], "give either --db or --config, not both"),
        (
            ["export", "--db", "sqlite:///./a.db", "--since", "yesterday"],
            "'yesterday' is no instant; write it as 2026-",
        ),
        (["export", "--format", "xml"], "'xml' is not one of 'jsonl', 'csv'"),
    ],
)
def test_wrong_use_is_told_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    done = audit(*arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_the_settings_file_names_the_journal(path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = path.with_name("remediator.yaml")
    settings.write_text(f'storage: {{url: "sqlite:///{path}"}}\n')
    assert audit("verify", "--config", settings).exit_code == 0
    monkeypatch.chdir(path.parent)
    assert audit("verify").exit_code == 0
