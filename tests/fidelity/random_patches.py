"""Patches drawn from a seed: of every format, on what a Deployment holds, sensible ones and such as are refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from remediator.core.model import Json, PatchType
from remediator.simulation.values import copied

Draw = Callable[[random.Random], Any]
_FORMATS = (PatchType.MERGE, PatchType.STRATEGIC, PatchType.STRATEGIC, PatchType.JSON)


def drawn(seed: int, count: int) -> list[tuple[PatchType, Any]]:
    """So many patches, the same for one seed everywhere."""
    choice = random.Random(seed)
    return [_patch(choice) for _ in range(count)]


def _patch(choice: random.Random) -> tuple[PatchType, Any]:
    how = choice.choice(_FORMATS)
    if how is PatchType.JSON:
        return how, [_operation(choice) for _ in range(choice.randint(1, 3))]
    body: Json = {}
    for _ in range(choice.randint(1, 3)):
        path, draw = choice.choice(_PLACES)
        _put(body, path.split("."), draw(choice))
    return how, _with_directive(choice, body) if how is PatchType.STRATEGIC else body


def _put(body: Json, path: Sequence[str], value: Any) -> None:
    for step in path[:-1]:
        inner = body.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        body = inner
    body[path[-1]] = value


def _one_of(*values: Any) -> Draw:
    return lambda choice: copied(choice.choice(values))


def _some(draw: Draw, most: int = 3) -> Draw:
    """A list of items that are told apart by their first field."""

    def items(choice: random.Random) -> Any:
        found = {next(iter(item.values())): item for item in (draw(choice) for _ in range(choice.randint(0, most)))}
        return list(found.values())

    return items


def _item(key: str, names: tuple[Any, ...], **fields: Draw) -> Draw:
    """An item of a list by its key, with some of its fields; now and then to be deleted."""

    def item(choice: random.Random) -> Json:
        made: Json = {key: choice.choice(names)}
        made |= {name: draw(choice) for name, draw in fields.items() if choice.random() < 0.7}
        return made | ({"$patch": "delete"} if choice.random() < 0.1 else {})

    return item


_ENV = _item("name", ("A", "B", "C"), value=_one_of("1", "2", "", None))
_PORT = _item("containerPort", (80, 443, 8080), name=_one_of("web", "tls", "more"), protocol=_one_of("TCP", "UDP"))
_MOUNT = _item("mountPath", ("/data", "/tmp", "/etc/app"), name=_one_of("data", "tmp"), readOnly=_one_of(True, False))
_CONTAINER = _item(
    "name",
    ("app", "side", "new"),
    image=_one_of("app:1", "app:2", "app", "registry.example/app@sha256:0"),
    env=_some(_ENV),
    ports=_some(_PORT),
    volumeMounts=_some(_MOUNT, 2),
    args=_one_of([], ["--one"], ["--two", "--one"], None),
)
_VOLUME = _item("name", ("data", "tmp", "more"), emptyDir=_one_of({}, {"sizeLimit": "2Gi"}))
_TOLERATION = _item("key", ("a", "b"), operator=_one_of("Exists"), effect=_one_of("NoSchedule", "NoExecute"))
_TEXT = _one_of("1", "2", "some-text", None)
_FINALIZERS = _one_of([], ["example.com/one"], ["example.com/two", "example.com/one"], ["unqualified"], None)
_SHARE = _one_of(0, 1, 2, "25%", "50%", "0%", "many", None)
_STRATEGY = _one_of(None, {}, {"type": "Recreate"}, {"type": "Recreate", "rollingUpdate": None}, {"type": "Other"})

_PLACES: tuple[tuple[str, Draw], ...] = (
    ("metadata.labels.team", _one_of("shop", "", None, "not a label", 7)),
    ("metadata.labels.tier", _TEXT),
    ("metadata.labels", _one_of(None, {}, {"only": "this"})),
    ("metadata.annotations.a", _one_of("1", "", None, "any text at all", True)),
    ("metadata.annotations.b", _TEXT),
    ("metadata.annotations", _one_of(None, {}, {"only": "this"})),
    ("metadata.finalizers", _FINALIZERS),
    ("spec.replicas", _one_of(0, 1, 5, None, -1, "3", 1.5)),
    ("spec.minReadySeconds", _one_of(0, 3, None, -1, 700)),
    ("spec.progressDeadlineSeconds", _one_of(1, 600, 900, None)),
    ("spec.revisionHistoryLimit", _one_of(0, 2, None)),
    ("spec.strategy", _STRATEGY),
    ("spec.strategy.rollingUpdate.maxSurge", _SHARE),
    ("spec.strategy.rollingUpdate.maxUnavailable", _SHARE),
    ("spec.template.metadata.labels.more", _TEXT),
    ("spec.template.metadata.labels.app", _one_of("web", None)),
    ("spec.template.metadata.annotations.checked", _TEXT),
    ("spec.template.spec.nodeSelector", _one_of(None, {}, {"disk": "fast"}, {"disk": None})),
    ("spec.template.spec.terminationGracePeriodSeconds", _one_of(0, 5, None, "5")),
    ("spec.template.spec.restartPolicy", _one_of("Always", "Never", None)),
    ("spec.template.spec.hostNetwork", _one_of(False, None)),
    ("spec.template.spec.tolerations", _some(_TOLERATION)),
    ("spec.template.spec.volumes", _some(_VOLUME)),
    *((("spec.template.spec.containers", _some(_CONTAINER)),) * 6),
    ("spec.template.spec.initContainers", _some(_CONTAINER, 1)),
    ("status.replicas", _one_of(7)),
)
"""Where patches change something, and what they put there."""


def _with_directive(choice: random.Random, body: Json) -> Json:
    """The patch, now and then with a directive in it."""
    directives: tuple[tuple[str, Draw], ...] = (
        ("metadata.annotations.$patch", _one_of("replace", "delete")),
        ("metadata.$deleteFromPrimitiveList/finalizers", _one_of(["example.com/one"])),
        ("spec.strategy.$retainKeys", _one_of(["type"], ["type", "rollingUpdate"])),
        ("spec.template.metadata.$patch", _one_of("replace")),
        (
            "spec.template.spec.$setElementOrder/containers",
            _one_of([{"name": "side"}, {"name": "app"}, {"name": "new"}]),
        ),
    )
    if choice.random() < 0.3:
        path, draw = choice.choice(directives)
        _put(body, path.split(".", path.count(".")), draw(choice))
    return body


_POINTERS = (
    "/metadata/labels/team",
    "/metadata/annotations/a",
    "/metadata/annotations/example.com~1x",
    "/metadata/annotations",
    "/metadata/finalizers",
    "/metadata/finalizers/-",
    "/spec/replicas",
    "/spec/minReadySeconds",
    "/spec/strategy/rollingUpdate",
    "/spec/strategy/rollingUpdate/maxSurge",
    "/spec/template/metadata/labels/more",
    "/spec/template/spec/containers/0/image",
    "/spec/template/spec/containers/0/env/0",
    "/spec/template/spec/containers/0/env/-",
    "/spec/template/spec/containers/1",
    "/spec/template/spec/volumes/0",
    "/spec/template/spec/tolerations",
    "/nowhere/at/all",
)
_VALUES: dict[str, Draw] = {
    "finalizers": _FINALIZERS,
    "-": _one_of({"name": "LAST", "value": "1"}, "example.com/three"),
    "0": _one_of({"name": "FIRST"}, {"name": "tmp", "emptyDir": {}}),
    "1": _CONTAINER,
    "annotations": _one_of({}, {"all": "new"}, None),
    "rollingUpdate": _one_of(None, {}, {"maxSurge": 1}),
    "replicas": _one_of(0, 2, None, "2"),
    "minReadySeconds": _one_of(0, 2, None),
    "maxSurge": _SHARE,
    "tolerations": _some(_TOLERATION),
}


def _operation(choice: random.Random) -> Json:
    kind, path = choice.choice(("add", "add", "replace", "replace", "remove", "test", "copy")), choice.choice(_POINTERS)
    if kind == "copy":
        return {"op": kind, "from": choice.choice(_POINTERS), "path": path}
    if kind == "remove":
        return {"op": kind, "path": path}
    return {"op": kind, "path": path, "value": _VALUES.get(path.rpartition("/")[2], _TEXT)(choice)}
