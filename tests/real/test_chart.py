"""The chart with the real Helm against the real API server: a covering set of its values is what the server takes, a
release of the chart of before is upgraded with its journal, and wrong values are refused by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from remediator.config import load_rules, load_settings
from tests.lab.covering import pairwise
from tests.lab.fixtures import fresh_name
from tests.lab.helm import CHART, Helm, HelmError
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.unit.chart.test_made import said
from tests.unit.repository.sources import ROOT, Document

pytestmark = pytest.mark.lab

Json = dict[str, Any]
DATA = ROOT / "tests" / "data" / "chart"
BEFORE = sorted(path for path in DATA.iterdir() if (path / "Chart.yaml").exists())
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
PLATFORMS = sorted((ROOT / "docs" / "platforms").glob("*.yaml"))
BAD = sorted((DATA / "bad").glob("*.yaml"))


@pytest.fixture(scope="module")
def home(lab: Lab) -> Iterator[str]:
    """A namespace whose pods must be as the Pod Security Standard `restricted` wants them."""
    name = fresh_name("test_chart")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    lab.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    lab.admin.wait_for("serviceaccounts", "default", name, lambda account: True, timeout=240)
    yield name
    lab.admin.delete("namespaces", name)


@pytest.fixture(scope="module")
def helm(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("helm"), lab.kubeconfig())


@pytest.fixture(scope="module")
def operator_types(lab: Lab) -> None:
    """The types of the Prometheus Operator."""
    for each in yaml.safe_load_all((DATA / "crds.yaml").read_text()):
        lab.admin.create(each)
        lab.admin.wait_for("customresourcedefinitions", each["metadata"]["name"], "", _established, timeout=120)


def _established(crd: Json) -> bool:
    return _is(crd, "Established")


def _is(live: Json, condition: str) -> bool:
    found = live.get("status", {}).get("conditions", ())
    return any(each["type"] == condition and each["status"] == "True" for each in found)


def rules(namespace: str) -> Json:
    """Rules whose rights are in the cluster, and in one namespace."""
    alert = {"alert": f'Stuck{{namespace="{namespace}"}}', "for": "2m"}
    undo = {"name": "undo", "when": alert, "target": {"kind": "Deployment"}, "do": ["rollback"]}
    drain = {"name": "drain", "when": {"alert": "NodeBad"}, "target": {"kind": "Node"}, "do": ["drain"]}
    return {"some.yaml": {"groups": [{"name": "some", "rules": [undo, drain]}]}}


TLS = {"cert_file": "/secrets/tls/tls.crt", "key_file": "/secrets/tls/tls.key"}
MONITORED = ("serviceMonitor", "prometheusRule", "dashboard")
SELECTED: Json = {"enabled": True, "labels": {"release": "stack"}}
UNCHECKED = {"tlsConfig": {"insecureSkipVerify": True}}
MONITORED_IN_DETAIL: Json = {
    "serviceMonitor": {
        **SELECTED, **UNCHECKED,
        "interval": "1m",
        "relabelings": [{"action": "replace", "targetLabel": "cluster", "replacement": "prod-1"}],
    },
    "prometheusRule": SELECTED,
    "dashboard": {"enabled": True, "namespace": "default", "labels": {"a": "b"}, "annotations": {"folder": "Ops"}},
    "alertmanagerConfig": {
        **SELECTED, **UNCHECKED,
        "matchers": [{"name": "severity", "matchType": "!=", "value": "none"}],
        "groupBy": ["alertname"],
        "groupWait": "1s",
        "groupInterval": "5m",
        "repeatInterval": "4h",
    },
}  # fmt: skip
RESOURCES: Json = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}
GIT_SYNC: Json = {
    "image": {"repository": "mirror/git-sync", "tag": "v4", "digest": f"sha256:{'1' * 64}", "pullPolicy": "Always"},
    "period": "5m",
    "resources": RESOURCES,
    "runAsUser": 1000,
}


def choices(home: str) -> dict[str, list[Json]]:
    """What values may be, and what goes with what else."""
    git = {"enabled": True, "repository": "https://git.example.org/rules.git", "secret": "git", "username": "reader"}
    ssh = {"enabled": True, "repository": "git@git.example.org:rules.git", "secret": "git", **GIT_SYNC}
    given = {"namespace": home, "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]}
    return {
        "journal": [
            {},
            {"persistence": {"existingClaim": "mine"}},
            {"persistence": {"enabled": False}},
            {"persistence": {"storageClass": "fast", "annotations": {"a": "b"}, "accessModes": ["ReadWriteOncePod"]}},
            {"replicas": 0},
            {"database": {"url": "postgresql://a@db.databases/b"}, "podDisruptionBudget": {"enabled": False}},
            {
                "database": {"url": "postgresql://a@db/b", "passwordSecret": {"name": "db", "key": "pw"}},
                "podDisruptionBudget": {"maxUnavailable": "50%"},
                "replicas": 3,
            },
        ],
        "rules": [
            {},
            {"rules": rules(home)},
            {"rulesFrom": {"configMaps": ["one", "two"]}, "rules": rules(home)},
            {"rulesFrom": {"git": git}},
            {"rulesFrom": {"git": ssh, "configMaps": ["one"]}},
        ],
        "rights": [{}, {"rbac": {"clusterWide": True}}, {"rbac": {"create": False}}, {"rbac": {"roles": [given]}}],
        "account": [
            {},
            {"serviceAccount": {"create": False, "name": "mine"}},
            {"serviceAccount": {"annotations": {"a": "b"}}},
        ],
        "network": [{}, {"networkPolicy": {"enabled": False}}, {"networkPolicy": {"from": [{"podSelector": {}}]}}],
        "tls": [
            {},
            {"web": {"tls_config": TLS}},
            {"web": {"tls_config": {**TLS, "client_ca_file": "/secrets/tls/ca.crt"}}},
        ],
        "webhook": [{}, {"webhook": {"tokenSecret": {"name": "hook", "key": "bearer"}}}],
        "names": [{}, {"nameOverride": "mender"}, {"fullnameOverride": "mender"}],
        "operators": [{}, {"operators": [{"name": "alice", "roles": ["view"], "tokenSecret": {"name": "alice"}}]}],
        "monitored": [
            {},
            {name: {"enabled": True} for name in (*MONITORED, "alertmanagerConfig")},
            MONITORED_IN_DETAIL,
        ],
        "place": [
            {},
            {
                "nodeSelector": {"pool": "ops"},
                "tolerations": [{"key": "ops", "operator": "Exists"}],
                "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
                "priorityClassName": "system-cluster-critical",
                "podLabels": {"team": "ops"},
                "podAnnotations": {"a": "b"},
                "labels": {"team": "ops"},
                "annotations": {"a": "b"},
            },
        ],
        "pod": [
            {},
            {
                "image": {"repository": "mirror/remediator", "tag": "v1", "pullPolicy": "Always"},
                "resources": RESOURCES,
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                "probes": {
                    "startupProbe": {"periodSeconds": 1, "failureThreshold": 300},
                    "livenessProbe": {"initialDelaySeconds": 5},
                    "readinessProbe": {"successThreshold": 2},
                },
                "terminationGracePeriodSeconds": 60,
                "imagePullSecrets": [{"name": "registry"}],
                "env": [{"name": "TZ", "value": "UTC"}],
                "extraVolumes": [{"name": "more", "emptyDir": {}}],
                "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
                "secrets": ["tls"],
                "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
                "service": {"type": "LoadBalancer", "port": 443, "annotations": {"a": "b"}},
                "listenAddress": "[::]",
            },
        ],
    }


def combined(row: dict[str, Json]) -> Json:
    """The values of a row of choices."""
    found: Json = {"config": {"mode": "enforce", "prometheus": {"url": "http://prometheus.monitoring:9090"}}}
    for name, choice in row.items():
        target = found["config"] if name == "tls" else found
        target |= choice
    if not found.get("webhook"):  # the chart refuses it then
        found.pop("alertmanagerConfig", None)
    return found


def tried(home: str) -> dict[str, Json]:
    """The values of each row, of each case of `ci/`, of each platform and of the pages, by a name."""
    found = {f"row{place}": combined(row) for place, row in enumerate(pairwise(choices(home)))}
    found |= {path.stem.removesuffix("-values"): yaml.safe_load(path.read_text()) for path in (*CASES, *PLATFORMS)}
    one, several = (written(heading, home) for heading in ("Beside kube-prometheus-stack", "Several replicas"))
    return found | {"installing": one, "several": {**one, **several}}


def written(heading: str, shop: str) -> Json:
    """The first values that docs/installing.md has below a heading, with a namespace that is there for its `shop`."""
    return yaml.safe_load(Document(ROOT / "docs/installing.md").below(heading, "yaml")[0].replace("shop", shop))


def test_all_that_is_rendered_is_taken_by_the_api_server(
    lab: Lab, helm: Helm, home: str, operator_types: None, tmp_path: Path
) -> None:
    """By a dry run that refuses unknown fields, and warns where a pod is not as `restricted` wants it."""
    rendered = {name: helm.render(values, name=name, namespace=home) for name, values in tried(home).items()}
    assert len(rendered) > 30
    placed = (_placed(one, home) for each in rendered.values() for one in each)
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(placed))
    command = [lab.kubectl, "apply", "-f", tmp_path / "all.yaml", "--server-side", "--dry-run=server"]
    done = subprocess.run(
        [*map(str, command), "--validate=strict", f"--kubeconfig={lab.kubeconfig()}"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    warnings = [line for line in done.stderr.splitlines() if "Waited before sending request" not in line]
    assert (done.returncode, warnings) == (0, []), done.stderr  # whoever is held up for a second says that it waited
    assert len(done.stdout.splitlines()) == sum(map(len, rendered.values()))
    for name, each in rendered.items():
        _readable(each, tmp_path / name)


def _placed(manifest: Json, home: str) -> Json:
    """The manifest with the namespace that Helm would send it to. A pod's account must be there."""
    if not manifest["kind"].startswith("Cluster"):
        manifest["metadata"].setdefault("namespace", home)
    if manifest["kind"] == "Pod":
        manifest["spec"]["serviceAccountName"] = "default"
    return manifest


