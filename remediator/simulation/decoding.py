"""What the API server's types make of JSON: nulls, empty values and unknown fields vanish, wrong types are refused.

There are no types here. What a field may hold is known by its name, whatever object it is in.
"""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json
from remediator.simulation.known_fields import KNOWN_FIELDS

_INT, _BOOL, _STRING, _INT_OR_STRING = "int32", "bool", "string", "int32 or string"
_OBJECT, _STRINGS_BY_NAME, _LIST, _STRINGS = "object", "map[string]string", "list", "[]string"
_FIELDS: dict[str, str] = {
    _INT: """replicas minReadySeconds revisionHistoryLimit progressDeadlineSeconds parallelism completions backoffLimit
        minReplicas maxReplicas partition containerPort activeDeadlineSeconds terminationGracePeriodSeconds
        tolerationSeconds""",
    _BOOL: "paused suspend unschedulable readOnly hostNetwork controller",
    _STRING: """name namespace generateName uid resourceVersion image imagePullPolicy restartPolicy serviceName
        podManagementPolicy nodeName serviceAccountName type effect operator""",
    _INT_OR_STRING: "maxSurge maxUnavailable minAvailable",
    _OBJECT: "metadata spec template selector strategy updateStrategy rollingUpdate",
    _STRINGS_BY_NAME: "labels annotations matchLabels nodeSelector",
    _LIST: """containers initContainers env ports volumes volumeMounts tolerations taints hostAliases imagePullSecrets
        ownerReferences matchExpressions""",
    _STRINGS: "finalizers args command",
}
_TYPES = {field: kind for kind, fields in _FIELDS.items() for field in fields.split()}
_PYTHON: dict[str, tuple[type, ...]] = {
    _INT: (int,),
    _BOOL: (bool,),
    _STRING: (str,),
    _INT_OR_STRING: (int, str),
    _OBJECT: (dict,),
    _STRINGS_BY_NAME: (dict,),
    _LIST: (list,),
    _STRINGS: (list,),
}
_JSON = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}
_EMPTY_MAPS = frozenset({"labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests", "hard"})
_LEFT_OUT_AT_ZERO = frozenset({"paused", "minReadySeconds", "unschedulable", "readOnly", "hostNetwork", "value"})
_RAW = frozenset({"status", "data"})
"""Written as they are: a status by controllers alone, the data of a ControllerRevision by nobody who reads it."""


class WrongType(ValueError):
    """A value that its field cannot hold; the message is the decoder's."""


def decoded(obj: Json) -> Json:
    """The object as the server holds it; a new one. Raises `WrongType`."""
    return _Decoder(KNOWN_FIELDS.get(str(obj.get("kind")), {})).members(obj, "")


class _Decoder:
    """Reads an object of one kind; `known` are the fields that it may have, by place."""

    def __init__(self, known: dict[str, frozenset[str]]) -> None:
        self._known = known

    def members(self, value: Json, path: str) -> Json:
        """What an object at a place holds."""
        known = self._known.get(path)
        return {
            key: item if key in _RAW and not path else self._value(key, item, f"{path}.{key}" if path else key)
            for key, item in value.items()
            if item is not None and not _vanishes(key, known) and not _is_left_out(key, item)
        }

    def _value(self, field: str, value: Any, path: str) -> Any:
        kind = _TYPES.get(field, "")
        if kind:
            _check(kind, value, path)
        if kind == _STRINGS_BY_NAME:
            for item in value.values():
                _check(_STRING, item if item is not None else "", path)
            return {key: item or "" for key, item in value.items()}
        if isinstance(value, list):
            inner = _STRING if kind == _STRINGS else _OBJECT if kind == _LIST else ""
            return [self._item(inner, item, path) for item in value]
        return self.members(value, path) if isinstance(value, dict) else value

    def _item(self, kind: str, item: Any, path: str) -> Any:
        if item is None and kind:
            return {} if kind == _OBJECT else ""
        if kind:
            _check(kind, item, path)
        return self._value("", item, path)


def _check(kind: str, value: Any, path: str) -> None:
    right = isinstance(value, _PYTHON[kind]) and (kind == _BOOL or not isinstance(value, bool))
    if not right or (kind == _INT and not -(2**31) <= value < 2**31):
        shown = f" {value}" if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
        raise WrongType(
            f"json: cannot unmarshal {_JSON[type(value)]}{shown} into Go struct field {path} of type {kind}"
        )


def _vanishes(key: str, known: frozenset[str] | None) -> bool:
    """Whether there is no such field; directives of patches are none either."""
    return key.startswith("$") or (known is not None and key not in known)


def _is_left_out(field: str, value: Any) -> bool:
    """Whether encoding leaves a value out: empty lists and maps, and zeros of fields that are no pointers."""
    if isinstance(value, list):
        return not value
    if isinstance(value, dict):
        return not value and field in _EMPTY_MAPS
    return field in _LEFT_OUT_AT_ZERO and not value
