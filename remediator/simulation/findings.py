"""What alert rules find in a cluster, kept up to date: only what was written since is looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remediator.simulation.alert_rules import AlertRule, Labels
from remediator.simulation.store import Commit, Key, Store


class Findings:
    """The alerts that rules see in the objects of a store."""

    def __init__(self, store: Store, rules: Sequence[AlertRule]) -> None:
        self._store, self._rules = store, rules
        self._places: dict[str, list[int]] = {}
        for place, rule in enumerate(rules):
            self._places.setdefault(rule.kind, []).append(place)
        self._found: dict[tuple[int, Key], list[Labels]] = {}
        self._stale: set[tuple[int, Key]] = set()
        self.look_again()
        store.listen(self._hear)

    def look_again(self) -> None:
        """Everything is to be looked at anew: what the rules find has changed without a write."""
        for kind, places in self._places.items():
            keys = [(obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) for obj in self._store.each(kind)]
            self._stale.update((place, key) for place in places for key in keys)

    def changes(self) -> Iterator[tuple[AlertRule, list[Labels], list[Labels]]]:
        """Of each object that was written since: the rule, what it finds there now, and what it found before; in the
        order of rules, namespaces and names.
        """
        stale, self._stale = sorted(self._stale), set()
        for place, key in stale:
            rule = self._rules[place]
            live = self._store.get(rule.kind, *key)
            now = list(rule.find(live)) if live is not None else []
            before = self._found.pop((place, key), [])
            if now:
                self._found[place, key] = now
            if now != before:
                yield rule, now, before

    def _hear(self, commit: Commit) -> None:
        for place in self._places.get(commit.kind, ()):
            self._stale.add((place, commit.key))
