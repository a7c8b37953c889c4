"""From settings and rules to the least roles of RBAC under which they work; each right says who needs it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from remediator.actions import ACTIONS
from remediator.config.confined import namespaces_of
from remediator.config.settings import Settings
from remediator.core.grants import Grant
from remediator.core.kinds import CONFIG_MAP, KINDS, is_custom, resource
from remediator.core.model import Mode, Resource, Target, Value
from remediator.core.rules import Itself, Rule
from remediator.core.snapshot import Facts
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need
from remediator.guards import GUARDS, Guard, Request
from remediator.guards.guard import limits_of
from remediator.sources import grants

EVENTS_HOME = "default"
"""The namespace of Events about what is in none."""

_MANY = 1_000_000
_WORST = Facts(datetime(2026, 1, 1, tzinfo=UTC), exists=True, ready=_MANY, takes_away=_MANY)
"""A target of which most would be lost; how many replicas it wants decides whether it is scaled down."""


class Line(Value, frozen=True):
    """One rule of a role, on one type of objects. `why` has for each verb who needs it, and for which rules."""

    group: str
    resource: str
    names: tuple[str, ...]
    why: dict[str, dict[str, tuple[str, ...]]]
    guessed: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        """In the order of the alphabet."""
        return tuple(sorted(self.why))


class Role(Value, frozen=True):
    """The rights in one namespace, or (empty) in the whole cluster."""

    namespace: str
    lines: tuple[Line, ...]


class _Wanted(Value, frozen=True):
    """A grant at its place, by whom it is needed, for which rule (empty: for the service itself)."""

    grant: Grant
    resource: Resource
    namespace: str
    why: str
    rule: str = ""

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What makes one line of a role."""
        plural = grants.plural_of(self.resource)
        group = self.resource.api_version.rpartition("/")[0]
        return group, f"{plural}/{self.grant.part}" if self.grant.part else plural, self.grant.names


def roles(settings: Settings, rules: Iterable[Rule], home: str) -> tuple[Role, ...]:
    """The least roles, that of the cluster first, then by namespace, that of `home`, where the remediator itself runs,
    last.

    What is granted in the whole cluster is not granted again in a namespace.
    """
    wanted = [*_service(settings, home), *(each for rule in rules for each in _of_rule(settings, rule))]
    wide = {(each.key, each.grant.verb) for each in wanted if not each.namespace}
    placed: dict[str, list[_Wanted]] = {}
    for each in wanted:
        placed.setdefault("" if (each.key, each.grant.verb) in wide else each.namespace, []).append(each)
    order = sorted(placed, key=lambda namespace: (namespace == home, namespace))
    return tuple(Role(namespace, _lines(placed[namespace])) for namespace in order)


def _lines(wanted: list[_Wanted]) -> tuple[Line, ...]:
    found: dict[tuple[str, str, tuple[str, ...]], dict[str, dict[str, list[str]]]] = {}
    guessed = {each.key for each in wanted if not each.resource.plural}
    for each in wanted:
        rules = found.setdefault(each.key, {}).setdefault(each.grant.verb, {}).setdefault(each.why, [])
        if each.rule and each.rule not in rules:
            rules.append(each.rule)
    return tuple(
        Line(*key, {verb: {why: tuple(rules) for why, rules in said.items()} for verb, said in verbs.items()}, guess)
        for key, verbs in sorted(found.items())
        for guess in (key in guessed,)
    )


def _service(settings: Settings, home: str) -> Iterator[_Wanted]:
    """What the service itself needs, whatever its rules are."""
    if settings.elects:
        lease, where = KINDS["Lease"], settings.leader_election.namespace or home
        names = (settings.leader_election.lease,)
        on_it = (Grant(verb, lease, names=names) for verb in ("get", "watch", "patch"))
        for grant in (*on_it, Grant("create", lease)):
            yield _Wanted(grant, lease, where, "setting leader_election: one of several replicas acts")
    if name := settings.kubernetes.pause_configmap:
        why = "setting kubernetes.pause_configmap: it pauses everything while it is there"
        yield _Wanted(Grant("get", CONFIG_MAP, names=(name,)), CONFIG_MAP, home, why)
    if settings.web.auth.kubernetes.enabled:
        why = "setting web.auth.kubernetes: who an operator is, and what RBAC lets them do"
        for api, kind in (
            ("authentication.k8s.io/v1", "TokenReview"),
            ("authorization.k8s.io/v1", "SubjectAccessReview"),
        ):
            review = Resource(api, kind, f"{kind.lower()}s", namespaced=False)
            yield _Wanted(Grant("create", review), review, "", why)


