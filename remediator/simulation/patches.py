"""What a patch makes of an object, for the three patch formats of the API. Pure: old object and patch in, new out."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json, PatchType
from remediator.ports import Invalid
from remediator.simulation import json_patch, strategic_patch
from remediator.simulation.values import copied


def patched(obj: Json, patch: Json | list[Json], patch_type: PatchType) -> Json:
    """The object after the patch; `obj` stays as it is.

    Raises `Invalid` or, for a failed JSON patch test, `Conflict`.
    """
    if (patch_type is PatchType.JSON) is not isinstance(patch, list):
        wanted = "a list of operations" if patch_type is PatchType.JSON else "an object"
        raise Invalid(f"the patch body must be {wanted} for {patch_type}", status=400, reason="BadRequest")
    if isinstance(patch, list):
        return json_patch.applied(obj, patch)
    if patch_type is PatchType.STRATEGIC:
        return strategic_patch.merged(obj, patch)
    return merged(obj, patch)


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch, RFC 7386: objects merge by key, `null` removes, everything else replaces."""
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
