"""What a write changes, as lines a person can read: one per field, by path, old and new value.

Server-owned bookkeeping (managedFields, resourceVersion, generation, status) and the remediation's own annotation
are left out, so that the diff of a rehearsal and of the write are the same. Secrets are not shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from remediator.core.model import Json
from remediator.core.scrub import GONE, scrub

LEFT_OUT = frozenset({"managedFields", "resourceVersion", "generation", "creationTimestamp"})
OWN = "remediator.io/"
MOST_LINES = 200
MOST_TEXT = 400


def diff(before: Json, after: Json) -> str:
    """Lines `- path: old` and `+ path: new`, sorted by path; bounded in length, with a note where it was cut."""
    old, new = _apart(_shown_of(before), _shown_of(after))
    lines = [line for path in _differing(dict(_leaves(old, "")), dict(_leaves(new, ""))) for line in path]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines)


def _differing(old: dict[str, str], new: dict[str, str]) -> Iterator[list[str]]:
    for path in sorted(old.keys() | new.keys()):
        was, now = old.get(path), new.get(path)
        if was != now:
            removed = [] if was is None else [f"- {path}: {_told(path, was)}"]
            yield removed if now is None else [*removed, f"+ {path}: {_told(path, now)}"]


def _told(path: str, value: str) -> str:
    """A value as it may be shown: of environment variables none, for that is where secrets stand."""
    return GONE if path.endswith("].value") and ".env[" in path else scrub(value)


def _shown_of(obj: Json) -> Json:
    """The object without what is left out."""
    shown = {key: value for key, value in obj.items() if key != "status"}
    if "metadata" in shown:
        meta = {key: value for key, value in shown["metadata"].items() if key not in LEFT_OUT}
        notes = {k: v for k, v in (meta.get("annotations") or {}).items() if not k.startswith(OWN)}
        shown["metadata"] = {**meta, "annotations": notes}
    return shown


def _apart(old: Json, new: Json) -> tuple[Json, Json]:
    """Two objects without the fields that are equal in both: of most writes nearly all of them."""
    one, other = {}, {}
    for key in old.keys() | new.keys():
        was, now = old.get(key), new.get(key)
        if isinstance(was, dict) and isinstance(now, dict) and was and now:
            was, now = _apart(was, now)
        if was != now:
            one[key], other[key] = was, now
    return one, other


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            name = each.get("name", place) if isinstance(each, dict) else place
            yield from _leaves(each, f"{path}[{name}]")
    elif value not in (None, {}, []):
        yield path, _shown(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…"
