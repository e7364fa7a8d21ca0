"""`sim.load` and `sim.run`: a topology's file to its network, and to the report of its scenario."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim.lab.build import build
from sim.lab.network import Network
from sim.lab.runner import Report, Run, StepReport
from sim.scenario import load as files
from sim.units import duration


def load(path: str | Path, seed: int | None = None, record: bool = True) -> Network:
    """Build the network of a topology file; `seed` takes the place of the file's. Raises TopologyError."""
    return build(files.load(path), seed, record)


def prepare(
    path: str | Path,
    seed: int | None = None,
    on_step: Callable[[StepReport], None] | None = None,
    *,
    record: bool | None = True,
) -> Run:
    """Build a topology file's network with its scenario, for somebody else to let time pass. Raises TopologyError.

    Steps are judged by what was recorded: `record` None records when there are any.
    """
    topology = files.load(path)
    return Run(topology, seed, on_step, record=bool(topology.scenario) if record is None else record)


def run(path: str | Path, seed: int | None = None, until: int | str | None = None) -> Report:
    """Build a topology file's network and run its scenario, to its end or to `until`. Raises TopologyError."""
    return Run(files.load(path), seed).run(None if until is None else duration(until))
