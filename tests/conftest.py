"""What every test session says first: which build of the core it tests."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it runs in the background: tests send it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    from sim.engine import engine

    build = "interpreted" if engine.__file__.endswith(".py") else "compiled"
    return f"packetsim core: {build}"
