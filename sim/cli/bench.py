"""`sim bench`: how fast this build carries frames on this machine."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sim.cli import bench_bridge, bench_programs
from sim.cli.errors import usage
from sim.cli.options import Json, print_json
from sim.cli.terminal import write
from sim.lab.workloads import WORKLOADS, Workload
from sim.views.text import Line

SPECIAL: Final = {bench_programs.NAME: bench_programs, bench_bridge.NAME: bench_bridge}
NAMES: Final = [*WORKLOADS, *SPECIAL]
CALIBRATION: Final = 300_000
"""Heap operations of the calibration loop."""


@dataclass(frozen=True)
class Measurement:
    """One run of a workload: CPU seconds, frames put on links per CPU second of the run, and what that is in units of
    the calibration loop (heap pushes and pops per CPU second in the same process)."""

    workload: str
    build_seconds: float
    run_seconds: float
    frame_hops: int
    rate: float
    calibration: float
    peak_memory_mb: float

    @property
    def ratio(self) -> float:
        """Frame-hops for one heap push and pop: comparable across machines."""
        return self.rate / self.calibration


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[WORKLOAD]...", help=f"{', '.join(NAMES)}; all without one.")
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, max=100, help="Runs of each workload; the median counts.")] = 5,
    scale: Annotated[float, typer.Option("--scale", min=0.001, help="How much of the work, 0.1 for a tenth.")] = 1.0,
    record: Annotated[bool, typer.Option("--record", help="With the trace recorded.")] = False,
    as_json: Json = False,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="An earlier --json, to show the change against.")
    ] = None,
) -> None:
    """Run the benchmarks: frame-hops (frames put on a link) per CPU second of the run, recording off.

    The ratio to a loop of bare heap operations, measured before each run, tells a slow machine from slow code. The
    workload `programs` is about Python programs on hosts: what a step of them costs, beside plain asyncio;
    `bridge` is about real clients of simulated servers, by the wall clock.
    """
    chosen = names or NAMES
    for name in chosen:
        if name not in NAMES:
            raise usage(f"there is no workload {name!r}: there are {', '.join(NAMES)}", "WORKLOAD")
    earlier = {} if compare is None else _read(compare)
    results: list[dict[str, Any]] = []
    for name in chosen:
        if name in SPECIAL:
            figures = SPECIAL[name].measure(scale, runs)
            results.append({"workload": name, **figures, "runs": runs})
            if not as_json:
                write(SPECIAL[name].lines(figures))
            continue
        measured = [_measure(WORKLOADS[name](scale), record) for _ in range(runs)]
        middle = _median(measured)
        results.append({**asdict(middle), "ratio": middle.ratio, "runs": runs, "recorded": record})
        if not as_json:
            write([_line(middle, earlier.get(name))])
    if as_json:
        print_json({"build": _build(), "results": results})


def _measure(workload: Workload, record: bool) -> Measurement:
    gc.collect()  # what an earlier run has left: networks are full of cycles
    calibration = _calibrate()
    started = time.process_time()
    net = workload.build(record)
    built = time.process_time()
    workload.start(net)
    ready = time.process_time()
    before = net.frame_hops
    net.run()
    used = time.process_time() - ready
    workload.check(net)
    hops = net.frame_hops - before
    return Measurement(workload.name, built - started, used, hops, hops / used, calibration, _peak_memory())


def _median(measured: list[Measurement]) -> Measurement:
    """The run whose rate, in units of its own calibration, is in the middle."""
    ratios = [one.ratio for one in measured]
    middle = statistics.median_low(ratios)
    return measured[ratios.index(middle)]


def _calibrate() -> float:
    """Pairs of heap push and pop per CPU second."""
    heap: list[tuple[int, int]] = []
    started = time.process_time()
    for number in range(CALIBRATION):
        heappush(heap, (number * 7919 % 100_003, number))
        if len(heap) > 50:
            heappop(heap)
    return CALIBRATION / (time.process_time() - started)


def _peak_memory() -> float:
    """The most memory that this process has had so far, in MB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _build() -> str:
    from sim.cli.main import flavour

    return flavour()


def _line(one: Measurement, earlier: dict[str, Any] | None) -> Line:
    text = (
        f"{one.rate / 1000:7.0f} k frame-hops/s   {one.ratio:6.3f} per heap operation   "
        f"build {one.build_seconds:.2f} s, run {one.run_seconds:.2f} s   {one.peak_memory_mb:.0f} MB"
    )
    line: Line = [(f"{one.workload:<8}", "name"), (text, "")]
    if earlier is not None:
        change = one.ratio / earlier["ratio"] - 1
        line.append((f"   {change:+.0%} against {earlier['ratio']:.3f}", "good" if change >= 0 else "warning"))
    return line


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {result["workload"]: result for result in data["results"] if result.get("ratio", 0) > 0}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise usage(f"{path} is not what an earlier sim bench --json printed: {error}", "--compare") from None
