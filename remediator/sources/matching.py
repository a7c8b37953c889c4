"""Which rules an alert concerns: looked up by its name, then matched, so that many rules cost an alert little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from remediator.core.rules import MatchOp, Rule


class Matching:
    """The rules on alerts, by the `alertname` that each wants; those that want none in particular are always asked."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = rules
        named: dict[str, list[Rule]] = {}
        self._others: list[Rule] = []
        for rule in sorted(rules.values(), key=lambda rule: rule.name):
            if rule.when.alert:
                name = _name_wanted(rule)
                (self._others if name is None else named.setdefault(name, [])).append(rule)
        self._named = {name: _in_order((*found, *self._others)) for name, found in named.items()}

    def of(self, labels: dict[str, str]) -> list[Rule]:
        """The rules that an alert with these labels is a signal of, in the order of their names: the map of rules has
        none that two processes would agree on.
        """
        candidates = self._named.get(labels.get("alertname", ""), self._others)
        return [rule for rule in candidates if rule.when.matches(labels)]


def matching(rules: Mapping[str, Rule]) -> Matching:
    """The index of these rules; made anew only where they are not those of the last time."""
    global _last
    if _last.rules is not rules:
        _last = Matching(rules)
    return _last


def _in_order(rules: Iterable[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: rule.name)


def _name_wanted(rule: Rule) -> str | None:
    """The one alert name that a rule can match; None where it may be several."""
    wanted = (each.value for each in rule.when.alert if each.name == "alertname" and each.op is MatchOp.EQUAL)
    return next(wanted, None)


_last = Matching({})
