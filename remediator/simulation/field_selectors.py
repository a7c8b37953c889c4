"""Field selectors of list requests: which fields a type can be selected by, and what the API server says of others.

After k8s.io/apimachinery/pkg/fields and the conversions of each type (pkg/apis/core/v1/conversion.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from remediator.core.model import Json, Resource
from remediator.ports import Invalid

EVERYWHERE = frozenset({"metadata.name", "metadata.namespace"})
OF_PODS = frozenset(
    {
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    }
)
OF_EVENTS = frozenset(
    {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    }
)
_OF = {"Pod": OF_PODS, "Event": OF_EVENTS}
_TERM = re.compile(r"(?P<field>.*?)(?P<operator>==|!=|=)(?P<value>.*)")


def parsed(text: str, resource: Resource) -> Callable[[Json], bool]:
    """The meaning of a field selector; the empty one selects everything. Raises `Invalid` (400)."""
    terms = [_term(each, text, resource) for each in text.split(",") if each]
    return lambda obj: all((_value(obj, field) == value) is wanted for field, value, wanted in terms)


def _term(term: str, text: str, resource: Resource) -> tuple[str, str, bool]:
    found = _TERM.fullmatch(term)
    if found is None:
        raise Invalid(f"invalid selector: '{text}'; can't understand '{term}'", status=400, reason="BadRequest")
    field = found["field"]
    if field not in EVERYWHERE | _OF.get(resource.kind, frozenset()):
        group, _, version = resource.api_version.rpartition("/")
        about = f'"{group}/{version}, Resource={resource.plural}"'
        why = f'label selector "", field selector "{text}": field label not supported: {field}'
        raise Invalid(f"Unable to find {about} that match {why}", status=400, reason="BadRequest")
    return field, found["value"], found["operator"] != "!="


def _value(obj: Json, field: str) -> str:
    here: Any = obj
    for name in field.split("."):
        here = here.get(name, "") if isinstance(here, dict) else ""
    return str(here).lower() if isinstance(here, bool) else str(here)
