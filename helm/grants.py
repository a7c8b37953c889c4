"""The rights of rules as a table that templates can read: what `remediator/roles.py` works out of settings and rules,
for each kind of target and each action. A right is `verb group/resource`, behind a `*` where it is for the cluster.

Custom kinds stand in it as `Custom`, and their resource as `{custom}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remediator.actions import ACTIONS
from remediator.config.settings import KubernetesAccess, KubernetesAuth, LeaderElection, Settings, Web, WebAuth
from remediator.core.grants import Grant
from remediator.core.kinds import KINDS, WORKLOADS, resource
from remediator.core.model import Json, Mode
from remediator.core.naming import LABELS, starts_of
from remediator.core.rules import Matcher, MatchOp, Rule, Step, TargetSpec, When
from remediator.roles import needed, roles
from remediator.sources import grants

CUSTOM = "Custom.v1.example.org"
"""One custom kind for all of them."""

SHOWN = {**{kind: kind for kind in KINDS}, CUSTOM: "Custom"}
"""The kinds of the table, and how they are called there."""

Rights = list[str]

VARIANTS: dict[str, dict[str, Json]] = {
    "scale": {"scale": {"to": 1}, "scale.up": {"by": "+1"}},
    "patch": {
        "patch.labels": {"type": "merge", "patch": {"metadata": {"labels": {"a": "b"}}}},
        "patch.template": {"type": "merge", "patch": {"spec": {"template": {"spec": {}}}}},
        "patch.replicas": {"type": "merge", "patch": {"spec": {"replicas": 1}}},
        "patch": {"type": "merge", "patch": {"spec": {"other": 1}}},
    },
    "delete_pods": {
        "delete_pods": {"phase": ["Running"]},
        "delete_pods.ended": {"phase": ["Failed"]},
        "delete_pods.reason": {"reason": "Evicted"},
    },
}
"""Arguments on which an action's rights depend, by what the table calls them."""


def table() -> Json:
    """What templates need to know of rights."""
    return {
        "labels": {label: kind for kind, label in LABELS.items()},
        "starts": {SHOWN.get(kind, kind): [SHOWN[each] for each in starts_of(kind)] for kind in ("", *SHOWN)},
        "between": dict(_ways()),
        "resources": {SHOWN[kind]: _right(Grant("", resource(kind)), kind).split(" ")[1] for kind in SHOWN},
        "wide": [SHOWN[kind] for kind in SHOWN if not resource(kind).namespaced and kind != "Namespace"],
        "namespaced": [SHOWN[kind] for kind in SHOWN if resource(kind).namespaced],
        "addresses": _rights(grants.lists("Node"), "Node"),
        "revisions": [name for name, action in ACTIONS.items() if action.reads_revisions],
        "tells": [name for name, action in ACTIONS.items() if action.tells or action.looks],
        "events": _right(Grant("create", KINDS["Event"]), "Event"),
        "kinds": {SHOWN[kind]: _kind(kind) for kind in SHOWN},
        "service": _service(),
    }


def _right(grant: Grant, kind: str) -> str:
    of = grant.resource or resource(kind)
    group = of.api_version.rpartition("/")[0]
    plural = grants.plural_of(of)
    name = "{custom}" if of == resource(CUSTOM) else f"{group}/{plural}"
    wide = grant.everywhere or not (of.namespaced or of == KINDS["Namespace"])
    return f"{'*' if wide else ''}{grant.verb} {name}{'/' + grant.part if grant.part else ''}"


def _rights(granted: Iterable[Grant], kind: str) -> Rights:
    return sorted({_right(each, kind) for each in granted})


def _ways() -> Iterator[tuple[str, list[str]]]:
    """The kinds of the objects that are read from a start to a wanted kind, by `start>wanted`."""
    for start in SHOWN:
        for wanted in ("", *SHOWN):
            if found := sorted(SHOWN[kind] for kind in grants.between(start, wanted)):
                yield f"{SHOWN[start]}>{SHOWN.get(wanted, wanted)}", found


def _rule(action: str, kind: str, *texts: str, args: Json | None = None, mode: Mode | None = None) -> Rule:
    when = When((Matcher("alertname", MatchOp.EQUAL, "Some"),))
    return Rule("some", "some", when, TargetSpec(kind), (Step(action, args or {}),), texts, mode=mode)


def _kind(kind: str) -> Json:
    plain = _rule("none", kind)
    looks = grants.looking(plain, kind)

    def more(rule: Rule) -> Rights:
        return sorted(set(_rights(grants.looking(rule, kind), kind)) - set(_rights(looks, kind)))

    found: Json = {"looks": _rights((*looks, *grants.diagnosing(kind)), kind)}
    if kind in WORKLOADS:
        found["revisions"] = more(_rule("rollback", kind))
    spoken = {word: more(_rule("none", kind, f"target.{word}")) for word in ("pods", "hpa", "pdb")}
    found |= {"speaks": {word: rights for word, rights in spoken.items() if rights}}
    found["actions"] = dict(_actions(kind))
    if kind == "Node":
        drain = _rule("drain", kind)
        found["drained"] = _rights(grants.proving(drain, 0, kind), kind)
    return found


def _actions(kind: str) -> Iterable[tuple[str, Rights]]:
    for name, action in ACTIONS.items():
        if action.kinds and kind not in action.kinds:
            continue
        for variant, args in VARIANTS.get(name, {name: {}}).items():
            yield variant, _of_step(kind, name, args, None)
        if action.tells or action.looks:
            yield f"{name}.off", _of_step(kind, name, {}, Mode.OFF)


def _of_step(kind: str, name: str, args: Json, mode: Mode | None) -> Rights:
    """What a step of a rule needs: for its writes, and for the guards that are asked about it."""
    rule = _rule(name, kind, args=args, mode=mode)
    asked = (
        grant for _, need in needed(Settings(mode=Mode.ENFORCE), rule, 0, kind) for grant in grants.around(need, kind)
    )
    return _rights((*ACTIONS[name].granted(args), *asked), kind)


def _service() -> dict[str, list[Json]]:
    """What the service itself needs, by the setting; `NAME` stands for what the setting names."""
    bare = Settings(kubernetes=KubernetesAccess(pause_configmap=""))
    pauses = Settings(kubernetes=KubernetesAccess(pause_configmap="NAME"))
    elects = Settings(kubernetes=bare.kubernetes, leader_election=LeaderElection(enabled=True, lease="NAME"))
    reviews = Settings(kubernetes=bare.kubernetes, web=Web(auth=WebAuth(kubernetes=KubernetesAuth(enabled=True))))
    return {name: _lines(said) for name, said in (("pauses", pauses), ("elects", elects), ("reviews", reviews))}


def _lines(settings: Settings) -> list[Json]:
    found = roles(settings, (), "home")
    return [
        {"right": f"{'' if role.namespace else '*'}{verb} {line.group}/{line.resource}", "names": list(line.names)}
        for role in found
        for line in role.lines
        for verb in line.verbs
    ]
