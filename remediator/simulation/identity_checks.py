"""Is it the object that was meant? Names, versions and uids in what is written, preconditions of deletions."""

from __future__ import annotations

from remediator.core.model import Json, Precondition, Resource
from remediator.ports import Conflict, Invalid, Unavailable
from remediator.simulation.validation import qualified

ANY = Precondition("", "")
"""No precondition."""


def check_address(resource: Resource, namespace: str, obj: Json) -> None:
    """Refuse (400) a new object that says another namespace than its request."""
    said = (obj.get("metadata") or {}).get("namespace") or namespace
    if resource.namespaced and said != namespace:
        raise _bad("the namespace of the provided object does not match the namespace sent on the request")


def check_identity(resource: Resource, old: Json, new: Json) -> None:
    """Refuse another version (409), name or namespace (400), kind or uid (422); fills in what was left out.

    The version `0` is none: the write is then made whatever is there.
    """
    before, metadata = old["metadata"], new["metadata"]
    if not metadata.get("name"):
        raise _bad(f"the name of the object ({before['name']} based on URL) was undeterminable: name must be provided")
    if metadata["name"] != before["name"]:
        raise _bad(f"the name of the object ({metadata['name']}) does not match the name on the URL ({before['name']})")
    check_address(resource, before.get("namespace", ""), new)
    _check_version(resource, before, metadata.get("resourceVersion") or "0")
    uid = metadata.get("uid") or before["uid"]
    if uid != before["uid"]:
        raise Conflict(
            f'{qualified(resource)} "{before["name"]}" is invalid: metadata.uid: Invalid value: "{uid}": '
            "field is immutable",
            status=422,
            reason="Invalid",
        )
    metadata |= {name: before[name] for name in ("resourceVersion", "uid", "namespace") if name in before}
    new["apiVersion"], new["kind"] = old["apiVersion"], old["kind"]


def _check_version(resource: Resource, before: Json, version: str) -> None:
    if not version.isdigit():
        raise Unavailable(f'strconv.ParseUint: parsing "{version}": invalid syntax', status=500)
    if version not in ("0", before["resourceVersion"]):
        raise Conflict(
            f'Operation cannot be fulfilled on {qualified(resource, plural=True)} "{before["name"]}": the object '
            "has been modified; please apply your changes to the latest version and try again",
            status=409,
            reason="Conflict",
        )


def check_precondition(resource: Resource, obj: Json, precondition: Precondition) -> None:
    """Refuse (409) to delete another object than was meant."""
    metadata = obj["metadata"]
    for name, wanted, have, otherwise in (
        ("UID", precondition.uid, metadata["uid"], "deleted and then recreated"),
        ("ResourceVersion", precondition.resource_version, metadata["resourceVersion"], "modified"),
    ):
        if wanted and wanted != have:
            raise Conflict(
                f'Operation cannot be fulfilled on {qualified(resource)} "{metadata["name"]}": the {name} in the '
                f"precondition ({wanted}) does not match the {name} in record ({have}). The object might have been "
                f"{otherwise}",
                status=409,
                reason="Conflict",
            )


def _bad(message: str) -> Invalid:
    return Invalid(message, status=400, reason="BadRequest")
