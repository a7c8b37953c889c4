"""Names that a cluster draws (of ReplicaSets, revisions, pods) and uids, as names that are the same everywhere.

A ReplicaSet becomes `web-#1`, `web-#2`, in the order in which they came to be, its pods `web-#1-*`: pods of one owner
are alike. What is not known to be drawn stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from remediator.core.histories import revision_of
from remediator.core.model import Json

_NUMBERED = ("ReplicaSet", "ControllerRevision")
_DRAWN = re.compile(r"[a-z0-9]{5}")
_UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_UID_LENGTH = 36


class Names:
    """What was learnt of one namespace so far."""

    def __init__(self, namespace: str) -> None:
        self._words: dict[str, str] = {}
        self._call(namespace, "NAMESPACE")
        self._uids: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def learn(self, objects: Iterable[Json]) -> None:
        """Give stable names to what has none yet; owners come before what they own, whatever the order given."""
        fresh = [obj for obj in objects if obj.get("metadata", {}).get("uid", "") not in ("", *self._uids)]
        for obj in sorted(fresh, key=_birth):
            self._name(obj)
            metadata = obj["metadata"]
            self._uids[metadata["uid"]] = f"uid of {obj['kind']} {self.stable(metadata['name'])}"

    def stable(self, text: str) -> str:
        """A text with drawn names and uids replaced by stable ones."""
        for word, name in self._longest_first:
            if word in text:
                text = text.replace(word, name)
        return _UID.sub(lambda found: self._uids.get(found[0], "some uid"), text) if len(text) >= _UID_LENGTH else text

    def in_value(self, value: Any) -> Any:
        """The same for every string in plain JSON, keys included."""
        if isinstance(value, dict):
            return {self.stable(key): self.in_value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.in_value(item) for item in value]
        return self.stable(value) if isinstance(value, str) else value

    def _name(self, obj: Json) -> None:
        name, prefix = obj["metadata"]["name"], obj["metadata"].get("generateName")
        if obj["kind"] in _NUMBERED:
            owner, _, drawn = name.rpartition("-")
            self._counts[f"{obj['kind']} {owner}"] = number = self._counts.get(f"{obj['kind']} {owner}", 0) + 1
            self._call(drawn, f"#{number}")
        elif prefix and _DRAWN.fullmatch(name.removeprefix(prefix)):
            self._call(name, f"{self.stable(prefix)}*")

    def _call(self, word: str, name: str) -> None:
        self._words[word] = name
        self._longest_first = sorted(self._words.items(), key=lambda item: len(item[0]), reverse=True)


def _birth(obj: Json) -> tuple[int, int, str]:
    rank = (*_NUMBERED, "Pod").index(obj["kind"]) if obj["kind"] in (*_NUMBERED, "Pod") else -1
    return rank, revision_of(obj), obj["metadata"].get("creationTimestamp", "")
