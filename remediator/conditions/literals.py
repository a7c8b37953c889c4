"""Literals that could never be read, found when rules load: `duration("2x")` would be unknown for ever.
Only literals that are the sole argument of a call are looked at.
"""

from __future__ import annotations

import re
from typing import Any

from remediator.conditions.mistakes import Mistake

_REMEDIES = {
    "duration": "the units are h, m, s and ms, as in 1h30m; a day is 24h",
    "timestamp": "write it as 2026-01-31T09:00:00Z",
    "quantity": "write it as Kubernetes does: 500m, 1.5Gi",
    "matches": "write an RE2 regexp: no look-around, no back references",
}
_TEXT = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
_CALL = re.compile(rf"""(?:\b(?P<name>{"|".join(_REMEDIES)})\(\s*(?P<raw>r?)(?P<text>{_TEXT})\s*\))|(?:{_TEXT})""")


def literal_mistakes(source: str, environment: Any) -> tuple[Mistake, ...]:
    """The calls with one literal text whose text has the wrong form, by asking the library for each alone."""
    found = (_mistake(match, environment) for match in _CALL.finditer(source) if match["name"])
    return tuple(filter(None, found))


def _mistake(match: re.Match[str], environment: Any) -> Mistake | None:
    name, literal = match["name"], match["raw"] + match["text"]
    asked = f"''.matches({literal})" if name == "matches" else f"{name}({literal})"
    if environment.compile(asked).eval(data={}).type().name() != "ERROR":
        return None
    return Mistake(f"{match['text']} is not read by {name}()", _REMEDIES[name], match.start("text"))
