"""What the chart makes of values, rendered by the real Helm: whom the pod may talk to, what it mounts, its restarts."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from helm.generate import MONITORING
from tests.lab.helm import CHART, Helm

pytestmark = pytest.mark.lab

Json = dict[str, Any]


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("helm"))


def one(rendered: list[Json], kind: str, suffix: str = "") -> Json:
    (found,) = [each for each in rendered if each["kind"] == kind and each["metadata"]["name"] == f"remediator{suffix}"]
    return found


def pod(rendered: list[Json]) -> Json:
    workload = next(each for each in rendered if each["kind"] in ("StatefulSet", "Deployment"))
    return workload["spec"]["template"]


def names(peers: list[Json]) -> list[str]:
    return [each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in peers]


ADDRESSES: Json = {
    "config": {
        "prometheus": {"url": "http://prometheus.monitoring.svc.cluster.local:9090/prom"},
        "alertmanager": {"urls": ["http://am-0.am.alerting.svc:9093", "https://alerts.example.org"]},
        "web": {"external_url": "https://remediator.example.org:4443"},
        "receivers": [
            {
                "name": "oncall",
                "webhook_configs": [
                    {"url": "http://pager"},
                    {"url": "http://192.0.2.7:8443/x"},
                    {
                        "url": "http://[2001:db8::1]:8444/x",
                        "http_config": {"proxy_url": "http://proxy.example.org:3128"},
                    },
                ],
                "email_configs": [
                    {"to": "a@example.org", "from": "b@example.org", "smarthost": "mail.example.org:587"}
                ],
            }
        ],
    },
    "database": {"url": "postgresql://remediator@db.databases/remediator"},
    "rulesFrom": {"git": {"enabled": True, "repository": "git@git.example.org:ops/rules.git"}},
}


def test_the_network_policy_follows_the_addresses_that_values_have(helm: Helm) -> None:
    policy = one(helm.render(ADDRESSES), "NetworkPolicy")["spec"]
    assert names(policy["ingress"][0]["from"]) == ["alerting", "monitoring", "ops"]
    names_and_api, inside, outside = policy["egress"]
    assert {each["port"] for each in names_and_api["ports"]} == {53, 443, 6443}
    assert names(inside["to"]) == ["alerting", "databases", "monitoring", "ops"]
    assert {each["port"] for each in outside["ports"]} == {22, 443, 587, 3128, 5432, 8443, 8444}


def test_probes_follow_tls_and_only_look_for_the_port_where_clients_need_a_certificate(helm: Helm) -> None:
    tls = {"cert_file": "/secrets/tls/tls.crt", "key_file": "/secrets/tls/tls.key"}
    plain, served, mutual = (
        pod(helm.render({"config": {"web": web}}))["spec"]["containers"][0]["readinessProbe"]
        for web in ({}, {"tls_config": tls}, {"tls_config": {**tls, "client_ca_file": "/secrets/tls/ca.crt"}})
    )
    assert plain["httpGet"] == {"path": "/readyz", "port": "http", "scheme": "HTTP"}
    assert served["httpGet"]["scheme"] == "HTTPS"
    assert (mutual.get("httpGet"), mutual["tcpSocket"]) == (None, {"port": "http"})


def test_new_settings_restart_the_pod_and_new_rules_do_not(helm: Helm) -> None:
    def restarts(values: Json) -> str:
        return pod(helm.render(values))["metadata"]["annotations"]["checksum/config"]

    def rule(name: str) -> Json:
        rules = [{"name": name, "when": {"alert": "Some"}, "do": ["none"]}]
        return {"rules": {"some.yaml": {"groups": [{"name": "some", "rules": rules}]}}}

    assert restarts(rule("a")) == restarts(rule("b"))
    assert restarts({"config": {"mode": "observe"}}) != restarts({"config": {"mode": "enforce"}})


def test_of_a_secret_only_the_key_that_is_named_is_mounted_and_all_of_it_where_it_is_named_whole(helm: Helm) -> None:
    values = {
        "webhook": {"tokenSecret": {"name": "tokens", "key": "webhook"}},
        "operators": [{"name": "alice", "roles": ["view"], "tokenSecret": {"name": "tokens", "key": "alice"}}],
        "secrets": ["whole"],
    }
    rendered = helm.render(values)
    secrets = {
        each["secret"]["secretName"]: each["secret"] for each in pod(rendered)["spec"]["volumes"] if "secret" in each
    }
    assert [each["key"] for each in secrets["tokens"]["items"]] == ["webhook", "alice"]
    assert "items" not in secrets["whole"]
    settings = one(rendered, "ConfigMap")["data"]["remediator.yaml"]
    assert "webhook_token_file: /secrets/tokens/webhook" in settings
    assert "token_file: /secrets/tokens/alice" in settings


def test_what_keeps_in_step_with_git_has_no_token_of_the_account(helm: Helm) -> None:
    git = {"enabled": True, "repository": "https://git.example.org/rules.git"}
    spec = pod(helm.render({"rulesFrom": {"git": git}}))["spec"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    for container in (*spec["initContainers"], spec["containers"][1]):
        mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        assert "emptyDir" in volumes[mounted["/var/run/secrets/kubernetes.io/serviceaccount"]]
    own = [each["mountPath"] for each in spec["containers"][0]["volumeMounts"]]
    assert "/var/run/secrets/kubernetes.io/serviceaccount" not in own


def test_a_repository_that_does_not_answer_leaves_the_pod_ready(helm: Helm) -> None:
    """git-sync ends at the first failure unless it is told otherwise, and a pod is as ready as its containers."""
    git = {"enabled": True, "repository": "https://git.example.org/rules.git"}
    spec = pod(helm.render({"rulesFrom": {"git": git}}))["spec"]
    assert "--max-failures=-1" in spec["containers"][1]["args"]
    assert "--one-time" in spec["initContainers"][0]["args"]


def test_alerts_and_dashboard_are_those_of_the_repository(helm: Helm) -> None:
    rendered = helm.render({name: {"enabled": True} for name in ("prometheusRule", "dashboard")})
    wanted = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
    assert one(rendered, "PrometheusRule")["spec"] == wanted["spec"]
    dashboard = one(rendered, "ConfigMap", "-dashboard")["data"]["remediator.json"]
    assert json.loads(dashboard) == json.loads((MONITORING / "dashboard.json").read_text())


def test_notes_say_what_is_to_be_done_next(helm: Helm) -> None:
    def notes(values: Json) -> str:
        return helm.run("install", "remediator", CHART, "--dry-run=client", "--namespace", "ops", values=values)

    bare = notes({})
    assert "changes nothing" in bare
    assert "There are no rules yet" in bare
    assert "--set webhook.tokenSecret.name=remediator-webhook" in bare
    git = {"enabled": True, "repository": "https://git.example.org/rules.git"}
    given = notes(
        {"rulesFrom": {"git": git}, "persistence": {"enabled": False}, "webhook": {"tokenSecret": {"name": "a"}}}
    )
    assert "remediator rbac --output values" in given
    assert "WARNING: persistence.enabled is false" in given
    assert "http://remediator.ops.svc:8080/webhook/alertmanager" in given
