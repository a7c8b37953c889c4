"""What an account lacks, as the RBAC rule that would grant it: read out of the API server's own refusal. Pure.

The words are those of k8s.io/apiserver (endpoints/handlers/responsewriters/errors.go): who, verb, resource, where.
"""

from __future__ import annotations

import json
import re

_REFUSED = re.compile(
    r'(?:^|\s)\S+ (?:"(?P<name>[^"]*)" )?is forbidden: User "[^"]*" cannot (?P<verb>[a-z]+) '
    r'resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)" '
    r'(?:in the namespace "(?P<namespace>[^"]+)"|at the cluster scope)'
)

_BY_NAME = frozenset({"get", "patch", "update", "delete"})
"""Verbs of requests that name one object; a rule about others cannot be narrowed to names."""

_MADE = frozenset({"pods", "replicasets", "controllerrevisions", "jobs", "events"})
"""Resources that controllers make and name: a rule for one of them would not be the next one's."""


def missing_right(message: str) -> str:
    """Where to add which rule, as a line of YAML, for a refusal by RBAC; empty for every other message.

    Of a quota, an admission webhook or pod security the API server says 403 as well: no right would help there.
    """
    found = _REFUSED.search(message)
    if found is None:
        return ""
    namespace = found["namespace"]
    where = f"a Role in the namespace {namespace}" if namespace else "a ClusterRole"
    return f"add to the rules of {where}: {_rule(found)}"


def _rule(found: re.Match[str]) -> str:
    plural = found["resource"].partition("/")[0]
    rule = {"apiGroups": found["group"], "resources": found["resource"], "verbs": found["verb"]}
    if found["name"] and found["verb"] in _BY_NAME and plural not in _MADE:
        rule["resourceNames"] = found["name"]
    return "- {" + ", ".join(f"{key}: {json.dumps([value])}" for key, value in rule.items()) + "}"
