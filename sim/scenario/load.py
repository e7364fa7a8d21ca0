"""The way in: a topology from a file or from text.

`load` and `loads` stop at the first problem; `problems` and `problems_in` gather all of them, and warnings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import TopologyError
from sim.scenario.document import Document, parse, read
from sim.scenario.fields import shown
from sim.scenario.messages import problems_of
from sim.scenario.model import Topology
from sim.scenario.problems import Problem, by_place, from_error
from sim.scenario.references import references
from sim.scenario.tables import route

__all__ = ["Problem", "load", "loads", "problems", "problems_in"]


def load(path: str | Path) -> Topology:
    """The topology in a YAML file; without a name of its own it has that of the file.

    Raises `TopologyError` for the first thing that is wrong with it.
    """
    return _checked(read(path))


def loads(text: str, file: str = "<text>") -> Topology:
    """The topology in YAML text; `file` is its name in errors. Raises `TopologyError`."""
    return _checked(parse(text, file))


def problems(path: str | Path) -> list[Problem]:
    """All that is wrong with a file: errors first, then the warnings of `lint`, each in the order of the file."""
    try:
        document = read(path)
    except TopologyError as error:
        return [from_error(error, "yaml")]
    return _all_problems(document)


def problems_in(text: str, file: str = "<text>") -> list[Problem]:
    """All that is wrong with YAML text, as `problems`."""
    try:
        document = parse(text, file)
    except TopologyError as error:
        return [from_error(error, "yaml")]
    return _all_problems(document)


def _checked(document: Document) -> Topology:
    topology, found = _validated(document)
    if topology is None:
        raise found[0].error()
    wrong = references(topology)
    if wrong:
        raise min(wrong, key=by_place).error()
    route(topology)
    return topology


def _all_problems(document: Document) -> list[Problem]:
    from sim.scenario.lint import lint

    topology, found = _validated(document)
    if topology is None:
        return found
    try:
        route(topology)
    except TopologyError as error:
        return [from_error(error, "routing")]
    return lint(topology)


def _validated(document: Document) -> tuple[Topology | None, list[Problem]]:
    """The topology if the schema holds, and otherwise what is wrong."""
    value = document.value
    if not isinstance(value, dict):
        what = "the file is empty" if value is None else f"a topology is a mapping, not {shown(value)}"
        error = document.error((), what, "start with nodes: {pc1: {kind: host, ip: 192.168.1.10/24}}")
        return None, [from_error(error, "schema")]
    if value.get("generate") is not None:
        value = {"nodes": {}, **value}
    try:
        topology = Topology.of(_named(value, document.file), document)
    except ValidationError as error:
        return None, problems_of(error, document)
    return topology, []


def _named(value: dict[str, Any], file: str) -> dict[str, Any]:
    """The file's stem is the name of a topology that has none."""
    if "name" in value or file.startswith("<"):
        return value
    stem = "".join(character if character.isalnum() or character in " _-." else "-" for character in Path(file).stem)
    return {"name": stem.strip(" .-")[:100] or "topology", **value}
