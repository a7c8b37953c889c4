"""What of the chart follows from elsewhere: values.yaml, its schema and the README's table from `schema.yaml`, the
table of grants from the product, alerts and dashboard from `monitoring/`. `make chart` writes it, a test compares.
"""

from __future__ import annotations

import functools
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from helm.grants import table
from remediator.config.schema import schema_of

HERE = Path(__file__).parent
CHART = HERE / "remediator"
MONITORING = HERE.parent / "monitoring"
BEGIN, END = "<!-- values: made by `make chart` -->\n", "<!-- end of values -->\n"

Json = dict[str, Any]

_LOOK_AHEAD = "^(?:0|(?=[0-9])"
"""How the product's schemas begin a duration. Helm's validator has RE2, which looks nowhere ahead."""


def schema() -> Json:
    """`values.schema.json`: the chart's own values, and in them settings and rules as the product has them."""
    found = yaml.safe_load((HERE / "schema.yaml").read_text())
    for name in ("settings", "rules"):
        embedded = schema_of(name)
        for shape, body in embedded.pop("$defs").items():
            assert found["$defs"].setdefault(shape, body) == body, f"two shapes are called {shape}"
        found["$defs"][name] = {key: value for key, value in embedded.items() if not key.startswith("$")}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values of the chart", **_plain(found)}


def _plain(said: Any) -> Any:
    """Without the keys that are for this module, and without what RE2 lacks."""
    if isinstance(said, list):
        return [_plain(each) for each in said]
    if not isinstance(said, dict):
        return said
    found = {key: _plain(value) for key, value in said.items() if not key.startswith("x-")}
    if isinstance(found.get("pattern"), str) and found["pattern"].startswith(_LOOK_AHEAD):
        found |= {"pattern": "^(?:0|" + found["pattern"].removeprefix(_LOOK_AHEAD), "minLength": 1}
    if found.get("$ref") in ("#settings", "#rules"):
        found["$ref"] = f"#/$defs/{found['$ref'][1:]}"
    return found


def values() -> str:
    """`values.yaml`: every value with what it is for."""
    said = yaml.safe_load((HERE / "schema.yaml").read_text())
    head = "# The values of the chart, with their defaults. Made from helm/schema.yaml by `make chart`.\n"
    return head + "".join(_written(said["properties"], 0))


def _written(properties: Json, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, said in properties.items():
        if said.get("x-hidden"):
            continue
        if part := said.get("x-part"):
            yield f"\n# --- {part}\n"
        for line in textwrap.wrap(_sentence(said["description"]), 110 - len(indent)):
            yield f"{indent}# {line}\n"
        if "default" in said:
            yield textwrap.indent(yaml.safe_dump({name: said["default"]}, sort_keys=False, width=110), indent)
        else:
            yield f"{indent}{name}:\n"
            yield from _written(said["properties"], depth + 1)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def rows() -> str:
    """The README's table of values, a part after the other."""
    said = yaml.safe_load((HERE / "schema.yaml").read_text())
    found: list[str] = []
    for name, one in said["properties"].items():
        if part := one.get("x-part"):
            found += ["", f"### {part}", "", "| value | means | default |", "|---|---|---|"]
        found += [] if one.get("x-hidden") else _rows(name, one)
    return "\n".join([*found, "", ""]).lstrip("\n")


def _rows(name: str, said: Json) -> Iterator[str]:
    if "default" in said:
        default = json.dumps(said["default"], ensure_ascii=False)
        yield f"| `{name}` | {_cell(said['description'])} | `{default}` |"
        return
    for inner, one in said["properties"].items():
        yield from _rows(f"{name}.{inner}", one)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def readme(present: str) -> str:
    """The chart's README with its table made anew."""
    before, _, rest = present.partition(BEGIN)
    return f"{before}{BEGIN}\n{rows()}{END}{rest.partition(END)[2]}"


@functools.cache
def files() -> dict[str, str]:
    """Every made file of the chart, by its place in it; made once."""
    return {
        "values.yaml": values(),
        "values.schema.json": json.dumps(schema(), indent=1, ensure_ascii=False) + "\n",
        "README.md": readme((CHART / "README.md").read_text()),
        "files/grants.json": json.dumps(table(), indent=1) + "\n",
        "files/dashboard.json": (MONITORING / "dashboard.json").read_text(),
        "files/prometheusrule.yaml": (MONITORING / "prometheusrule.yaml").read_text(),
    }


if __name__ == "__main__":
    for place, text in files().items():
        (CHART / place).write_text(text)
