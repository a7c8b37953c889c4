"""The order of a list that a strategic merge patch has merged: the patch's own, around it that of the live list.

After `normalizeElementOrder` in k8s.io/apimachinery/pkg/util/strategicpatch. An item is known by its merge key; where
that is empty, items are scalars.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any


def normalised(items: list[Any], patch_order: list[Any], live_order: list[Any], key: str) -> list[Any]:
    """Items that the patch names in its order, the others in that of the live list, interleaved as they stood there."""
    named = [item for item in items if _place(patch_order, item, key) >= 0]
    others = [item for item in items if _place(patch_order, item, key) < 0]
    return _interleaved(_sorted(others, live_order, key), _sorted(named, patch_order, key), live_order, key)


def agree(items: list[Any], order: list[Any], key: str) -> bool:
    """Whether a patch's items, deletions apart, come in an order that names all of them."""
    wanted = iter(order)
    kept = [item for item in items if not (isinstance(item, dict) and "$patch" in item)]
    return all(any(_name(item, key) == _name(other, key) for other in wanted) for item in kept)


def _sorted(items: list[Any], order: list[Any], key: str) -> list[Any]:
    def before(left: Any, right: Any) -> int:
        at, other = _place(order, left, key), _place(order, right, key)
        return at - other if at >= 0 and other >= 0 else 0

    return sorted(items, key=cmp_to_key(before))


def _interleaved(left: list[Any], right: list[Any], order: list[Any], key: str) -> list[Any]:
    """Each item of `left` comes in front of the first of `right` that stood behind it."""
    result: list[Any] = []
    left, right = list(left), list(right)
    while left and right:
        at, other = _place(order, left[0], key), _place(order, right[0], key)
        result.append((left if 0 <= at < other else right).pop(0))
    return result + left + right


def _place(order: list[Any], item: Any, key: str) -> int:
    wanted = _name(item, key)
    return next((at for at, other in enumerate(order) if _name(other, key) == wanted), -1)


def _name(item: Any, key: str) -> Any:
    return item.get(key) if key and isinstance(item, dict) else item
