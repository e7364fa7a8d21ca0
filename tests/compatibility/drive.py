#!/usr/bin/env python3
"""Runs one probe: its server on one simulated host, its client on another, and prints one line of JSON about it.

python -m tests.compatibility.drive PROBE FOLDER [--before] [--loss 2%]

A probe is a Python file that takes `server HOST FOLDER PORT` or `client HOST FOLDER PORT` as its arguments, as it would
on two real machines. FOLDER has the certificates; PORT is what its server opens last, and the few numbers behind it are
free as well. It works when the client prints the probe's EXPECTED. With `--before` the libraries are imported before
there is a simulation, as by a test file that has them on top; without it by the programs themselves.
"""

from __future__ import annotations

import argparse
import json
import runpy
from pathlib import Path
from typing import Any

import sim
from sim.errors import SimError
from sim.units import duration
from sim.userland.diagnosis import SpinError
from sim.userland.process import Process
from tests.compatibility.described import described

PORT = "8000"
LONGEST = "600s"
"""Virtual time that a probe may take."""


def drive(probe: Path, folder: str, before: bool = False, loss: str = "0%") -> dict[str, Any]:
    """`outcome` is works, refused or fails; `detail` says why."""
    if before:
        runpy.run_path(str(probe), run_name="imported")
    network = sim.Network(seed=5)
    server, client = network.host("server", "10.0.0.1/24"), network.host("client", "10.0.0.2/24")
    network.link(server, client, delay="5ms", bandwidth="20Mbps", loss=loss)
    servant = server.spawn(probe, "server", "server", folder, PORT)
    network.run(until="1s")  # it listens
    asking = client.spawn(probe, "client", "server", folder, PORT)
    while not asking.done and network.engine.next_time() is not None and network.now < duration(LONGEST):
        network.run(until=network.now + duration("1s"))
    outcome, detail = judge(asking, servant, described(probe).expected)
    return {
        "outcome": outcome,
        "detail": detail,
        "shape": network.trace.digest(payload=False),
        "digest": network.trace.digest(),
        "ended": asking.ended,
        "stderr": asking.stderr + servant.stderr,
    }


def judge(client: Process, server: Process, wanted: str) -> tuple[str, str]:
    """What became of it, and why."""
    for process in (server, client):
        error = refusal_in(process.error) if process.done else None
        if error is not None:
            return "refused", str(error)
    if server.done and (server.error is not None or server.exit_code):
        return "fails", f"server: {last_line(server)}"
    if not client.done:
        return "fails", f"client: has not ended in {LONGEST}: {client.whereabouts()}; server: {server.whereabouts()}"
    if client.error is not None or client.exit_code:
        return "fails", f"client: {last_line(client)}"
    if client.stdout.strip() != wanted:
        return "fails", f"client: printed {client.stdout!r} and not {wanted!r}"
    return "works", ""


def refusal_in(error: BaseException | None) -> SimError | None:
    """The refusal that an error is, or that is behind it."""
    while error is not None:
        if isinstance(error, SimError) and not isinstance(error, SpinError):
            return error
        error = error.__cause__ or error.__context__
    return None


def last_line(process: Process) -> str:
    """The last line that it has printed to its standard error, or its exit code."""
    lines = process.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {process.exit_code}"


def main() -> None:
    """Run the probe that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("probe", type=Path)
    parser.add_argument("folder")
    parser.add_argument("--before", action="store_true")
    parser.add_argument("--loss", default="0%")
    print(json.dumps(drive(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