def _of_rule(settings: Settings, rule: Rule) -> Iterator[_Wanted]:
    within = namespaces_of(rule)
    for why, grant, kind in _asked(rule, settings):
        of = grant.resource or resource(kind)
        for namespace in _places(of, grant, within):
            yield _Wanted(grant, of, namespace, why, rule.name)
    if settings.kubernetes.events and Mode.lowest(settings.mode, rule.mode) in (Mode.APPROVE, Mode.ENFORCE):
        for kind in grants.targets_of(rule):
            for home in (within or ("",)) if resource(kind).namespaced else (EVENTS_HOME,):
                yield _Wanted(Grant("create", KINDS["Event"]), KINDS["Event"], home, "Events on targets", rule.name)


def _places(of: Resource, grant: Grant, within: tuple[str, ...]) -> tuple[str, ...]:
    """Where a grant is given. A role of a namespace reaches that namespace too: the API server takes its own name for
    the one it is in.
    """
    is_inside = of.namespaced or of == KINDS["Namespace"]
    return within if within and is_inside and not grant.everywhere else ("",)


def _asked(rule: Rule, settings: Settings) -> Iterator[tuple[str, Grant, str]]:
    """Why, what, and the kind of target that it is about."""
    for grant in grants.finding(rule):
        yield "finding the target", grant, rule.target.kind
    for kind in grants.targets_of(rule):
        for grant in grants.looking(rule, kind):
            yield "looking at the target", grant, kind
        for grant in grants.diagnosing(kind):
            yield "diagnosis", grant, kind
        for place, step in enumerate(rule.do):
            action = ACTIONS[step.action]
            if action.kinds and kind not in action.kinds:
                continue
            for grant in action.granted(step.args):
                yield f"action {action.name}", grant, kind
            for grant in grants.proving(rule, place, kind):
                yield f"proof that {action.name} helped", grant, kind
            for guard, need in needed(settings, rule, place, kind):
                for grant in grants.around(need, kind):
                    yield f"guard {guard.name}", grant, kind


def needed(settings: Settings, rule: Rule, step: int, kind: str) -> Iterator[tuple[Guard, Need]]:
    """What each guard may need to be read around a target of a kind, before a step: around any of those of which most
    would be lost.
    """
    found: dict[tuple[str, Need], Guard] = {}
    for desired in (0, _MANY):
        facts = replace(_WORST, desired=desired, control_plane=kind == "Node")
        request = _request(settings, rule, step, kind, facts)
        for guard in GUARDS if not request.writes_nothing else ():
            needs = guard.at_most(request) if guard.at_most else guard.needs(request, State(), facts, facts.taken_at)
            found |= {(guard.name, need): guard for need in needs}
    yield from ((guard, need) for (_, need), guard in found.items())


def _request(settings: Settings, rule: Rule, step: int, kind: str, facts: Facts) -> Request:
    """A step as guards are asked about it, about a target that nobody has seen."""
    namespaced = is_custom(kind) or resource(kind).namespaced
    target = Target(kind, "some" if namespaced else "", "some")
    incident = Incident("some", rule, target, facts.taken_at, facts.taken_at, step=step)
    action = ACTIONS[rule.do[step].action].asked(rule.do[step].args, target, facts)
    mode = Mode.lowest(settings.mode, rule.mode, rule.do[step].mode)
    return Request(incident, rule, rule.do[step], action, mode, limits_of(settings.policy(Itself()), rule))
