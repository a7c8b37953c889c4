"""Custom resources as signals and as targets, of a definition that the API server has: by their full kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE
from tests.real.conftest import Install
from tests.real.service import RIGHTS, alert

pytestmark = pytest.mark.lab

GROUP = "custom-kinds.example.test"
WIDGETS = f"/apis/{GROUP}/v1/namespaces/{{}}/widgets"
MAY = [{"apiGroups": [GROUP], "resources": ["widgets"], "verbs": ["get", "list", "watch", "patch"]}]
RULES = f"""
groups:
  - name: widgets
    guards: {{startup_grace: 0s, cooldown: 0s, last_replica: allow}}
    rules:
      - name: mend
        when: {{object: {{kind: Widget.v1.{GROUP}, where: 'object.spec.broken == true'}}}}
        do: [{{patch: {{patch: {{spec: {{broken: false}}}}}}}}]
        until: {{check: 'object.spec.broken == false', for: 1s, within: 20m}}
      - name: note
        when: {{alert: Odd}}
        target: {{kind: Widget.v1.{GROUP}}}
        do: [{{patch: {{patch: {{metadata: {{annotations: {{noted: 'yes'}}}}}}}}}}]
        until: {{for: 1s, within: 20m}}
"""


@pytest.fixture
def widgets(lab: Lab) -> Iterator[None]:
    """The definition, as long as the test runs."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"broken": {"type": "boolean"}}}},
    }
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    lab.admin.create(definition)
    wait_for(lambda: lab.admin.request("GET", f"/apis/{GROUP}/v1/widgets"), bool, "the definition to be served")
    yield
    lab.admin.delete("customresourcedefinitions", f"widgets.{GROUP}")


def widget(lab: Lab, namespace: str, name: str, broken: bool) -> dict[str, Any]:
    body = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"broken": broken}}
    return lab.admin.request("POST", WIDGETS.format(namespace), body)


def owned_pod(owner: dict[str, Any]) -> dict[str, Any]:
    """A pod as the controller of a widget would make it."""
    reference = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "controller": True}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{owner['metadata']['name']}-0", "ownerReferences": [reference]},
        "spec": {"containers": [{"name": "app", "image": GOOD_IMAGE}]},
    }


def test_a_custom_resource_fires_on_its_change_is_patched_and_found_as_the_owner_of_a_pod(
    lab: Lab, namespace: str, account: MakeAccount, install: Install, widgets: None
) -> None:
    me = account(RIGHTS, cluster_rules=MAY, name="mender")
    service = install(RULES, me.kubeconfig).start()
    widget(lab, namespace, "one", broken=True)
    two = widget(lab, namespace, "two", broken=False)
    lab.admin.create(owned_pod(two), namespace)

    closed = service.wait_for_line("incident_closed", reason="recovered")
    assert closed["target"]["kind"] == f"Widget.v1.{GROUP}"
    assert lab.admin.request("GET", f"{WIDGETS.format(namespace)}/one")["spec"]["broken"] is False

    service.post(alert("Odd", namespace, pod="two-0"))
    wait_for(lambda: service.lines("incident_closed"), lambda lines: len(lines) == 2, "the second incident's end")
    noted = lab.admin.request("GET", f"{WIDGETS.format(namespace)}/two")["metadata"]["annotations"]
    assert noted["noted"] == "yes"
    writes = [(one.verb, one.resource, one.name) for one in lab.writes(me)]
    assert writes == [("patch", "widgets", "one"), ("patch", "widgets", "two")]
    service.verify()
