"""Version 3: operators' words in the inbox, and answers that are `refused`.

The tables are the same, but an older program would take the ones for alerts and the others for plans that expired.
"""

from __future__ import annotations

from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Keep older programs out."""
    op.execute("UPDATE schema_version SET version = 3")
