"""What somebody supposes in `--what-if GUARD=VALUE`, read as rule files are, and told as the API takes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from remediator.config.document import parse_document
from remediator.config.problems import Problems
from remediator.config.rule_shapes import GuardsShape
from remediator.config.rules import guard_settings
from remediator.config.shapes import read
from remediator.core.model import Mode, as_json

NAME = "--what-if"


def supposed(said: Iterable[str]) -> tuple[str, list[str]]:
    """The JSON of `repeat.Supposed` for entries `guard=value` and `mode=value`, and what is wrong with them."""
    guards, mode, wrong = list[str](), "", list[str]()
    for each in said:
        name, equals, value = each.partition("=")
        if not equals or not value.strip():
            wrong.append(f"{each!r} supposes nothing: write GUARD=VALUE, as cooldown=5m")
        elif name.strip() == "mode":
            mode = value.strip()
        else:
            guards.append(f"{name.strip()}: {value.strip()}")
    if mode and mode not in list(Mode):
        wrong.append(f"{mode!r} is no mode: write one of {', '.join(Mode)}")
    problems = Problems()
    found = _guards("\n".join(guards), problems) if guards else {}
    wrong += [f"{each.path or each.file}: {each.message}; {each.remedy}" for each in problems]
    return msgspec.json.encode({"guards": found, **({"mode": mode} if mode else {})}).decode(), wrong


def _guards(text: str, problems: Problems) -> dict[str, Any]:
    """The guards that a text in YAML says something about, and nothing of the others."""
    document = parse_document(text.encode(), problems, NAME)
    shape = read(GuardsShape, document, problems) if document else None
    told: dict[str, Any] = as_json(guard_settings(shape)) if shape else {}
    return {name: value for name, value in told.items() if value not in (None, [])}
