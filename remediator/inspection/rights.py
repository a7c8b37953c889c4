"""What an API server says of rules: whether it has their kinds, lets the account do what they need, and what fires now.

Asked by access reviews, for the account that asks itself or for another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from remediator.config.problems import Problem
from remediator.config.rules import RuleFile
from remediator.config.settings import Settings
from remediator.core.kinds import is_custom, resource
from remediator.core.model import Json, Resource, Value
from remediator.inspection.finding import Firing, Found, Placed, placed
from remediator.inspection.siblings import never_enough
from remediator.ports import Cluster, ClusterError, NotFound
from remediator.roles import Line, Role, roles
from remediator.sources import grants, present
from remediator.sources.present import NotKnown

AT_ONCE = 16
"""Reviews under way at once."""

MOST_NAMED = 3
"""Rules that a message names."""

COURTESY = ("diagnosis", "Events on targets")
"""Needs whose lack holds nothing back."""

API = "authorization.k8s.io/v1"
ITSELF = Resource(API, "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False)
ANOTHER = Resource(API, "SubjectAccessReview", "subjectaccessreviews", namespaced=False)

ACCOUNT = "system:serviceaccount:"
"""What the user name of a service account begins with; its namespace and name follow."""


class Api(Cluster, Protocol):
    """The API server, as far as it is asked here."""

    async def served(self, resource: Resource) -> Resource:
        """See `KubernetesCluster.served`."""
        ...

    async def review(self, resource: Resource, spec: Json) -> Json:
        """See `KubernetesCluster.review`."""
        ...


class Right(Value, frozen=True):
    """One verb on one type of objects, in a namespace or (empty) everywhere, and who needs it for which rules."""

    namespace: str
    line: Line
    verb: str

    def __str__(self) -> str:
        group = f".{self.line.group}" if self.line.group else ""
        named = f" {', '.join(self.line.names)}" if self.line.names else ""
        where = f"in {self.namespace}" if self.namespace else "in the whole cluster"
        resource, slash, part = self.line.resource.partition("/")
        return f"{self.verb} {resource}{group}{slash}{part}{named} {where}"

    @property
    def why(self) -> dict[str, tuple[str, ...]]:
        """For each need the rules that have it."""
        return self.line.why[self.verb]


async def inspect(
    files: Iterable[RuleFile], settings: Settings, cluster: Api, home: str, user: str, now: datetime
) -> Found:
    """Everything about files of rules, for a `user` or (empty) whoever asks; `home` is where the remediator runs.

    Where the API server does not answer, nothing but that.
    """
    rules = list(placed(files))
    try:
        served, missing = await _kinds(rules, cluster)
        needed = _rights(roles(settings, [each.rule for each in rules], home))
        rights = [_at_its_plural(each, served) for each in needed]
        allowed = await _reviewed(rights, cluster, user)
    except ClusterError as error:
        file = settings.file or next((each.at.file for each in rules), "")
        what = f"the API server does not tell what was asked: {error.message}"
        return Found((Problem(file, 0, 0, "", what, "see that the kubeconfig leads to it, and what it may"),))
    denied = [each for each, may in zip(rights, allowed, strict=True) if not may]
    places = {each.rule.name: each.at for each in rules}
    told = [(_holds_back(right), _denied(right, places, settings, user)) for right in denied]
    firing, lost = await _now(rules, cluster, now)
    lost += await never_enough(rules, settings, cluster)
    problems = (*missing, *(problem for grave, problem in told if grave))
    return Found(problems, (*(problem for grave, problem in told if not grave), *lost), firing)


async def _kinds(rules: list[Placed], cluster: Api) -> tuple[dict[str, str], list[Problem]]:
    """The plurals of custom kinds by those that are guessed, and the kinds that the API server does not serve."""
    plurals: dict[str, str] = {}
    missing: list[Problem] = []
    first: dict[str, Placed] = {}
    for each in rules:
        for kind in (*grants.targets_of(each.rule), *((each.rule.when.object.kind,) if each.rule.when.object else ())):
            first.setdefault(kind, each)
    for kind, rule in sorted(first.items()):
        of = resource(kind)
        try:
            plurals[f"{_group(of)}/{grants.plural_of(of)}"] = (await cluster.served(of)).plural
        except NotFound as error:
            remedy = (
                "install its CustomResourceDefinition first"
                if is_custom(kind)
                else "this API server is too old or too new for it"
            )
            missing.append(rule.told(error.message, remedy))
    return plurals, missing


def _group(of: Resource) -> str:
    return of.api_version.rpartition("/")[0]


def _rights(found: Iterable[Role]) -> Iterator[Right]:
    for role in found:
        for line in role.lines:
            yield from (Right(role.namespace, line, verb) for verb in line.verbs)


def _at_its_plural(right: Right, served: dict[str, str]) -> Right:
    """The right by the plural that the API server has, where it was guessed."""
    plural, slash, part = right.line.resource.partition("/")
    known = served.get(f"{right.line.group}/{plural}", plural)
    return replace(right, line=replace(right.line, resource=f"{known}{slash}{part}"))


async def _reviewed(rights: list[Right], cluster: Api, user: str) -> list[bool]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(right: Right) -> bool:
        async with places:
            answers = [await cluster.review(*_question(right, name, user)) for name in right.line.names or ("",)]
        return all(each.get("allowed") is True for each in answers)

    return list(await asyncio.gather(*map(one, rights)))


def _question(right: Right, name: str, user: str) -> tuple[Resource, Json]:
    plural, _, part = right.line.resource.partition("/")
    attributes = {"verb": right.verb, "group": right.line.group, "resource": plural, "namespace": right.namespace}
    spec: Json = {"resourceAttributes": {**attributes, "subresource": part, "name": name}}
    return (ANOTHER, {**spec, "user": user, "groups": _groups(user)}) if user else (ITSELF, spec)


def _groups(user: str) -> list[str]:
    """The groups that Kubernetes puts a user into by itself."""
    if not user.startswith(ACCOUNT):
        return ["system:authenticated"]
    namespace = user.removeprefix(ACCOUNT).partition(":")[0]
    return ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]


def _holds_back(right: Right) -> bool:
    return any(not why.startswith(COURTESY) for why in right.why)


def _denied(right: Right, places: dict[str, Problem], settings: Settings, user: str) -> Problem:
    """A right that is lacking, at the first of the rules that need it."""
    rules = list(dict.fromkeys(rule for some in right.why.values() for rule in some))
    at = places[rules[0]] if rules else Problem(settings.file, 0, 0, "", "")
    more = f" and {len(rules) - MOST_NAMED} more" if len(rules) > MOST_NAMED else ""
    needed = f"{'; '.join(sorted(right.why))}" + (f" (rule {', '.join(rules[:MOST_NAMED])}{more})" if rules else "")
    what = f"{user or 'the account that asks'} may not {right}, needed for: {needed}"
    return replace(at, message=what, remedy="apply what `remediator rbac` prints for these files")


async def _now(rules: list[Placed], cluster: Api, now: datetime) -> tuple[tuple[Firing, ...], list[Problem]]:
    """What the rules on objects have signals of now, and the warnings about those that lead nowhere."""
    firing, lost = list[Firing](), list[Problem | None]()
    for each in (rule for rule in rules if rule.rule.when.object):
        try:
            seen = await present.objects(cluster, each.rule, now)
        except NotKnown as error:
            firing.append(each.firing(None, str(error)))
        else:
            firing.append(each.firing(seen))
            lost.append(each.lost(seen))
    return tuple(firing), [each for each in lost if each]
