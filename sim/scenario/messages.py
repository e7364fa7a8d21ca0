"""What pydantic found wrong with a topology, as problems in a user's words at their place in the file."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sim.scenario.cables import LinkProperties
from sim.scenario.document import Document
from sim.scenario.fields import FieldError, Path, shown
from sim.scenario.firewall import Rule
from sim.scenario.model import Topology
from sim.scenario.nodes import KINDS, Gateway, Host, Router
from sim.scenario.problems import MAX_PROBLEMS, Problem, from_error
from sim.scenario.steps import STEPS

_KEY_MARK: Final = "[key]"
"""What pydantic appends to the path of an error in a mapping's key."""

_ABOUT_KEYS: Final = frozenset(("missing", "extra_forbidden", "too_short", "string_too_short"))
"""Errors that are shown at a key rather than at its value."""

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
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
}

_HINTS: Final[tuple[tuple[type[BaseModel], str, str], ...]] = (
    # keys that are often tried where they do not belong
    (LinkProperties, "down", "write state: down"),
    (LinkProperties, "up", "write state: up"),
    (Router, "ip", "a router's addresses stand under interfaces: {lan: 192.168.1.1/24}"),
    (Router, "gateway", "write the default route: routes: {0.0.0.0/0: NEXT HOP}"),
    (Gateway, "outside", "write nat: {outside: NAME}, or call the interface outside"),
    (Gateway, "forward", "it stands under nat"),
    (Gateway, "static", "it stands under nat"),
    (Gateway, "behaviour", "it stands under nat"),
    (Gateway, "hairpin", "it stands under nat"),
    (Router, "nat", "a router does not translate: write kind: gateway"),
    (Rule, "drop", "write deny, which says nothing, or reject, which tells the sender"),
    (Rule, "accept", "write allow"),
    (Host, "firewall", "routers and gateways have firewalls"),
    (Host, "records", "a host that answers names is of the kind dns"),
    (Host, "zones", "a host that answers names is of the kind dns"),
)


class _Site(NamedTuple):
    """Where pydantic found something: the keys and indices that lead there, without the tags that it puts in for the
    members of a union; the model whose field, or unknown key, the last of them is; the kind of step it is in."""

    path: Path
    owner: type[BaseModel] | None
    step: str | None
    in_key: bool


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """One problem for each of pydantic's errors, in the order of the file."""
    details = error.errors(include_url=False, include_input=True, include_context=True)
    found = [(_site(detail["loc"]), detail) for detail in details]
    unknown = {site.path[:-1] for site, detail in found if detail["type"] == "extra_forbidden"}

    def order(entry: tuple[_Site, ErrorDetails]) -> tuple[bool, int, int]:
        site, detail = entry
        # a key that is missing is most often there, misspelt
        misspelt = detail["type"] == "missing" and site.path[:-1] in unknown
        return misspelt, *document.locate(*_target(site, detail))

    return [_problem(site, detail, document) for site, detail in sorted(found, key=order)[:MAX_PROBLEMS]]


def _target(site: _Site, detail: ErrorDetails) -> tuple[Path, bool]:
    """The path to show, and whether its key is meant rather than its value."""
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, FieldError) and cause.at:
        return site.path + cause.at, cause.at[-1] != "kind"
    about_key = detail["type"] in _ABOUT_KEYS or detail["input"] is None
    return site.path, about_key or site.in_key


def _problem(site: _Site, detail: ErrorDetails, document: Document) -> Problem:
    path, key = _target(site, detail)
    message, hint = _sentence(site, detail)
    return from_error(document.error(path, message, hint, key=key), "schema")


