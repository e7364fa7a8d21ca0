"""The JSON Schema of a topology file, made from the models: for editors, and for `sim schema`."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from sim.scenario.fields import DURATION_SCHEMA, Queue
from sim.scenario.model import Topology
from sim.units import format_duration


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12), short forms included, with defaults as a file would write them."""
    schema = Topology.model_json_schema(by_alias=True, schema_generator=_AsWritten, mode="validation")
    del schema["required"]
    either = [{"required": ["nodes"]}, {"required": ["generate"]}]
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "anyOf": either}


class _AsWritten(GenerateJsonSchema):
    """Writes `10us` for a default that the model holds as 10,000 ns."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        default = schema.get("default")
        if isinstance(default, Queue):
            return {**self.generate_inner(schema["schema"]), "default": default.frames or default.bytes}
        made = super().default_schema(schema)
        if made.get("anyOf") == DURATION_SCHEMA["anyOf"] and isinstance(default, int):
            made["default"] = format_duration(default)
        return made
