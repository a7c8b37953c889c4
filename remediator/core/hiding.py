"""Objects and patches as they may be written down: without the secrets in them. Pure.

Two measures: what is shown loses every value of an environment variable, for that is where secrets stand; what must
be given back later loses only what looks like a secret by its name or its form.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from remediator.core.fields import Field
from remediator.core.model import Json
from remediator.core.scrub import GONE, scrub, scrub_known

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps a whole manifest: what stands in it is not looked through, it goes."""

OURS = "remediator.io/"

_POINTS = re.compile(
    r"(?i)(?:file|path|dir|name|namespace|ref|class|ttl|seconds|duration|url|uri|endpoint|host|port|type|enabled|length|"
    r"min|max|count|limit|version|issuer|audience|scope|expiry)$"
)
"""How names end that only say where a secret is, of what kind, or for how long: `secretName`, `DB_PASSWORD_FILE`."""

_VARIABLE = re.compile(r"\$\(\w+\)")
"""A variable that a kubelet fills in: no secret itself."""


def hidden(value: Any) -> Any:
    """As it is shown: without values of environment variables, manifests that kubectl keeps, and all that looks like a
    secret, rather too much than too little.
    """
    return _walked(value, scrub, every_variable=True)


def guarded(value: Any) -> Any:
    """As it is kept to be given back: without what looks like a secret by its name or by a form that is known."""
    return _walked(value, _scrub_unless_filled_in, every_variable=False)


def holds_secret(value: Any) -> str:
    """Where in an object something looks like a secret, by its name or by a form that is known; empty where nothing."""
    return next(_differing(value, guarded(value), ""), "")


def without_secrets(field: Field) -> Field:
    """A field as it is kept with an intent: marked, and without its values, where one of them looks like a secret."""
    named = {str(next(iter(step.values())) if isinstance(step, Mapping) else step) for step in field.path[-2:]}
    values = [each for each in (field.before, field.after) if each is not UNSET]
    told = [{name: each} for name in named for each in values]
    if not any(holds_secret(each) for each in told):
        return field
    hide = {name: GONE for name in ("before", "after") if getattr(field, name) is not UNSET}
    return replace(field, secret=True, **hide)


def digest(value: Any) -> str:
    """Tells one object from another without keeping it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@functools.lru_cache(maxsize=4096)
def is_named_secret(name: str) -> bool:
    """Whether a name is one of those whose value is a secret."""
    said = f"{name}=x"
    return not _POINTS.search(name) and scrub_known(said) != said


def _scrub_unless_filled_in(text: str) -> str:
    bare = _VARIABLE.sub("", text)
    return scrub_known(text) if scrub_known(bare) != bare else text


Scrub = Callable[[str], str]


def _walked(value: Any, keep: Scrub, every_variable: bool) -> Any:
    if isinstance(value, str):
        return keep(value)
    if isinstance(value, list):
        return [_walked(each, keep, every_variable) for each in value]
    if not isinstance(value, dict):
        return value
    name = _named(value)
    if name is None:
        return {key: _member(key, each, keep, every_variable, is_named_secret(str(key))) for key, each in value.items()}
    hides = is_named_secret(name) or (every_variable and _is_variable(value))
    return {key: _member(key, each, keep, every_variable, key == "value" and hides) for key, each in value.items()}


def _member(key: Any, value: Any, keep: Scrub, every_variable: bool, hides: bool) -> Any:
    """One member of an object; marks of ours stay, since they are what a write is known by."""
    if str(key).startswith(OURS):
        return value
    if isinstance(value, str) and ((hides and _VARIABLE.sub("", value)) or key == LAST_APPLIED):
        return GONE
    return _walked(value, keep, every_variable)


def _named(value: Json) -> str | None:
    """What an object says by another member that its `value` is: a variable by `name`, an operation by `path`."""
    name, path = value.get("name"), value.get("path")
    if "value" in value and isinstance(name, str):
        return name
    if "value" in value and "op" in value and isinstance(path, str):
        return path.rpartition("/")[2].replace("~1", "/")
    return None


def _is_variable(value: Json) -> bool:
    """Whether a named value is that of an environment variable, or an operation that sets one."""
    steps = str(value.get("path", "")).split("/")
    return "op" not in value or ("env" in steps and steps[-1] == "value")


def _differing(value: Any, kept: Any, path: str) -> Iterator[str]:
    if value == kept:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _differing(each, kept[key], f"{path}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            name = each.get("name", place) if isinstance(each, dict) else place
            yield from _differing(each, kept[place], f"{path}[{name}]")
    else:
        yield path or "itself"
