"""What every test session says first: which build of the core it tests."""

from __future__ import annotations


def pytest_report_header() -> str:
    from sim.engine import engine

    build = "interpreted" if engine.__file__.endswith(".py") else "compiled"
    return f"packetsim core: {build}"
