"""Version 2: the journal, its head and beginning, the inbox, and the triggers that keep them append-only.

The first one in PostgreSQL; the number is that of the same tables in SQLite.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = None

_APPEND_ONLY = """
CREATE FUNCTION journal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE begins bigint := coalesce((SELECT seq FROM journal_start), 0);
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'the journal is append-only';
  ELSIF TG_OP = 'DELETE' THEN
    IF OLD.seq > begins THEN
      RAISE EXCEPTION 'the journal is append-only: only what is before its beginning may go';
    END IF;
    RETURN OLD;
  ELSIF NEW.seq IS DISTINCT FROM coalesce((SELECT max(seq) FROM journal), begins) + 1 THEN
    RAISE EXCEPTION 'the journal is append-only: a record follows the last one';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER journal_append_only BEFORE INSERT OR UPDATE OR DELETE ON journal
  FOR EACH ROW EXECUTE FUNCTION journal_append_only();
CREATE FUNCTION journal_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the journal is append-only: it is not emptied';
END $$;
CREATE TRIGGER journal_whole BEFORE TRUNCATE ON journal EXECUTE FUNCTION journal_whole();
"""

_BEGINNING = """
CREATE FUNCTION journal_start_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'the journal is append-only: it has a beginning';
  ELSIF TG_OP = 'INSERT' THEN
    IF EXISTS (SELECT 1 FROM journal_start) THEN
      RAISE EXCEPTION 'the journal is append-only: it has one beginning';
    END IF;
  ELSIF NEW.seq <= OLD.seq OR NOT EXISTS (
    SELECT 1 FROM journal WHERE kind = 'dropped' AND seq > NEW.seq
      AND (data::json ->> 'until')::bigint = NEW.seq AND data::json ->> 'hash' = NEW.hash
  ) THEN
    RAISE EXCEPTION 'the journal is append-only: it begins where a record of it says so';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER journal_start_moves BEFORE INSERT OR UPDATE OR DELETE ON journal_start
  FOR EACH ROW EXECUTE FUNCTION journal_start_moves();
"""

_IN_ORDER = """
CREATE FUNCTION inbox_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock('inbox'::regclass::oid::bigint);
  RETURN NULL;
END $$;
CREATE TRIGGER inbox_in_order BEFORE INSERT ON inbox EXECUTE FUNCTION inbox_in_order();
"""
"""Numbers become visible in their order: whoever asks for what came after a number misses no payload of a slower
transaction.
"""


def upgrade() -> None:
    """Make the tables of an empty journal."""
    _tables()
    for statement in (_APPEND_ONLY, _BEGINNING, _IN_ORDER):
        op.execute(statement)
    op.execute("INSERT INTO schema_version (version) VALUES (2)")
    for note in ("journal_start", "journal_head"):
        op.execute(f"INSERT INTO {note} (one, seq, hash) VALUES (1, 0, '')")


def _tables() -> None:
    exactly = sa.Text(collation="C")  # sorts as bytes do, whatever the database's language
    needed = ("time", "kind", "incident", "rule", "actor", "data", "prev", "hash")
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, exactly, nullable=False) for name in needed),
        *(sa.Column(name, exactly) for name in ("target", "mode")),
    )
    op.create_index("journal_incident", "journal", ["incident", "seq"])
    for kind in ("checkpoint", "dropped"):
        op.create_index(f"journal_{kind}", "journal", ["seq"], postgresql_where=sa.text(f"kind = '{kind}'"))
    for note in ("journal_head", "journal_start"):
        op.create_table(
            note,
            sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("seq", sa.BigInteger, nullable=False),
            sa.Column("hash", exactly, nullable=False),
        )
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("received_at", exactly, nullable=False),
        sa.Column("source", exactly, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table("schema_version", sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
