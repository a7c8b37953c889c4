"""Strategic merge patch: a merge patch that merges the lists which have a key, as the API's types declare.

Merge keys are read from the `patchStrategy` and `patchMergeKey` tags of k8s.io/api v0.37. Every list not named
here is atomic, node taints and tolerations among them.
"""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json
from remediator.ports import Invalid
from remediator.simulation.values import copied

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "ports": ("containerPort", "port"),  # of a container, of a service
    "schedulingGates": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_MERGED_PRIMITIVES = frozenset({"finalizers", "podCIDRs"})
_ORDER, _DELETE_PRIMITIVES = "$setElementOrder/", "$deleteFromPrimitiveList/"


def merged(target: Json, patch: Json) -> Json:
    """The object after the patch. Directives: `$patch: delete|replace|merge`, `$retainKeys`,
    `$deleteFromPrimitiveList/FIELD`, `$setElementOrder/FIELD`. Raises `Invalid` for a list item without its key.
    """
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: copied(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = _retained(target, patch.get("$retainKeys"))
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        _set(result, key, value)
    for key, value in patch.items():
        _directed(result, key, value)
    return result


def _retained(target: Json, keys: list[str] | None) -> Json:
    return dict(target) if keys is None else {key: value for key, value in target.items() if key in keys}


def _set(result: Json, key: str, value: Any) -> None:
    if value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        here = result.get(key)
        result[key] = merged(here if isinstance(here, dict) else {}, value)
    elif isinstance(value, list):
        result[key] = _merged_list(key, result.get(key) or [], value)
    else:
        result[key] = value


def _directed(result: Json, key: str, value: Any) -> None:
    if key.startswith(_DELETE_PRIMITIVES):
        field = key.removeprefix(_DELETE_PRIMITIVES)
        result[field] = [item for item in result.get(field) or () if item not in value]
    elif key.startswith(_ORDER):
        field = key.removeprefix(_ORDER)
        result[field] = _ordered(field, result.get(field) or [], value)


def _merged_list(field: str, have: list[Any], patch: list[Any]) -> list[Any]:
    if field in _MERGED_PRIMITIVES:
        return have + [item for item in patch if item not in have]
    if field not in MERGE_KEYS or any(not isinstance(item, dict) for item in patch):
        return copied(patch)
    if {"$patch": "replace"} in patch:
        return [copied(item) for item in patch if item != {"$patch": "replace"}]
    result = list(have)
    for item in patch:
        _merge_item(field, result, item)
    return result


def _merge_item(field: str, result: list[Any], item: Json) -> None:
    key = next((key for key in MERGE_KEYS[field] if key in item), None)
    if key is None:
        wanted = MERGE_KEYS[field][0]
        raise Invalid(f"map: {item} does not contain declared merge key: {wanted}", status=422, reason="Invalid")
    at = next((i for i, have in enumerate(result) if have.get(key) == item[key]), None)
    if item.get("$patch") == "delete":
        if at is not None:
            del result[at]
    elif at is None:
        result.append(merged({}, item))
    else:
        result[at] = merged(result[at], item)


def _ordered(field: str, items: list[Any], order: list[Any]) -> list[Any]:
    """Items named in the order come in that order; those the patch does not know keep their place behind them."""
    keys = MERGE_KEYS.get(field, ())

    def place(item: Any) -> int:
        for position, wanted in enumerate(order):
            if item == wanted or (
                isinstance(item, dict) and any(k in wanted and item.get(k) == wanted[k] for k in keys)
            ):
                return position
        return len(order)

    return sorted(items, key=place)
