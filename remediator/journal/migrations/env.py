"""What Alembic runs to apply migrations: on the connection, and in the transaction, of whoever opens the journal."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="schema_migration")
context.run_migrations()
