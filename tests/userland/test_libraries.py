"""Third-party libraries that cannot run in a program are refused by name: as they are imported, or as they are used."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

import sim
from sim.errors import SimError
from sim.userland.libraries import REFUSED, ImportRefusedError


def host() -> Any:
    return sim.Network(seed=1).host("h1", "10.0.0.1/24")


def pretend(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[Any]:
    """Modules that have been imported."""
    made = [ModuleType(name) for name in names]
    for module in made:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


@pytest.mark.parametrize("name", ["gevent", "grpc", "psycopg2", "pycares", "pycurl", "uvloop", "zmq"])
def test_a_program_that_imports_one_is_told_why_and_where(name: str) -> None:
    def program() -> None:
        __import__(name)

    with pytest.raises(ImportRefusedError) as caught:
        host().run(program)
    assert caught.value.name == name
    assert str(caught.value).startswith(f"program on h1 imports {name} at ")
    assert "test_libraries.py:" in str(caught.value)
    assert str(caught.value).endswith(f": {REFUSED[name].why}")


def test_who_only_prefers_one_goes_on_without() -> None:
    def program() -> str:
        try:
            import uvloop  # type: ignore[import-not-found]
        except ImportError:
            return "asyncio's own"
        return str(uvloop)

    assert host().run(program) == "asyncio's own"


def test_outside_of_programs_nothing_is_refused() -> None:
    host().run(lambda: None)
    with pytest.raises(ModuleNotFoundError, match="No module named 'psycopg2'"):
        __import__("psycopg2")


def test_what_was_imported_before_is_refused_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    uvloop, _ = pretend(monkeypatch, "uvloop", "grpc")  # of grpc only a part: its classes are not there
    uvloop.Loop = type("Loop", (), {"__init__": lambda self, name="": setattr(self, "name", name)})
    with pytest.raises(SimError, match=r"Loop on h1 calls uvloop\.Loop at .*: libuv, written in C"):
        host().run(uvloop.Loop)
    assert uvloop.Loop("real").name == "real"


def test_one_module_of_a_library_may_be_refused_and_one_method(monkeypatch: pytest.MonkeyPatch) -> None:
    package, internet, base = pretend(monkeypatch, "twisted", "twisted.internet", "twisted.internet.base")
    package.__path__ = internet.__path__ = []

    def program() -> None:
        from twisted.internet import reactor  # type: ignore[import-not-found]

        print(reactor)

    with pytest.raises(ImportRefusedError, match=r"imports twisted\.internet\.reactor at .*: the reactor is one for"):
        host().run(program)
    pretend(monkeypatch, "twisted.internet.reactor")
    base.ReactorBase = type("ReactorBase", (), {"startRunning": lambda self: "running"})
    made = host().run(base.ReactorBase)
    with pytest.raises(SimError, match=r"calls twisted\.internet\.base\.ReactorBase\.startRunning at "):
        host().run(made.startRunning)
    assert made.startRunning() == "running"
