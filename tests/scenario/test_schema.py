"""The shape of the JSON Schema, and that it knows what the models know."""

from __future__ import annotations

import json
import re

from sim.scenario.generators import GENERATORS
from sim.scenario.model import KINDS, STEPS
from sim.scenario.schema import json_schema


def test_shape() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["anyOf"] == [{"required": ["nodes"]}, {"required": ["generate"]}]
    assert "required" not in schema
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {
        *("name", "description", "seed", "defaults", "generate", "routing", "nodes", "links", "bridge", "scenario")
    }
    assert json.loads(json.dumps(schema)) == schema


def test_kinds_and_steps() -> None:
    schema = json_schema()
    kinds = schema["properties"]["nodes"]["additionalProperties"]
    assert kinds["discriminator"]["mapping"] == {kind: f"#/$defs/{kind.title()}" for kind in KINDS}
    steps = [option["$ref"].rsplit("/", 1)[1] for option in schema["properties"]["scenario"]["items"]["oneOf"]]
    for name, kind in zip(STEPS, steps, strict=True):
        assert schema["$defs"][kind]["required"] == [name]
    assert schema["$defs"]["Ping"]["required"] == ["from", "to"]


def test_shapes() -> None:
    definitions = json_schema()["$defs"]
    assert set(definitions["Generate"]["properties"]) == set(GENERATORS)
    assert definitions["Tree"]["required"] == ["depth", "fanout"]
    assert definitions["FatTree"]["properties"]["k"]["multipleOf"] == 2


def test_short_forms() -> None:
    definitions = json_schema()["$defs"]
    assert [form.get("type") for form in definitions["Interface"]["anyOf"]] == ["string", "array", "string", "object"]
    assert [form.get("type") for form in definitions["Link"]["anyOf"]] == ["array", "object"]
    (route,) = definitions["Router"]["properties"]["routes"]["patternProperties"].values()
    assert route["anyOf"][0] == {"$ref": "#/$defs/Route"}
    assert [form.get("type") for form in definitions["Route"]["anyOf"]] == ["string", "object"]


def test_defaults_as_a_file_would_write_them() -> None:
    link = json_schema()["$defs"]["LinkProperties"]["properties"]
    assert link["delay"]["default"] == "1us"
    assert link["reorder_delay"]["default"] == "1ms"
    assert link["queue"]["default"] == 1000
    pattern = re.compile(link["delay"]["anyOf"][0]["pattern"])
    assert pattern.search("1.5ms")
    assert not pattern.search("10")
