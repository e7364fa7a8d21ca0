"""`sim run --twice`: the same run once more, in a fresh process with another PYTHONHASHSEED.

So it shows if a program (or we) walks through a set in the order of hashes, asks the real clock, or remembers a run
before. Started as a module, this is that process: it leaves `report.json` and `events.jsonl` in a folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from sim.lab.runner import Report, Run
from sim.scenario.load import load
from sim.views.difference import first_record, first_step

Data = dict[str, Any]
HASH_SEEDS: Final = ("1", "2")


def compare(report: Report, file: Path, until: int | None, shuffle: bool) -> Data:
    """Run `file` again with the seed of `report`, and compare.

    `same` tells whether all is equal, `digest` and `shape` (the digest without payload) are the second run's,
    `difference` is the first one (see views/difference.py). Raises OSError.
    """
    with tempfile.TemporaryDirectory(prefix="sim-twice-") as name:
        folder = Path(name)
        second = _run_again(folder, [str(file), report.seed, until, shuffle, name])
        trace = report.network.trace
        difference = None
        if second["digest"] != report.digest:
            mine = folder / "mine.jsonl"
            trace.write_events(mine)
            difference = first_record(mine, folder / "events.jsonl")
        if difference is None:
            difference = first_step(json.loads(json.dumps(report.as_dict())), second)
        return {
            "same": difference is None,
            "digest": second["digest"],
            "shape": second["shape"],
            "same_shape": second["shape"] == trace.digest(payload=False),
            "difference": difference,
        }


def _run_again(folder: Path, settings: list[Any]) -> Data:
    """The other process: what it reports."""
    own = os.environ.get("PYTHONHASHSEED")
    environment = {**os.environ, "PYTHONHASHSEED": next(seed for seed in HASH_SEEDS if seed != own)}
    command = [sys.executable, "-m", "sim.cli.twice", json.dumps(settings)]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if child.returncode:
        raise OSError(f"the second run failed: {child.stderr.strip() or f'exit status {child.returncode}'}")
    data: Data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return data


def again(file: str, seed: int, until: int | None, shuffle: bool, folder: str) -> None:
    """The second run: leave its report, with its digests, and its events in `folder`."""
    run = Run(load(file), seed)
    if shuffle:
        run.network.shuffle()
    report = run.run(until)
    trace = report.network.trace
    trace.write_events(Path(folder) / "events.jsonl")
    data = {**report.as_dict(), "shape": trace.digest(payload=False)}
    (Path(folder) / "report.json").write_text(json.dumps(data), encoding="utf-8")


if __name__ == "__main__":
    again(*json.loads(sys.argv[1]))
