"""Strategic merge patch: a merge patch that merges the lists which have a key, as the API's types declare.

After k8s.io/apimachinery/pkg/util/strategicpatch v0.37. Merge keys are read from the `patchStrategy` and
`patchMergeKey` tags of k8s.io/api; every list not named here is atomic, taints and tolerations among them.
"""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json
from remediator.ports import Invalid, Unavailable
from remediator.simulation import list_order
from remediator.simulation.values import copied

MERGE_KEYS: dict[str, str] = {
    "addresses": "type",
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "ports": "containerPort",
    "schedulingGates": "name",
    "secrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_MERGED_SCALARS = frozenset({"finalizers", "podCIDRs"})
_DIRECTIVE, _RETAIN = "$patch", "$retainKeys"
_ORDER, _DELETE_SCALARS = "$setElementOrder/", "$deleteFromPrimitiveList/"


def merged(target: Json, patch: Json) -> Json:
    """The object after the patch. Directives: `$patch: delete|replace`, `$retainKeys`,
    `$deleteFromPrimitiveList/FIELD`, `$setElementOrder/FIELD`.

    As the API server does, raises `Unavailable` (500) for a list item without its key and for an unknown directive.
    """
    if _DIRECTIVE in patch:
        return _directed(patch)
    result = _retained(target, patch)
    ordered = {key.removeprefix(_ORDER) for key in patch if key.startswith(_ORDER)}
    for key in ordered:
        _set_ordered(result, key, patch)
    for key, value in patch.items():
        if key.startswith(_DELETE_SCALARS):
            field = key.removeprefix(_DELETE_SCALARS)
            if field in result:
                result[field] = [item for item in result[field] if item not in value]
        elif key not in ordered and not key.startswith((_ORDER, _RETAIN)):
            _set(result, key, value)
    return result


def _directed(patch: Json) -> Json:
    if patch[_DIRECTIVE] == "replace":
        return {key: copied(value) for key, value in patch.items() if key != _DIRECTIVE}
    if patch[_DIRECTIVE] == "delete":
        return {}
    raise _broken(f"unknown patch type: {patch[_DIRECTIVE]} in map: {patch}")


def _retained(target: Json, patch: Json) -> Json:
    """The target without what `$retainKeys` does not name; everything patched has to be named."""
    if _RETAIN not in patch:
        return dict(target)
    keys = patch[_RETAIN]
    said = [key for key, value in patch.items() if value is not None and not key.startswith("$")]
    if not isinstance(keys, list) or not set(said) <= set(keys):
        raise Invalid("invalid patch format of retainKeys", status=400, reason="BadRequest")
    return {key: value for key, value in target.items() if key in keys}


def _set(result: Json, key: str, value: Any) -> None:
    here = result.get(key)
    if value is None:
        result.pop(key, None)
    elif isinstance(here, dict) and isinstance(value, dict):
        result[key] = merged(here, value)
    elif isinstance(here, list) and isinstance(value, list):
        result[key] = _merged_list(key, here, value)
    elif _is_directive(value):
        result.pop(key, None)
    else:
        result[key] = _plain(value)


def _set_ordered(result: Json, key: str, patch: Json) -> None:
    """A list for which the patch says the order of all its items."""
    order, here, items = patch[_ORDER + key], result.get(key), patch.get(key)
    if not isinstance(order, list):
        raise _broken("expected a []interface {}, but received something else")
    merge_key = MERGE_KEYS.get(key, "")
    if items and not list_order.agree(items, order, merge_key):
        raise _broken(f"The order in patch list:\n{items}\n doesn't match $setElementOrder list:\n{order}\n")
    if here is None and items is None:
        return
    both = _merged_list(key, here, items) if here is not None and items is not None else here or _plain(items)
    result[key] = list_order.normalised(both, order, here or [], merge_key)


def _merged_list(field: str, have: list[Any], patch: list[Any]) -> list[Any]:
    if field in _MERGED_SCALARS:
        return list_order.normalised([*have, *(item for item in patch if item not in have)], patch, have, "")
    if field not in MERGE_KEYS:
        return copied(patch)
    if not have and not patch:
        return []
    if len({type(item) for item in [*have, *patch]}) > 1:
        raise _broken(f"list element types are not identical: [{have} {patch}]")
    key = MERGE_KEYS[field]
    kept, rest = _specials(list(have), patch, key)
    result = list(kept)
    for item in rest:
        _merge_item(result, item, key)
    return list_order.normalised(result, rest, kept, key)


def _specials(have: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """What is left of both lists once items with `$patch` are dealt with."""
    plain = [item for item in patch if not _is_directive(item)]
    for item in patch:
        if not _is_directive(item) or item[_DIRECTIVE] == "replace":
            continue
        if item[_DIRECTIVE] != "delete":
            raise _broken(f"unknown patch type: {item[_DIRECTIVE]} in map: {item}")
        have = [one for one in have if one.get(key) != _key_of(item, key)]
    if any(_is_directive(item) and item[_DIRECTIVE] == "replace" for item in patch):
        return [copied(item) for item in plain], []
    return have, plain


def _merge_item(result: list[Any], item: Any, key: str) -> None:
    wanted = _key_of(item, key)
    at = next((i for i, have in enumerate(result) if have.get(key) == wanted), None)
    if at is None:
        result.append(copied(item))
    else:
        result[at] = merged(result[at], item)


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        raise _broken(f"map: {item} does not contain declared merge key: {key}")
    return item[key]


def _is_directive(value: Any) -> bool:
    return isinstance(value, dict) and _DIRECTIVE in value


def _plain(value: Any) -> Any:
    """A value that is new in the object: without nulls, and without whatever holds a directive."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None and not _is_directive(item)}
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_directive(item)]
    return value


def _broken(why: str) -> Unavailable:
    """What the API server has no better answer for than an error of its own."""
    return Unavailable(why, status=500)
