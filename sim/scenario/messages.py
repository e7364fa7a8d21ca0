"""What pydantic found wrong with a topology, as problems in a user's words at their place in the file."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sim.scenario.cables import LinkProperties
from sim.scenario.document import Document
from sim.scenario.fields import FieldError, Path, shown
from sim.scenario.model import Topology
from sim.scenario.nodes import KINDS, Host, Router
from sim.scenario.problems import Problem, by_place, from_error
from sim.scenario.steps import STEPS

_KEY_MARK: Final = "[key]"
"""What pydantic appends to the path of an error in a mapping's key."""

_SENTENCES: Final[dict[str, str]] = {
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}

_HINTS: Final[tuple[tuple[type[BaseModel], str, str], ...]] = (
    # keys that are often tried where they do not belong
    (LinkProperties, "down", "write state: down"),
    (LinkProperties, "up", "write state: up"),
    (Router, "ip", "a router's addresses stand under interfaces: {lan: 192.168.1.1/24}"),
    (Router, "gateway", "write the default route: routes: {0.0.0.0/0: NEXT HOP}"),
    (Host, "dns", "names are not resolved yet: use nodes and addresses"),
)


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """One problem for each of pydantic's errors, in the order of the file."""
    problems = [
        _problem(detail, document)
        for detail in error.errors(include_url=False, include_input=True, include_context=True)
    ]
    return sorted(problems, key=by_place)


def _problem(detail: ErrorDetails, document: Document) -> Problem:
    path, owner = _path(detail["loc"])
    in_key = bool(path) and path[-1] == _KEY_MARK
    if in_key:
        path = path[:-1]
    message, hint, at_key = _sentence(detail, path, owner)
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, FieldError) and cause.at:
        path, at_key = path + cause.at, cause.at[-1] not in ("kind",)
    return from_error(document.error(path, message, hint, key=at_key or in_key), "schema")


def _path(loc: tuple[int | str, ...]) -> tuple[Path, type[BaseModel] | None]:
    """The keys and indices of an error, without the tags that pydantic puts in for a union's members; and the model
    whose field, or unknown key, the last of them is."""
    path: list[int | str] = []
    types: list[Any] = [Topology]
    owner: type[BaseModel] | None = None
    for part in loc:
        member = _tagged(types, part)
        if member is not None:
            types = [member]
            continue
        owner = next((kind for kind in types if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        types = _members(types, part)
        path.append(part)
    return tuple(path), owner


def _tagged(types: list[Any], tag: int | str) -> Any:
    """The member of a tagged union that `tag` names; None where no union is."""
    for tags in (KINDS, STEPS):
        if isinstance(tag, str) and len(types) > 1 and tags.get(tag) in types:
            return tags[tag]
    return None


def _members(types: list[Any], part: int | str) -> list[Any]:
    """The types that the value under a key or an index can have."""
    found: list[Any] = []
    for kind in types:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, field in kind.model_fields.items():
                if part == (field.alias or name):
                    found += _flat(field.annotation)
        elif get_origin(kind) in (list, dict) and part != _KEY_MARK:
            found += _flat(get_args(kind)[-1])
    return found


def _flat(kind: Any) -> list[Any]:
    """The members of a union, without annotations."""
    if get_origin(kind) is Annotated:
        return _flat(get_args(kind)[0])
    if get_origin(kind) in (list, dict) or not get_args(kind):
        return [kind]
    return [member for argument in get_args(kind) for member in _flat(argument)]


def _sentence(detail: ErrorDetails, path: Path, owner: type[BaseModel] | None) -> tuple[str, str | None, bool]:
    """The message, its hint, and whether they are about the key rather than the value."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    field = _field(path)
    if kind == "missing":
        return f"{_place(path[:-1])} has no {field}", _example(field), True
    if kind == "extra_forbidden":
        return f"unknown key {field} in {_place(path[:-1])}", _known_keys(path, owner), True
    if value is None and kind != "value_error":
        return f"nothing is written for {field} of {_place(path)}", "give it a value, or remove the key", True
    if kind == "value_error":
        cause = context.get("error")
        hint = cause.hint if isinstance(cause, FieldError) else None
        return f"{cause}{_where(path)}", hint, False
    if kind == "too_short":
        return f"{field} of {_place(path)} is empty", None, True
    if kind in ("string_too_short", "string_too_long"):
        limit = "is empty" if kind == "string_too_short" else f"is longer than {context['max_length']} characters"
        return f"{field} of {_place(path)} {limit}", None, False
    rule = _SENTENCES.get(kind)
    if rule is None:
        return f"{shown(value)} cannot stand here: {detail['msg'].lower()}{_where(path)}", None, False
    hint = "put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else None
    if kind == "literal_error" and isinstance(value, str):
        hint = _similar(value, context["expected"].replace("'", "").replace(" or ", ", ").split(", "))
    return f"{field} of {_place(path)} {rule.format(**context)}, not {shown(value)}", hint, False


def _field(path: Path) -> str:
    """The last key of a path, with the index behind it if it is in a list."""
    names = [part for part in path if isinstance(part, str)]
    return f"'{names[-1]}'" if names else "the topology"


def _place(path: Path) -> str:
    """What a path leads into, as a user would call it."""
    if len(path) < 2:
        return f"'{path[0]}'" if path and path[0] != "nodes" else "the topology"
    if path[0] == "nodes":
        return f"node '{path[1]}'"
    if isinstance(path[1], int):
        step = f" ({path[2]})" if path[0] == "scenario" and len(path) > 2 and path[2] in STEPS else ""
        return f"{'link' if path[0] == 'links' else 'step'} {path[1] + 1}{step}"
    return f"'{path[0]}'"


def _where(path: Path) -> str:
    """Which value a sentence is about, unless that is plain from the place."""
    if len(path) <= 2:
        return f" ({_place(path)})" if len(path) == 2 else ""
    return f" ({_field(path)} of {_place(path)})"


def _example(field: str) -> str | None:
    return {"'nodes'": "add nodes: {pc1: {kind: host, ip: 192.168.1.10/24}}"}.get(field)


def _known_keys(path: Path, owner: type[BaseModel] | None) -> str | None:
    if owner is None:
        return None
    key = str(path[-1])
    for model, tried, hint in _HINTS:
        if key == tried and issubclass(owner, model):
            return hint
    known = [field.alias or name for name, field in owner.model_fields.items()]
    return _similar(key, known) or f"known keys are {', '.join(sorted(known))}"


def _similar(word: str, known: list[str]) -> str | None:
    """Did you mean one of `known`?"""
    close = get_close_matches(word[:64].lower(), known, 1, 0.6)
    return f"did you mean '{close[0]}'?" if close else None
