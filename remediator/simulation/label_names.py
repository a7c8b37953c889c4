"""What labels, annotations and objects may be called, in the words of k8s.io/apimachinery/pkg/util/validation."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_ANNOTATION_BYTES = 256 * 1024
_WORDS = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_USED = "regex used for validation is"
_OF_NAMES = f"must consist of {_WORDS} (e.g. 'MyName',  or 'my.name',  or '123-abc', {_USED} '{_NAME}')"


def subdomain_mistakes(name: str) -> Iterator[str]:
    """Why this is no name of an object."""
    if not re.fullmatch(_SUBDOMAIN, name):
        yield (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            f"start and end with an alphanumeric character (e.g. 'example.com', {_USED} '{_SUBDOMAIN}')"
        )
    if len(name) > 253:
        yield "must be no more than 253 bytes"


def label_mistakes(name: str) -> Iterator[str]:
    """Why this is no name of a container."""
    if not re.fullmatch(_LABEL, name):
        yield (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
            f"end with an alphanumeric character (e.g. 'my-name',  or '123-abc', {_USED} '{_LABEL}')"
        )
    if len(name) > 63:
        yield "must be no more than 63 bytes"


def of_labels(path: str, labels: dict[str, str]) -> Iterator[str]:
    """What is wrong with the labels at a place."""
    for key, value in labels.items():
        yield from (f'{path}: Invalid value: "{key}": {mistake}' for mistake in key_mistakes(key))
        yield from (f'{path}: Invalid value: "{value}": {mistake}' for mistake in value_mistakes(value))


def of_annotations(path: str, annotations: dict[str, str]) -> Iterator[str]:
    """What is wrong with the annotations at a place."""
    for key in annotations:
        yield from (f'{path}: Invalid value: "{key}": {mistake}' for mistake in key_mistakes(key.lower()))
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATION_BYTES:
        yield f"{path}: Too long: may not be more than {_ANNOTATION_BYTES} bytes"


def key_mistakes(key: str) -> Iterator[str]:
    """Why this is no key of a label or annotation."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        yield f"a valid label key {_OF_NAMES} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        yield from (f"prefix part {mistake}" for mistake in subdomain_mistakes(prefix))
    if not name:
        yield "name part must be non-empty"
    elif len(name) > 63:
        yield "name part must be no more than 63 bytes"
    if not re.fullmatch(_NAME, name):
        yield f"name part {_OF_NAMES}"


def value_mistakes(value: str) -> Iterator[str]:
    """Why this is no value of a label."""
    if len(value) > 63:
        yield "must be no more than 63 bytes"
    if not re.fullmatch(_VALUE, value):
        yield (
            f"a valid label must be an empty string or consist of {_WORDS} "
            f"(e.g. 'MyValue',  or 'my_value',  or '12345', {_USED} '{_VALUE}')"
        )
