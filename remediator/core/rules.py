"""Rules and policy as the core sees them: parsed, checked, frozen, and part of the journal.

The reader in `remediator/config/` makes these from files and reports every mistake; nothing here validates.
Durations are seconds; `None` means "not said at this level".
"""

from __future__ import annotations

import enum
from typing import Any

import re2

from remediator.core.guarding import Budget, GuardSettings
from remediator.core.model import Json, Mode, Value
from remediator.core.windows import TimeInterval

__all__ = [
    "Budget",
    "GuardSettings",
    "Itself",
    "MatchOp",
    "Matcher",
    "Notices",
    "ObjectSpec",
    "Policy",
    "Protected",
    "Query",
    "Reach",
    "Rule",
    "Step",
    "TargetSpec",
    "Until",
    "When",
]


class MatchOp(enum.StrEnum):
    """Alertmanager's four matcher operators."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


class Matcher(Value, frozen=True):
    """One label matcher with Alertmanager's meaning: a missing label is the empty string, regexps are anchored."""

    name: str
    op: MatchOp
    value: str

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether the label set satisfies this matcher."""
        have = labels.get(self.name, "")
        if self.op is MatchOp.EQUAL:
            return have == self.value
        if self.op is MatchOp.NOT_EQUAL:
            return have != self.value
        found = _regex(self.value).fullmatch(have) is not None
        return found is (self.op is MatchOp.REGEX)

    def __str__(self) -> str:
        return f'{self.name}{self.op}"{self.value}"'


_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

_compiled: dict[str, Any] = {}


def _regex(source: str) -> Any:
    """A compiled matcher, in RE2 as in Alertmanager: linear in the length of hostile labels.

    Only rule files bring sources, so the cache is as bounded as they are.
    """
    pattern = _compiled.get(source)
    if pattern is None:
        pattern = _compiled[source] = re2.compile(source, _OPTIONS)
    return pattern


SOURCES = ("alertmanager", "prometheus", "kubernetes")
"""Where signals come from, as the journal names it: alerts, queries, objects of the cluster."""


class ObjectSpec(Value, frozen=True):
    """Objects of a kind as a signal: in one namespace or (empty) in all, those that match a label selector, of which
    the CEL condition `where` holds. Either of the last two may be empty, not both.
    """

    kind: str
    namespace: str = ""
    selector: str = ""
    where: str = ""


class When(Value, frozen=True):
    """The signal of a rule: matchers on alerts, a query whose every series is a signal, or objects of the cluster each
    of which is one. Times in seconds.
    """

    alert: tuple[Matcher, ...] = ()
    for_: float = 0.0
    keep_firing_for: float = 0.0
    query: str = ""
    object: ObjectSpec | None = None

    @property
    def source(self) -> str:
        """Where its signals come from, as the journal names it."""
        return "kubernetes" if self.object else "prometheus" if self.query else "alertmanager"

    @property
    def is_asked(self) -> bool:
        """Whether its source is asked for what is there, so that it may turn out to give no answer."""
        return bool(self.query or self.object)

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether an alert with these labels is a signal of this rule; no matcher matches nothing."""
        return bool(self.alert) and all(matcher.matches(labels) for matcher in self.alert)

    def keeps(self, labels: dict[str, str], before: When) -> bool:
        """Whether what was a signal of this rule as it was `before` still is one."""
        if self.is_asked or before.is_asked:
            return (self.query, self.object) == (before.query, before.object)
        return self.matches(labels)


class TargetSpec(Value, frozen=True):
    """How a target is found from labels. Empty `kind`: what the owner chain ends in."""

    kind: str = ""
    label: str = ""
    namespace_label: str = "namespace"


class Query(Value, frozen=True):
    """A query as a condition: it holds where its result has a series with the signal's values of the `match` labels."""

    query: str
    match: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.query} on ({', '.join(self.match)})" if self.match else self.query


class Until(Value, frozen=True):
    """What proves that a step helped: every given condition holds for `for_` seconds, within `within` seconds.

    `check` is CEL; `resolved` asks that no signal of the incident fires any more.
    """

    ready: bool = True
    for_: float = 60.0
    within: float = 600.0
    on_failure: str = "keep"  # undo | keep
    query: Query | None = None
    check: str = ""
    resolved: bool = False


class Step(Value, frozen=True):
    """One rung of the ladder: an action with its checked arguments, and its own `until` and `mode` where it has one."""

    action: str
    args: Json = {}
    until: Until | None = None
    mode: Mode | None = None


class Rule(Value, frozen=True):
    """One rule. `name` is its identity for incidents, budgets and cooldowns; `conditions` (CEL) and `queries` are what
    must hold beside its signal; `interval` is that of its query, in
    seconds, None for the settings' one.
    """

    name: str
    group: str
    when: When
    target: TargetSpec
    do: tuple[Step, ...]
    conditions: tuple[str, ...] = ()
    queries: tuple[Query, ...] = ()
    until: Until = Until()
    guards: GuardSettings = GuardSettings()
    mode: Mode | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    interval: float | None = None

    def until_of(self, step: int) -> Until:
        """What proves the given step: its own `until`, else the rule's."""
        return self.do[step].until or self.until


class Protected(Value, frozen=True):
    """What is never touched: namespaces by name, objects by label selectors of `name=value` pairs.

    `allow` names single objects that may be touched all the same, as `Kind/namespace/name` or `Node/name`.
    """

    namespaces: tuple[str, ...] = ("kube-system",)
    selectors: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class Itself(Value, frozen=True):
    """The remediator's own place in the cluster; empty strings outside of one."""

    namespace: str = ""
    pod: str = ""
    node: str = ""


class Reach(Value, frozen=True):
    """A receiver as far as decisions know it: its endpoints by name, and for how many seconds each is tried."""

    endpoints: tuple[str, ...] = ("",)
    retry_for: float = 21_600.0


class Notices(Value, frozen=True):
    """What is told besides escalations: on which occasions a thread begins (`core.message.Occasion`), and to whom; an
    empty receiver is that of the rule's own `escalate`.
    """

    receiver: str = ""
    occasions: tuple[str, ...] = ("approval", "gitops")


class Policy(Value, frozen=True):
    """What the settings file says about decisions; journalled with the rules, so that a decision can be repeated.

    `external_url` is where people reach this installation, empty where nobody said.
    """

    mode: Mode = Mode.OBSERVE
    guards: GuardSettings = GuardSettings()
    protected: Protected = Protected()
    itself: Itself = Itself()
    external_labels: dict[str, str] = {}
    time_intervals: dict[str, tuple[TimeInterval, ...]] = {}
    receivers: dict[str, Reach] = {}
    notices: Notices = Notices()
    external_url: str = ""
