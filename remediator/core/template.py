"""`{{ target.name }}` in annotations of rules: names and nothing else, so that a template can neither run nor grow.

Pure. No loops, calls or filters. Prometheus' spelling `{{ $labels.pod }}` is understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from remediator.core.model import Value
from remediator.core.text import cut

LONGEST = 2000
"""Characters of a rendered annotation."""

NAMES = {
    "target": ("kind", "namespace", "name"),
    "incident": ("id",),
    "rule": ("name", "group"),
    "labels": (),
    "annotations": (),
    "external_labels": (),
    "value": None,
    "action": None,
    "reason": None,
    "mode": None,
}
"""What can be named: with its fields, `()` where any may be there, None where it has none."""

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"\$?([a-zA-Z_]\w*)(?:\.([a-zA-Z_][\w./-]*))?\Z")
_PROMETHEUS = {"externalLabels": "external_labels"}


class Mistake(Value, frozen=True):
    """What is wrong with a place of a template, `at` so many characters into it."""

    at: int
    message: str
    remedy: str


class Rendered(Value, frozen=True):
    """The text, and in words what could not be filled in: such places stay as they were written."""

    text: str
    problems: tuple[str, ...] = ()


def mistakes(template: str) -> Iterator[Mistake]:
    """Every place that no incident could ever fill in."""
    if "{{" not in template:
        return
    for found in _PLACE.finditer(template):
        inside = found[1].strip()
        named = _NAME.match(inside)
        if named is None:
            yield Mistake(
                found.start(), f"`{cut(inside, 60)}` is not a name", "write a name alone, as in {{ target.name }}"
            )
        elif wrong := _unknown(_PROMETHEUS.get(named[1], named[1]), named[2]):
            yield Mistake(found.start(), *wrong)
    if template.count("{{") != len(_PLACE.findall(template)):
        yield Mistake(template.rfind("{{"), "`{{` is not closed", "write }} behind the name")


def render(template: str, names: dict[str, dict[str, str] | str]) -> Rendered:
    """The template with what is known filled in, at most `LONGEST` characters."""
    problems: list[str] = []

    def fill(found: re.Match[str]) -> str:
        named = _NAME.match(found[1].strip())
        holder = names.get(_PROMETHEUS.get(named[1], named[1])) if named else None
        value = holder.get(named[2] or "") if named and isinstance(holder, dict) else holder
        if named is None or not isinstance(value, str) or (named[2] and isinstance(holder, str)):
            problems.append(f"there is no {cut(found[1].strip(), 60)}")
            return found[0]
        return cut(value, LONGEST)

    text = _PLACE.sub(fill, template[: 2 * LONGEST])
    return Rendered(cut(text, LONGEST), tuple(problems[:3]))


def _unknown(name: str, field: str | None) -> tuple[str, str] | None:
    """Message and remedy where a name cannot be anything."""
    if name not in NAMES:
        return f"unknown name `{name}`", f"known here: {', '.join(sorted(NAMES))}"
    fields = NAMES[name]
    if fields is None:
        return (f"`{name}` has no fields", f"write {{{{ {name} }}}}") if field else None
    if not field:
        one = fields[0] if fields else "NAME"
        return f"`{name}` alone is no text", f"write a field of it, as in {{{{ {name}.{one} }}}}"
    if fields and field not in fields:
        return f"`{name}` has no field `{field}`", f"known here: {', '.join(fields)}"
    return None
