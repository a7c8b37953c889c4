"""JSON Schema (2020-12) of files that people write, made from the models that read them: for editors.

What only a reader can tell (CEL, PromQL, names that another file holds) is `remediator check`'s to say.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from remediator.config.rule_shapes import RuleFileShape
from remediator.config.settings_shapes import SettingsShape
from remediator.config.shapes import Shape
from remediator.config.trial_shapes import TrialFileShape
from remediator.core.model import Json

FILES: dict[str, type[Shape]] = {"rules": RuleFileShape, "settings": SettingsShape, "tests": TrialFileShape}
"""What there is a schema of, with the model of its top."""


class _Schema(GenerateJsonSchema):
    """As files are: a key is given with a value or not at all, and defaults are not written in the file's form."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_of(file: str) -> Json:
    """The schema of `rules`, `settings` or `tests`. Raises `KeyError` for anything else."""
    made = FILES[file].model_json_schema(by_alias=True, schema_generator=_Schema)
    for each in (made, *made.get("$defs", {}).values()):
        each.pop("title", None)
    return {"$schema": _Schema.schema_dialect, "title": f"remediator {file}"} | made
