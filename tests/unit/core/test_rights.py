"""What an account lacks, read out of the API server's refusal, as a rule that can be pasted into a Role."""

from __future__ import annotations

import pytest
import yaml

from remediator.core.rights import missing_right

WHO = 'User "system:serviceaccount:ops:remediator"'


def refusal(what: str, verb: str, resource: str, group: str, where: str) -> str:
    return f'{what} is forbidden: {WHO} cannot {verb} resource "{resource}" in API group "{group}" {where}'


@pytest.mark.parametrize(
    ("message", "where", "rule"),
    [
        (
            refusal('deployments.apps "web"', "patch", "deployments", "apps", 'in the namespace "shop"'),
            "a Role in the namespace shop",
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"], "resourceNames": ["web"]},
        ),
        (
            refusal('nodes "n1"', "patch", "nodes", "", "at the cluster scope"),
            "a ClusterRole",
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["patch"], "resourceNames": ["n1"]},
        ),
        (
            refusal('pods "web-1"', "create", "pods/eviction", "", 'in the namespace "shop"'),
            "a Role in the namespace shop",
            {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        ),
        (
            refusal("pods", "list", "pods", "", "at the cluster scope"),
            "a ClusterRole",
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        ),
        (
            refusal("pods", "create", "pods", "", 'in the namespace "shop"') + ': RBAC: role "x" not found',
            "a Role in the namespace shop",
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
        ),
        (
            refusal('jobs.batch "report-28"', "delete", "jobs", "batch", 'in the namespace "shop"'),
            "a Role in the namespace shop",
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["delete"]},
        ),
    ],
)
def test_the_rule_that_would_grant_it(message, where, rule):
    said = missing_right(f"patch Deployment/shop/web (dry run): {message}")
    place, _, text = said.partition(": ")
    assert place == f"add to the rules of {where}"
    assert yaml.safe_load(text) == [rule]


@pytest.mark.parametrize(
    "message",
    [
        'pods "web-1" is forbidden: exceeded quota: full, requested: pods=1, used: pods=2, limited: pods=2',
        'pods "web-1" is forbidden: violates PodSecurity "restricted:latest"',
        'deployments.apps "web" is forbidden: the policy says no',
        "",
    ],
)
def test_where_no_right_would_help_none_is_named(message):
    assert missing_right(message) == ""
