"""What a probe says about itself, read without importing what it imports."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, NamedTuple


class Described(NamedTuple):
    """What it tries, the libraries that it is about, what its client prints, and what is equal in each run of it.

    `repeats` is "bytes", or "shape" if OpenSSL's own randomness is among them: then times, lengths and headers are.
    """

    tried: str
    libraries: tuple[str, ...]
    expected: str
    repeats: str


def described(probe: Path) -> Described:
    """Raises KeyError if a constant is missing."""
    tree = ast.parse(probe.read_text(encoding="utf-8"))
    constants: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            if name in ("LIBRARIES", "EXPECTED", "REPEATS"):
                constants[name] = ast.literal_eval(statement.value)
    tried = (ast.get_docstring(tree) or "").partition("\n")[0].removesuffix(".")
    return Described(tried, constants["LIBRARIES"], constants["EXPECTED"].strip(), constants["REPEATS"])
