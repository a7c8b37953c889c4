"""Rules on objects of a real cluster: signals on change, through an API server that goes and forgets."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.lab.answering import HTTP
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.real.conftest import Install
from tests.real.service import RIGHTS, Service

pytestmark = pytest.mark.lab

FOLLOWED = [
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
]


def rules(namespace: str, *names: str) -> str:
    """Rules on a node of the test's own, and on Deployments of its namespace."""
    selector = f"lab/test={namespace}"
    known = {
        "cordoned": {"kind": "Node", "selector": selector, "where": "object.spec.unschedulable == true"},
        "paused": {"kind": "Deployment", "namespace": namespace, "where": "object.spec.paused == true"},
    }
    tell = [{"escalate": {"receiver": "oncall"}}]
    some = [{"name": name, "when": {"object": known[name], "for": "1h"}, "do": tell} for name in names]
    return yaml.safe_dump({"groups": [{"name": "objects", "rules": some}]})


def signals(service: Service) -> list[str]:
    return [f"{line['data']['status']} {line['data']['labels']['kind']}" for line in service.lines("signal")]


def said(service: Service, *expected: str) -> None:
    wait_for(lambda: signals(service), lambda seen: seen == list(expected), f"the signals {expected}")


def sources(service: Service) -> list[bool]:
    return [line["data"]["up"] for line in service.lines("source")]


def test_objects_fire_on_change_through_an_api_server_that_goes_and_forgets_and_rules_that_change(
    lab: Lab, namespace: str, account: MakeAccount, install: Install, receivers: list[Any]
) -> None:
    node = f"node-of-{namespace}"
    lab.admin.create(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": {"lab/test": namespace}}}
    )
    me = account(RIGHTS, cluster_rules=FOLLOWED, name="follower")
    access = {"kubeconfig": str(me.kubeconfig), "max_cache_age": "10s"}
    service = install(rules(namespace, "cordoned"), me.kubeconfig, receivers=receivers, kubernetes=access)
    service.settings["reload_interval"] = "500ms"
    service.start()
    try:
        _walk(lab, namespace, node, service)
    finally:
        lab.admin.delete("nodes", node)
    assert lab.writes(me) == ()
    service.verify()


def _walk(lab: Lab, namespace: str, node: str, service: Service) -> None:
    lab.admin.patch("nodes", node, {"spec": {"unschedulable": True}})
    said(service, "firing Node")
    lab.admin.patch("nodes", node, {"spec": {"unschedulable": None}})
    said(service, "firing Node", "resolved Node")

    lab.admin.patch("nodes", node, {"spec": {"unschedulable": True}})
    said(service, "firing Node", "resolved Node", "firing Node")
    with lab.control_plane.api_server_down():
        wait_for(lambda: sources(service), lambda seen: not seen[-1], "the old cache to be said")
        ready = HTTP.get(f"{service.url}/readyz").json()
        assert any(check["name"] == "caches" and not check["ok"] for check in ready["checks"])
    lab.admin.patch("nodes", node, {"spec": {"unschedulable": None}})
    said(service, "firing Node", "resolved Node", "firing Node", "resolved Node")
    assert all(earlier is not later for earlier, later in pairwise(sources(service))), "each said once"

    file = service.folder / "rules.yaml"
    good = rules(namespace, "paused")
    file.write_text(good + "oops: 1\n")
    wait_for(
        lambda: service.lines("rules")[-1]["data"]["error"],
        lambda error: "unknown key `oops`" in error,
        "the mistake in the journal",
    )
    next_file = file.with_suffix(".next")
    next_file.write_text(good)
    os.replace(next_file, file)
    wait_for(lambda: service.lines("rules")[-1]["data"], lambda data: data["removed"] == ["cordoned"], "the new rules")
    lab.admin.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "paused": True,
                "replicas": 0,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "app", "image": "example.test/app:1"}]},
                },
            },
        },
        namespace,
    )
    wait_for(lambda: signals(service)[-1], lambda seen: seen == "firing Deployment", "the Deployment to fire")
