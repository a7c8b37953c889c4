"""Migrations of the journal's tables in PostgreSQL, run by `postgres_schema.make`.

One file a schema version in `versions/`. A file that was ever released is not changed: a database may stand on it.
"""