def _readable(rendered: list[Json], folder: Path) -> None:
    """The service would take settings and rules as they are mounted."""
    maps = [each["data"] for each in rendered if each["kind"] == "ConfigMap"]
    text = next(data["remediator.yaml"] for data in maps if "remediator.yaml" in data)
    places = folder / "rules"
    for kind in ("values", "from/one", "from/two", "git/current/rules/deep"):
        (places / kind).mkdir(parents=True)
        (places / kind / "given.yaml").write_text("groups: []\n")
    (places / "git/current/rules/given.yaml").write_text("groups: []\n")
    for name, rule_file in [each for data in maps for each in data.items() if each[0] == "some.yaml"]:
        (places / "values" / name).write_text(rule_file)
    (folder / "remediator.yaml").write_text(text.replace("- /rules/", f"- {places}/"))
    load_rules(load_settings(folder / "remediator.yaml"))


def test_every_value_is_tried_as_another_than_its_default() -> None:
    known = {path for path, one in said() if "default" in one}
    assert known - {path for values in tried("some").values() for path in _paths(values)} == set()


def _paths(values: Json, before: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{before}{name}"
        if isinstance(value, dict):
            yield from _paths(value, f"{before}{name}.")


def test_two_rows_of_any_two_choices_are_enough_to_meet_all() -> None:
    rows = list(pairwise(choices("some")))
    assert 25 < len(rows) < 60


def test_helm_finds_nothing_to_complain_of(helm: Helm) -> None:
    for path in (*CASES, *PLATFORMS):
        assert "0 chart(s) failed" in helm.run("lint", CHART, "--strict", values=yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_wrong_value_is_refused_and_named(helm: Helm, path: Path) -> None:
    with pytest.raises(HelmError) as refused:
        helm.render(yaml.safe_load(path.read_text()))
    wanted = path.with_suffix(".txt").read_text().strip().splitlines()
    assert [line for line in wanted if line not in str(refused.value)] == [], refused.value


class Release:
    """A release in the lab, and what is there of it."""

    def __init__(self, lab: Lab, helm: Helm, home: str, name: str) -> None:
        self.lab, self.helm, self.home, self.name = lab, helm, home, name

    def bring(self, command: str, chart: Path, values: Json) -> None:
        self.helm.run(command, self.name, chart, "--namespace", self.home, values=values)

    def back(self, revision: int) -> None:
        self.helm.run("rollback", self.name, str(revision), "--namespace", self.home)

    def workload(self, kind: str) -> Json:
        return self.lab.admin.get(kind, self.name, self.home)

    def settings(self) -> Json:
        return yaml.safe_load(self.lab.admin.get("configmaps", self.name, self.home)["data"]["remediator.yaml"])

    def passes_its_check(self, folder: Path) -> None:
        """Wait until what `helm test` has the product check holds: its rights are in several roles."""
        wait_for(lambda: self.check(folder), lambda done: done.startswith("0 "), f"the check of {self.name}", 600)

    def check(self, folder: Path) -> str:
        """How `remediator check` ends under the release's account, and what it says."""
        text = self.lab.admin.get("configmaps", self.name, self.home)["data"]["remediator.yaml"]
        (folder / "values").mkdir(exist_ok=True)
        for name, body in self.lab.admin.get("configmaps", f"{self.name}-rules", self.home)["data"].items():
            (folder / "values" / name).write_text(body)
        (folder / "remediator.yaml").write_text(text.replace("- /rules/", f"- {folder}/"))
        command = [
            sys.executable,
            "-m",
            "remediator",
            "check",
            "--config",
            str(folder / "remediator.yaml"),
            "--cluster",
        ]
        account = self.lab.account_of(self.name, self.home)
        account.api.close()
        done = subprocess.run(
            [*command, "--namespace", self.home],
            env=os.environ | {"KUBECONFIG": str(account.kubeconfig)},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return f"{done.returncode} {done.stdout}{done.stderr}"

    def settles(self, allowed: bool, verb: str, resource: str, namespace: str, group: str = "") -> None:
        """Wait until it may, or may not: the API server's own cache of roles is a moment behind."""
        asked = f"whether {self.name} may {verb} {resource} in {namespace or 'the cluster'}"
        wait_for(lambda: self.may(verb, resource, namespace, group), lambda found: found is allowed, asked, 240)

    def may(self, verb: str, resource: str, namespace: str, group: str = "") -> bool:
        """Whether its account may, as RBAC says."""
        asked = {"verb": verb, "resource": resource, "group": group, "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": f"system:serviceaccount:{self.home}:{self.name}", "resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return self.lab.admin.request("POST", path, body)["status"]["allowed"]


def volume(name: str) -> Json:
    """A volume for a claim without a class: the lab provisions none."""
    spec = {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": f"/tmp/{name}"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


CLAIM = "journal-remediator-0"


@pytest.mark.parametrize("before", BEFORE, ids=lambda path: path.name)
def test_an_upgrade_and_a_rollback_keep_the_journal_and_the_rights_follow_the_rules(
    lab: Lab, helm: Helm, home: str, before: Path, tmp_path: Path
) -> None:
    lab.admin.create(volume(f"{home}-journal"))
    release = Release(lab, helm, home, "remediator")
    release.bring("install", before, {"config": {"mode": "observe"}})
    first = lab.admin.wait_for("pods", "remediator-0", home, _runs, timeout=300)
    claim = lab.admin.wait_for("persistentvolumeclaims", CLAIM, home, lambda one: one["status"]["phase"] == "Bound")
    old = release.workload("statefulsets")
    release.settles(False, "patch", "deployments", home, "apps")

    release.bring("upgrade", CHART, {"config": {"mode": "enforce"}, "rules": rules(home)})
    assert release.settings()["mode"] == "enforce"
    release.settles(True, "patch", "deployments", home, "apps")
    release.settles(False, "patch", "deployments", "default", "apps")
    release.settles(True, "patch", "nodes", "")
    release.passes_its_check(tmp_path)
    second = lab.admin.wait_for("pods", "remediator-0", home, lambda one: _replaces(one, first), timeout=300)
    assert _journal(second) == _journal(first) == {"/var/lib/remediator": CLAIM}
    new = release.workload("statefulsets")
    assert new["metadata"]["uid"] == old["metadata"]["uid"]
    assert new["spec"]["volumeClaimTemplates"] == old["spec"]["volumeClaimTemplates"]

    release.back(1)
    assert release.settings()["mode"] == "observe"
    release.settles(False, "patch", "deployments", home, "apps")
    third = lab.admin.wait_for("pods", "remediator-0", home, lambda one: _replaces(one, second), timeout=300)
    assert _journal(third) == _journal(first)

    helm.run("uninstall", "remediator", "--namespace", home)
    kept = lab.admin.get("persistentvolumeclaims", CLAIM, home)
    assert kept["metadata"]["uid"] == claim["metadata"]["uid"]
    lab.admin.delete("persistentvolumeclaims", CLAIM, home)
    lab.admin.delete("persistentvolumes", f"{home}-journal")


def _runs(pod: Json) -> bool:
    return _is(pod, "Ready")


def _replaces(pod: Json, other: Json) -> bool:
    return pod["metadata"]["uid"] != other["metadata"]["uid"] and _runs(pod)


def _journal(pod: Json) -> dict[str, str]:
    """Where which claim is mounted in the service's container."""
    claims = {each["name"]: each.get("persistentVolumeClaim") for each in pod["spec"]["volumes"]}
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    return {each["mountPath"]: claim["claimName"] for each in mounts if (claim := claims.get(each["name"]))}


def test_replicas_over_postgresql_may_hold_their_lease_and_one_may_be_away(lab: Lab, helm: Helm, home: str) -> None:
    release = Release(lab, helm, home, "remediator-shared")
    values = {"database": {"url": "postgresql://a@db/b"}}
    release.bring("install", CHART, values)
    lab.admin.wait_for("deployments", release.name, home, lambda one: _ready(one) == 2, timeout=300)
    assert release.settings()["leader_election"] == {"lease": "remediator-shared"}
    release.settles(True, "create", "leases", home, "coordination.k8s.io")
    release.settles(False, "create", "leases", "default", "coordination.k8s.io")
    budget = lab.admin.wait_for("poddisruptionbudgets", release.name, home, _allows, timeout=300)
    assert (budget["status"]["expectedPods"], budget["status"]["disruptionsAllowed"]) == (2, 1)
    release.bring("upgrade", CHART, values | {"replicas": 3})
    assert release.workload("deployments")["spec"]["replicas"] == 3
    helm.run("uninstall", release.name, "--namespace", home)


def _ready(deployment: Json) -> int:
    return deployment["status"].get("readyReplicas", 0)


def _allows(budget: Json) -> bool:
    return budget["status"].get("disruptionsAllowed", 0) > 0


def test_the_pod_of_helm_test_is_admitted_where_pods_are_restricted(lab: Lab, helm: Helm, home: str) -> None:
    text = helm.run("template", "tried", CHART, "--namespace", home, "--show-only", "templates/tests/ready.yaml")
    pod = yaml.safe_load(text)
    lab.admin.create(pod | {"spec": pod["spec"] | {"serviceAccountName": "default"}}, home, dry_run=True)
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
