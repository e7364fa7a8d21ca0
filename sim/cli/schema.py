"""`sim schema`: the JSON Schema of topology files, for editors and other tools."""

from __future__ import annotations

import json


def command() -> None:
    """Print the JSON Schema of topology files.

    It is made from the code that reads them. Save it and name it on the first line of a file, and an editor with a
    YAML language server completes and checks as you type: # yaml-language-server: $schema=topology.schema.json
    """
    from sim.scenario.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
