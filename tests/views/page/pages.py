"""Pages of shipped topologies, and what tests ask of one that is open."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from sim.cli.filming import Filming, about_run
from sim.lab.runner import Run
from sim.scenario.load import load
from sim.tracing.recorder import Recorder
from sim.views.page.document import bundle
from sim.views.page.film import film

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
Data = dict[str, Any]


@cache
def filmed(name: str) -> tuple[Recorder, Data]:
    """A topology's run, and the data of its page."""
    return filmed_file(TOPOLOGIES / f"{name}.yaml")


def filmed_file(path: Path) -> tuple[Recorder, Data]:
    """The same of any file."""
    topology = load(path)
    run = Run(topology)
    filming = Filming(run.network)
    report = run.run()
    filming.finish()
    recorder = report.network.trace.recorder
    return recorder, film(recorder, about_run(topology, report.as_dict()))


def many(name: str, count: int) -> Data:
    """A run that goes on and on: the frames of a topology again and again, later."""
    data = copy.deepcopy(filmed(name)[1])
    frames, end = data["frames"], data["end"]
    top = max(frames["id"])
    columns: dict[str, list[int]] = {key: [] for key in ("id", "start", "arrival", "port", "cause", "bytes")}
    for turn in range(-(-count // len(frames["id"]))):
        columns["id"] += [number + turn * top for number in frames["id"]]
        columns["start"] += [time + turn * end for time in frames["start"]]
        columns["arrival"] += [time + turn * end if time >= 0 else -1 for time in frames["arrival"]]
        columns["cause"] += [number + turn * top if number else 0 for number in frames["cause"]]
        columns["port"] += frames["port"]
        columns["bytes"] += frames["bytes"]
    kept = {key: column[:count] for key, column in columns.items()}
    data["frames"] = {**kept, "lost": {}, "received": {}, "copies": []}
    data["end"] = columns["start"][count - 1]
    return data


def module(name: str, *exported: str) -> str:
    """A page on which some of what a module exports can be called by name, for tests of the module alone."""
    script = bundle(name)
    end = script.rindex("})();")
    handed_out = "".join(f"window.{one} = ${name}.{one};\n" for one in exported)
    body = script[:end] + handed_out + script[end:]
    return f"<!doctype html><meta charset='utf-8'><title>test</title><script>{body}</script>"


def with_data(data: Any) -> str:
    """Plain data as an expression of JavaScript."""
    return json.dumps(data)