def _site(loc: tuple[int | str, ...]) -> _Site:
    path: list[int | str] = []
    types: list[Any] = [Topology]
    owner: type[BaseModel] | None = None
    step: str | None = None
    for part in loc:
        member = _tagged(types, part)
        if member is not None:
            step = str(part) if member in STEPS.values() else step
            types = [member]
        elif part != _KEY_MARK:
            owner = next((kind for kind in types if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
            types = _members(types, part)
            path.append(part)
    return _Site(tuple(path), owner, step, bool(loc) and loc[-1] == _KEY_MARK)


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


def _sentence(site: _Site, detail: ErrorDetails) -> tuple[str, str | None]:
    """The message and its hint."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    field, whole = _field(site.path), _about(site, site.path[:-1])
    if kind == "missing":
        return f"{whole} has no {field}", _example(field)
    if kind == "extra_forbidden":
        return f"unknown key {field} in {whole}", _known_keys(site)
    if kind == "value_error":
        cause = context.get("error")
        return f"{_about(site, site.path)}: {cause}", cause.hint if isinstance(cause, FieldError) else None
    if value is None:
        return f"nothing is written for {field} of {whole}", "give it a value, or remove the key"
    if kind in ("too_short", "string_too_short"):
        return f"{field} of {whole} is empty", None
    if kind == "string_too_long":
        return f"{field} of {whole} is longer than {context['max_length']} characters", None
    rule = _SENTENCES.get(kind)
    if rule is None:
        return f"{_about(site, site.path)}: {shown(value)} cannot stand here: {detail['msg'].lower()}", None
    hint = "put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else None
    if kind == "literal_error" and isinstance(value, str):
        hint = _similar(value, context["expected"].replace("'", "").replace(" or ", ", ").split(", "))
    return f"{field} of {whole} {rule.format(**context)}, not {shown(value)}", hint


def in_words(detail: ErrorDetails) -> str:
    """What pydantic found wrong with a value that stands in no file, to be put behind its name."""
    kind = detail["type"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is unknown"
    rule = _SENTENCES.get(kind)
    if rule is None:
        return f"{shown(detail['input'])} cannot stand here: {detail['msg'].lower()}"
    return f"{rule.format(**detail.get('ctx', {}))}, not {shown(detail['input'])}"


def _field(path: Path) -> str:
    """The last key of a path."""
    names = [part for part in path if isinstance(part, str)]
    return f"'{names[-1]}'" if names else "the topology"


def _place(site: _Site, path: Path) -> str:
    """What a path leads into, as a user would call it."""
    if path[:1] == ("generate",) and len(path) > 1:
        return f"'{path[1]}'"
    if len(path) < 2 or path[0] not in ("nodes", "links", "scenario"):
        return f"'{path[0]}'" if len(path) > 1 else "the topology"
    if path[0] == "nodes":
        return f"node '{path[1]}'"
    number = int(path[1]) + 1
    if path[0] == "links":
        return f"link {number}"
    step = f"step {number}" if site.step is None else f"step {number} ({site.step})"
    return f"expect of {step}" if "expect" in path else step


def _about(site: _Site, path: Path) -> str:
    """Which value is at a path: the last key, and the node, link or step that it is in."""
    place = _place(site, path)
    if len(path) < 2:
        return f"'{path[0]}'" if path else place
    keys = [part for part in path[2:] if isinstance(part, str) and part != "expect"]
    return place if not keys or (keys == [site.step] and site.step != "wait") else f"'{keys[-1]}' of {place}"


def _example(field: str) -> str | None:
    return {"'nodes'": "add nodes: {pc1: {kind: host, ip: 192.168.1.10/24}}"}.get(field)


def _known_keys(site: _Site) -> str | None:
    if site.owner is None:
        return None
    key = str(site.path[-1])
    for model, tried, hint in _HINTS:
        if key == tried and issubclass(site.owner, model):
            return hint
    known = [field.alias or name for name, field in site.owner.model_fields.items()]
    return _similar(key, known) or f"known keys are {', '.join(sorted(known))}"


def _similar(word: str, known: list[str]) -> str | None:
    """Did you mean one of `known`?"""
    close = get_close_matches(word[:64].lower(), known, 1, 0.6)
    return f"did you mean '{close[0]}'?" if close else None
