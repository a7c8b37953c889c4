"""The chart's roles against those of `remediator rbac`: for the same settings and rules they are the same."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from remediator.actions import ACTIONS
from remediator.config import ConfigErrors, load_rules, load_settings
from remediator.core.kinds import KINDS
from remediator.roles import roles
from tests.lab.helm import CHART, Helm

pytestmark = pytest.mark.lab

Json = dict[str, Any]
Rights = dict[str, dict[str, set[str]]]
"""Place → resource → verbs; the place is empty for the whole cluster."""

CASES = """
{{- range $place, $case := .Values.global.cases }}
---
kind: Case
place: {{ $place }}
rights: {{ include "remediator.rights" (merge (dict "Values" (merge (deepCopy $case) $.Values)) (omit $ "Values")) }}
{{- end }}
"""
"""A template that is added to the chart, and renders many cases at once."""

OBJECT = "Certificate.v1.cert-manager.io"
SHOP = 'Some{namespace="shop"}'


class Both:
    """What the chart and what the product say of the same values."""

    def __init__(self, helm: Helm, folder: Path) -> None:
        self._helm, self._folder = helm, folder
        self._chart = folder / "chart"
        shutil.copytree(CHART, self._chart)
        (self._chart / "values.schema.json").unlink()  # what it refuses is another test's
        for template in (self._chart / "templates").glob("*.*"):
            if template.suffix != ".tpl":
                template.unlink()
        (self._chart / "templates" / "cases.yaml").write_text(CASES)

    def chart(self, cases: Sequence[Json]) -> list[Rights]:
        found: dict[int, Rights] = {}
        rendered = self._helm.render({"global": {"cases": list(cases)}}, chart=self._chart)
        for each in (one for one in rendered if "rights" in one):
            found[each["place"]] = {
                place: {line: set(verbs) for line, verbs in lines.items()} for place, lines in each["rights"].items()
            }
        return [found[place] for place in range(len(cases))]

    def product(self, case: Json) -> Rights | None:
        """None where the product takes no such rules."""
        (self._folder / "rules.yaml").write_text(json.dumps(case["rules"]["some.yaml"]))
        config = {"kubernetes": {"pause_configmap": "remediator-pause"}, **case["config"], "rule_files": ["rules.yaml"]}
        if url := case.get("database", {}).get("url"):
            config["storage"] = {"url": url}
        (self._folder / "remediator.yaml").write_text(json.dumps(config))
        try:
            said = load_settings(self._folder / "remediator.yaml")
            found = roles(said, load_rules(said), "ops")
        except ConfigErrors:
            return None
        return {
            role.namespace: {
                "=".join((f"{line.group}/{line.resource}", *line.names)): set(line.verbs) for line in role.lines
            }
            for role in found
        }

    def agree(self, cases: Sequence[Json]) -> int:
        """How many of the cases the product takes; in all of these the chart's rights are the product's."""
        expected = {place: rights for place, case in enumerate(cases) if (rights := self.product(case)) is not None}
        taken = [cases[place] for place in expected]
        wanted = list(map(flat, expected.values()))
        differ = [
            f"{said(case)}\n  chart alone: {chart - product}\n  product alone: {product - chart}"
            for case, chart, product in zip(taken, map(flat, self.chart(taken)), wanted, strict=True)
            if chart != product
        ]
        assert not differ, f"{len(differ)} of {len(taken)} differ:\n" + "\n".join(differ[:9])
        return len(taken)


def flat(rights: Rights) -> set[tuple[str, str, str]]:
    return {(place, line, verb) for place, lines in rights.items() for line, verbs in lines.items() for verb in verbs}


def said(case: Json) -> str:
    return yaml.safe_dump({"groups": case["rules"]["some.yaml"]["groups"]}, default_flow_style=True, width=9999).strip()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("chart-rights")
    return Both(Helm(folder), folder)


def case(*rules: Json, group: Json | None = None, values: Json | None = None, **config: Any) -> Json:
    written = [{"name": f"r{place}", **rule} for place, rule in enumerate(rules)]
    servers = {"prometheus": {"url": "http://prometheus:9090"}, "receivers": [{"name": "oncall", **WEBHOOK}]}
    groups = [{"name": "g", **(group or {}), "rules": written}]
    return {
        "config": {"mode": "enforce", **servers, **config},
        "rules": {"some.yaml": {"groups": groups}},
        **(values or {}),
    }


WEBHOOK = {"webhook_configs": [{"url": "http://oncall.example.org/page"}]}


def alerting(alert: str = SHOP, target: Json | None = None, do: Sequence[Any] = ("restart",), **more: Any) -> Json:
    return {"when": {"alert": alert}, "target": target or {}, "do": list(do), **more}


STEPS: list[Any] = [
    *ACTIONS,
    *(
        {"scale": args}
        for args in ({"to": 0}, {"to": 3, "min": 1}, {"by": "+1"}, {"by": 2}, {"by": "-50%"}, {"by": -1})
    ),
    {"scale": {"last_good": True}},
    {"scale_hpa": {"max_replicas": {"by": "+1", "cap": 9}}},
    *(
        {"delete_pods": args}
        for args in ({"phase": ["Failed"]}, {"phase": "Succeeded"}, {"phase": ["Running", "Failed"]})
    ),
    *({"delete_pods": args} for args in ({"reason": "Evicted"}, {"phase": ["Failed"], "reason": ["Evicted"]})),
    *(
        {"patch": {"type": "merge", "patch": body}}
        for body in (
            {"metadata": {"labels": {"a": "b"}}},
            {"metadata": {"annotations": {"a": "b"}, "labels": {"c": None}}},
            {"metadata": {"labels": {"a": "b"}}, "spec": {"paused": True}},
            {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}},
            {"spec": {"template": {"spec": {"priority": 1}}, "minReadySeconds": 3}},
            {"spec": {"replicas": 3}},
            {"spec": {"replicas": 3, "template": {"spec": {}}}},
            {"spec": {}},
        )
    ),
    *(
        {"patch": {"type": "json", "patch": operations}}
        for operations in (
            [{"op": "replace", "path": "/spec/replicas", "value": 3}],
            [{"op": "add", "path": "/metadata/labels/a~1b", "value": "c"}],
            [
                {"op": "test", "path": "/spec/replicas", "value": 3},
                {"op": "add", "path": "/metadata/labels/a", "value": "c"},
            ],
            [{"op": "replace", "path": "/spec/template/spec/priority", "value": 3}],
            [{"op": "add", "path": "/spec", "value": {}}],
        )
    ),
    {"taint": {"key": "example.org/broken", "effect": "NoSchedule"}},
    {"untaint": {"key": "example.org/broken"}},
    {"suspend_cronjob": {"for": "1h"}},
    {"webhook": {"receiver": "oncall"}},
    {"escalate": {"receiver": "oncall"}},
    {"drain": {"timeout": "5m", "until": {"ready": False, "check": "target.pods.size() == 0"}}},
]
KINDS_OF_TARGETS = ("", *KINDS, OBJECT, "Proxy.v1beta1.example.org", "Gateway.v1.example.org", "Bus.v1.example.org")


def every_step() -> Iterator[Json]:
    """Every step on every kind of target, by an alert that names it, and from the object itself."""
    for step, kind in itertools.product(STEPS, KINDS_OF_TARGETS):
        applies = ACTIONS[step if isinstance(step, str) else next(iter(step))].kinds
        if applies and kind and kind not in applies:
            continue  # the product refuses it
        target = {"kind": kind} if kind else {}
        if "." in kind or kind in ("Namespace", "ServiceAccount", "ResourceQuota", "PodDisruptionBudget", "Lease"):
            target["label"] = "some"
        yield case(alerting(target=target, do=[step]))
        if kind:
            watched = {"kind": kind, "where": "object.metadata.name == 'a'"}
            yield case({"when": {"object": watched}, "do": [step]})


def test_every_action_on_every_kind_of_target(both: Both) -> None:
    assert both.agree(list(every_step())) > 150


def test_every_way_from_a_signal_to_a_target(both: Both) -> None:
    labels = ("", "deployment", "pod", "node", "instance", "job_name", "horizontalpodautoscaler", "some")
    step = {"patch": {"type": "merge", "patch": {"metadata": {"labels": {"a": "b"}}}}}
    ways = [
        case(alerting(target={key: said for key, said in (("kind", kind), ("label", label)) if said}, do=[do]))
        for kind, label, do in itertools.product(KINDS_OF_TARGETS, labels, (step, "none"))
    ]
    ways += [
        case(
            {
                "when": {"object": {"kind": a, "where": "true", "namespace": "shop"}},
                "target": {"kind": b},
                "do": ["none"],
            }
        )
        for a, b in itertools.product(KINDS_OF_TARGETS[1:], KINDS_OF_TARGETS[1:])
    ]
    assert both.agree(ways) > 150


WORDS = [
    {"if": "target.pods.size() > 0"},
    {"if": ["target.hpa == null", "target.pdb != null"]},
    {"if": [{"query": "up == 1"}, "pods.all(p, p.ready)"]},
    {"until": {"check": "pods.all(p, p.ready)"}},
    {"until": {"check": "target.pdb == null"}, "do": [{"restart": {"until": {"ready": True}}}, "rollback"]},
    {"until": {"check": "target.pdb == null"}, "do": [{"restart": {"until": {"ready": True}}}]},
    {"if": "labels.podspec == 'x' || labels.nopods == 'y'"},
]
SETTINGS: list[Json] = [
    {},
    *({"mode": mode} for mode in ("off", "observe", "approve")),
    {"kubernetes": {"events": False}},
    {"kubernetes": {"pause_configmap": ""}},
    {"kubernetes": {"pause_configmap": "stop"}},
    {"web": {"auth": {"kubernetes": {"enabled": True}}}},
    {"leader_election": {"lease": "mine", "namespace": "leases"}},
    {"guards": {"min_healthy": "60%", "last_replica": "allow", "cooldown": "0s"}},
]


def test_conditions_modes_and_settings(both: Both) -> None:
    tells = {"escalate": {"receiver": "oncall"}}
    cases = [
        case({**alerting(target={"kind": kind}), **words})
        for words, kind in itertools.product(WORDS, ("Deployment", "StatefulSet", "Pod"))
    ]
    cases += [case({**alerting(target={"kind": "Node"}, do=["cordon"]), **words}) for words in WORDS]
    cases += [
        case(alerting(target={"kind": kind}, do=do, **rule), group=group, **said)
        for said, (kind, do), rule, group in itertools.product(
            SETTINGS[:-2],
            (("Deployment", ["rollback", tells]), ("Node", [tells]), ("Namespace", ["none"])),
            ({}, {"mode": "observe"}, {"mode": "off"}),
            ({}, {"mode": "approve"}),
        )
    ]
    database = {"database": {"url": "postgresql://a@host/b"}}
    shared = [{**SETTINGS[-2]}, {"leader_election": {"enabled": False}}, {"leader_election": {"lease": "x"}}, {}]
    cases += [case(alerting(target={"kind": "Pod"}, do=["evict"]), values=database, **said) for said in shared]
    cases.append(case(alerting(), **SETTINGS[-1]))
    assert both.agree(cases) > 100


ALERTS = [
    *('Some{namespace="shop"}', 'Some{namespace=~"shop|cart"}', 'Some{namespace=~"(shop|cart)"}', "namespace=shop"),
    *(
        '{alertname="Some", namespace="shop"}',
        'alertname=~"A|B", namespace = "shop",',
        '"Some alert"{namespace="shop"}',
    ),
    *('Some{namespace=~"shop-.*"}', 'Some{namespace!="shop"}', 'Some{namespace!~"shop"}', 'Some{namespace=~"kube|.+"}'),
    *('Some{exported_namespace="cart", namespace="shop"}', 'Some{exported_namespace!="cart", namespace="shop"}'),
    *('Some{exported_namespace=~"c.*", namespace="shop"}', 'Some{"namespace"="shop"}', 'Some{namespace="Shop"}'),
    *('Some{summary="a, namespace=\\"shop\\""}', 'Some{summary="{namespace=shop}", namespace="cart"}', "Some"),
    *('Some{namespace="shop", namespace=~"cart|shop"}', 'Some{namespace=~""}', 'Some{namespace="sh\\"op"}', "Some{}"),
    *('"a, namespace=shop"{severity="page"}', 'Some{namespace=~"shop||cart"}', 'Some{namespace=~"-a|b"}'),
    *('Some{team="shop", severity!="info"}', 'Some{namespace=shop,severity=~"page|warn"}'),
]
QUERIES = [
    'sum by (namespace, deployment) (rate(errors_total{namespace="shop"}[5m])) > 1',
    'a{namespace="shop", deployment!=""} > b{namespace="cart"}',
    'a{namespace="shop", deployment!=""} > b{namespace=~"shop"}',
    "up{deployment!=''} == 0",
    "up == 0",
    'label_replace(a{namespace="shop"}, "namespace", "x", "y", "z")',
    'count_values by (namespace) ("namespace", a{namespace="shop"})',
    'count_values("namespace", a{namespace="shop"})',
    'sum(a{namespace="shop"}) by (deployment, namespace) offset 5m > 3',
    'a{namespace="shop"} offset -1h or on(namespace, deployment) group_left(team) b{namespace="shop"}',
    'a{namespace="shop"} and on(namespace, deployment) up',
    'a{namespace="shop"}[5m]',
    'max_over_time(a{namespace="shop"}[1h:5m]) >= bool 0.5e3',
    'rate(a{namespace="shop"}[5m]) > on (namespace) group_left sum by (namespace) (b{namespace="shop"} @ start())',
    "a{namespace='shop'} > 1e9 # b{namespace=\"cart\"} and up",
    "a{namespace=`shop`} > Inf",
    '{__name__="a", namespace="shop"} unless {__name__=~"b|c", namespace="shop"}',
    '{"a.b", namespace="shop"} > 0',
    'a{namespace="shop" or namespace="cart"}',
    'a{x="or", namespace="shop"}',
    'a{x="}", namespace="shop", y="{"} > 0',
    'absent(a{namespace="shop", deployment="web"})',
    'predict_linear(a{namespace="shop"}[30m], 1800) > 1e9',
    'a{namespace="shop", namespace="cart"}',
    'a{exported_namespace="shop"}',
    'topk(3, a{namespace="shop"}) > scalar(sum(b{namespace="shop"}))',
    'topk(3, a{namespace="shop"}) > scalar(sum(b))',
    'histogram_quantile(0.9, sum by (le, namespace) (rate(a_bucket{namespace="shop"}[5m]))) > 0x1F',
    'time() - a{namespace="shop"} > 60 and hour() < 5',
    'a:b:c{namespace="shop"} > nan',
    'avg_over_time(a{namespace="shop"}[5m] offset 1w) ^ 2 atan2 b{namespace="shop"}',
    'info(a{namespace="shop"})',
    'a{namespace="shop"} smoothed',
    'rate(a{namespace="shop"}[5m * 2])',
]


def test_where_signals_confine_a_rule(both: Both) -> None:
    names = ({"kind": "Deployment"}, {"kind": "Namespace", "label": "namespace"}, {"kind": "Node"})
    spaces = {"kind": "Deployment", "namespace_label": "exported_namespace"}
    cases = [
        case(alerting(alert, target, [{"delete_pods": {}} if target["kind"] == "Namespace" else "none"]))
        for alert, target in itertools.product(ALERTS, (*names, spaces))
    ]
    cases += [
        case({"when": {"query": query}, "target": target, "do": ["none"]})
        for query, target in itertools.product(QUERIES, (*names[::2], spaces))
    ]
    assert both.agree(cases) > 100


def test_rules_together_and_the_shipped_ones(both: Both, repository: Path) -> None:
    files = [*sorted((repository / "rules").glob("*.yaml")), repository / "remediator/demo/rules.yaml"]
    cases = [
        case(alerting(do=["restart"]), alerting("Some", do=["rollback"]), alerting('X{namespace="cart"}', do=["none"]))
    ]
    for file in files:
        base = case()
        base["rules"]["some.yaml"] = yaml.safe_load(file.read_text())
        cases += [base, {**base, "config": {**base["config"], "mode": "observe"}}]
    assert both.agree(cases) == len(cases)


@pytest.fixture(scope="module")
def repository() -> Path:
    return CHART.parents[1]


NAMES = st.sampled_from(["shop", "cart", "a-1", "kube-system", "Shop", "x.*", ""])
MATCHERS = st.builds(
    '{0}{3}{1}{3}"{2}"'.format,
    st.sampled_from(["namespace", "exported_namespace", "team", '"namespace"', "deployment"]),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.lists(NAMES, min_size=1, max_size=3).map("|".join),
    st.sampled_from(["", " "]),
)
SELECTORS = st.builds(lambda metric, inside: f"{metric}{{{', '.join(inside)}}}" if inside else metric,
    st.sampled_from(["up", "a:b", "by_x", "offset_total"]), st.lists(MATCHERS, max_size=3))  # fmt: skip


def _around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One query more around others."""
    return st.one_of(
        inner,
        st.builds("sum by (namespace, deployment) ({})".format, inner),
        st.builds("{} > 1".format, inner),
        st.builds("({} {} on(namespace, deployment) {})".format, inner, st.sampled_from(["and", "or", "/"]), inner),
        st.builds("max(rate({}[5m])) without (pod)".format, SELECTORS),
        st.builds('label_replace({}, "a", "b", "c", "d")'.format, inner),
        st.builds("clamp_max(avg_over_time({}[1h:5m]), 3e2)".format, SELECTORS),
    )


PROMQL = _around(_around(SELECTORS))
RULES = st.one_of(
    st.builds(lambda found: {"when": {"alert": "Some{" + ", ".join(found) + "}"}}, st.lists(MATCHERS, max_size=4)),
    st.builds(lambda query: {"when": {"query": query}}, PROMQL),
)


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(rules=st.lists(st.tuples(RULES, st.sampled_from(STEPS)), min_size=40, max_size=60))
def test_signals_that_nobody_thought_of(both: Both, rules: list[tuple[Json, Any]]) -> None:
    both.agree([case({**rule, "target": {"kind": "Deployment"}, "do": [step]}) for rule, step in rules])
