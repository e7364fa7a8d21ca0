"""Data flows one way: who may import whom, and that nobody imports in a circle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SIM = Path(__file__).parent.parent / "sim"

CORE = {"wire", "engine", "tracing", "links", "stack", "devices", "userland", "services", "scenario"}
MAY_IMPORT = {
    "wire": set(),
    "engine": set(),
    "tracing": set(),
    "scenario": set(),
    "links": {"engine", "tracing"},
    "stack": {"wire", "tracing"},
    "devices": {"wire", "engine", "tracing", "links", "stack"},
    "userland": {"stack", "engine"},
    "services": {"userland", "wire"},
    "lab": CORE,
    "views": {"wire", "tracing", "scenario"},
    "bridge": {"engine", "links", "userland", "lab"},
    "cli": {"scenario", "lab", "views", "bridge", "tracing"},
}
OPEN_TO_ALL = {"errors", "units"}
OS_MODULES = {"socket", "select", "selectors", "threading", "time", "fcntl", "subprocess", "asyncio"}
MAY_USE_THE_OS = {"bridge", "cli", "userland", "services"}  # a service is a program: what it imports is simulated


def files() -> list[Path]:
    return sorted(SIM.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(SIM).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """The modules that a file imports, `from sim import x` as `sim.x`; those only for types count as well."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found.append(module)
            found += [f"{module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SIM)))
def test_imports_only_what_lies_before_it(path: Path) -> None:
    own = layer(path)
    if own not in MAY_IMPORT:
        return  # the package's own front door: __init__, __main__, testing
    used = {name.split(".")[1] for name in imports(path) if name.startswith("sim.")} - {"__version__"}
    assert used <= MAY_IMPORT[own] | {own} | OPEN_TO_ALL


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SIM)))
def test_the_operating_system_stays_outside(path: Path) -> None:
    if layer(path) not in MAY_USE_THE_OS:
        assert not {name.split(".")[0] for name in imports(path)} & OS_MODULES


def test_no_import_cycles() -> None:
    modules = {}
    for path in files():
        parts = ("sim", *path.relative_to(SIM).with_suffix("").parts)
        modules[".".join(parts).removesuffix(".__init__")] = path
    graph = {
        name: {other for other in imports(path) if other in modules and other not in (name, "sim")}
        for name, path in modules.items()
    }
    TopologicalSorter(graph).prepare()


def test_no_module_is_named_after_one_of_the_standard_library() -> None:
    import sys

    allowed = {"__init__", "__main__"}
    assert not {path.stem for path in files()} & (sys.stdlib_module_names - allowed)
