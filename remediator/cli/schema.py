"""`remediator schema`: JSON Schema of rule, settings and rule test files, for editors."""

from __future__ import annotations

import json

import click

NAMES = {"rules": "rules", "settings": "settings", "config": "settings", "tests": "tests"}
"""What may be asked for, and the schema it is."""


@click.command("schema")
@click.argument("file", metavar="[rules|settings|tests]", type=click.Choice(list(NAMES)), default="rules")
def command(file: str) -> None:
    """Print the JSON Schema (2020-12) of a kind of file, made from what reads it."""
    from remediator.config.schema import schema_of

    click.echo(json.dumps(schema_of(NAMES[file]), indent=2))
