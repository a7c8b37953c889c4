"""The names of conditions as types that cel-cpp checks: each mapping with known fields is a protobuf message.

Only sources are checked against these; values are plain Python. Imported when the first condition is compiled.
"""

from __future__ import annotations

import functools
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2

from remediator.conditions.functions import FUNCTIONS
from remediator.conditions.names import MESSAGES, VARIABLES, Fields

PACKAGE = "remediator"

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int": _Field.TYPE_INT64,
    "double": _Field.TYPE_DOUBLE,
}
_WELL_KNOWN = {"duration": ".google.protobuf.Duration", "dyn": ".google.protobuf.Value"}
_VARIABLE_TYPES = {
    "map(string)": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    "double": cel.Type.DOUBLE,
    "dyn": cel.Type.DYN,
    "timestamp": cel.Type.TIMESTAMP,
}
_COMPARISONS = {
    "_<_": "less",
    "_<=_": "less_equals",
    "_>_": "greater",
    "_>=_": "greater_equals",
    "_==_": "equals",
    "_!=_": "not_equals",
}


@functools.cache
def checker(target: str) -> Any:
    """The environment that checks sources, for one type of `target`."""
    message = cel.Type(f"{PACKAGE}.{target}")
    variables = {name: _variable_type(text) for name, text in VARIABLES.items()} | {"target": message}
    return cel.NewEnv(
        descriptor_pool=_pool(),
        variables=variables,
        extensions=[ext_optional.ExtOptional(), _mixed_numbers()],
        functions=FUNCTIONS,
    )


def _variable_type(text: str) -> Any:
    if text.startswith("list("):
        return cel.Type.List(cel.Type(f"{PACKAGE}.{text[5:-1]}"))
    return _VARIABLE_TYPES[text]


def _mixed_numbers() -> Any:
    """Comparisons of whole and broken numbers, as in Kubernetes: evaluation knows them, the checker does not."""
    number, whole = cel.Type.DOUBLE, cel.Type.INT
    pairs = {"double_int": [number, whole], "int_double": [whole, number]}
    declared = [
        cel.FunctionDecl(op, [cel.Overload(f"{name}_{of}", cel.Type.BOOL, types) for of, types in pairs.items()])
        for op, name in _COMPARISONS.items()
    ]
    return cel.CelExtension("mixed_numbers", declared)


@functools.cache
def _pool() -> descriptor_pool.DescriptorPool:
    """A pool of its own with the messages of all types, so that nothing leaks into the process's default one."""
    pool = descriptor_pool.DescriptorPool()
    for known in (duration_pb2, struct_pb2):
        copy = descriptor_pb2.FileDescriptorProto()
        known.DESCRIPTOR.CopyToProto(copy)
        pool.Add(copy)
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{PACKAGE}/conditions.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[duration_pb2.DESCRIPTOR.name, struct_pb2.DESCRIPTOR.name],
    )
    for name, fields in MESSAGES.items():
        _add_message(file, name, fields)
    pool.Add(file)
    return pool


def _add_message(file: Any, name: str, fields: Fields) -> None:
    message = file.message_type.add(name=name)
    for number, (field, text) in enumerate(fields.items(), start=1):
        repeated = text.startswith(("list(", "map("))
        item = text[text.index("(") + 1 : -1] if repeated else text
        added = message.field.add(name=field, number=number)
        added.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
        if text.startswith("map("):
            _set_type(added, f".{PACKAGE}.{name}.{_add_entry(message, field)}")
        else:
            _set_type(added, item)


def _add_entry(message: Any, field: str) -> str:
    """The nested message by which protobuf spells a map of texts."""
    name = "".join(word.capitalize() for word in field.split("_")) + "Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    for number, part in enumerate(("key", "value"), start=1):
        entry.field.add(name=part, number=number, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
    return name


def _set_type(field: Any, text: str) -> None:
    if text in _SCALARS:
        field.type = _SCALARS[text]
        return
    field.type = _Field.TYPE_MESSAGE
    field.type_name = text if text.startswith(".") else _WELL_KNOWN.get(text, f".{PACKAGE}.{text}")
