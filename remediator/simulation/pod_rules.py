"""Which pod specs are valid (pkg/apis/core/validation): volumes, containers, mounts, in the server's order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from remediator.core.model import Json
from remediator.simulation.immutable_fields import shown
from remediator.simulation.label_names import label_mistakes


def mistakes(path: str, spec: Json) -> Iterator[str]:
    """Everything that is wrong with a pod spec at a place."""
    volumes, names = spec.get("volumes") or [], set[Any]()
    yield from _volumes(f"{path}.volumes", volumes)
    mountable = {item.get("name") for item in volumes}
    if not spec.get("containers"):
        yield f"{path}.containers: Required value"
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            place = f"{path}.{field}[{index}]"
            yield from _container(place, container, mountable)
            yield from _twice(f"{place}.name", container.get("name"), names)


def _volumes(path: str, volumes: Iterable[Json]) -> Iterator[str]:
    names = set[Any]()
    for index, volume in enumerate(volumes):
        yield from _name(f"{path}[{index}].name", volume.get("name", ""))
        yield from _twice(f"{path}[{index}].name", volume.get("name"), names)


def _container(path: str, container: Json, volumes: set[Any]) -> Iterator[str]:
    yield from _name(f"{path}.name", container.get("name", ""))
    if not container.get("image"):
        yield f"{path}.image: Required value"
    yield from _ports(f"{path}.ports", container.get("ports") or ())
    for index, item in enumerate(container.get("env") or ()):
        if not item.get("name"):
            yield f"{path}.env[{index}].name: Required value"
    yield from _mounts(f"{path}.volumeMounts", container.get("volumeMounts") or (), volumes)


def _ports(path: str, ports: Iterable[Json]) -> Iterator[str]:
    names = set[Any]()
    for index, port in enumerate(ports):
        if port.get("name"):
            yield from _twice(f"{path}[{index}].name", port["name"], names)
        if not port.get("containerPort"):
            yield f"{path}[{index}].containerPort: Required value"


def _mounts(path: str, mounts: Iterable[Json], volumes: set[Any]) -> Iterator[str]:
    places = set[Any]()
    for index, mount in enumerate(mounts):
        name, where = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield f"{path}[{index}].name: Required value"
        if not where:
            yield f"{path}[{index}].mountPath: Required value"
        if name not in volumes:
            yield f"{path}[{index}].name: Not found: {shown(name)}"
        if where in places:
            yield f"{path}[{index}].mountPath: Invalid value: {shown(where)}: must be unique"
        places.add(where)


def _name(path: str, name: str) -> Iterator[str]:
    if not name:
        yield f"{path}: Required value"
        return
    yield from (f"{path}: Invalid value: {shown(name)}: {mistake}" for mistake in label_mistakes(name))


def _twice(path: str, name: Any, seen: set[Any]) -> Iterator[str]:
    if name in seen:
        yield f"{path}: Duplicate value: {shown(name)}"
    seen.add(name)
