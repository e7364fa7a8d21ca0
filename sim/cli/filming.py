"""What a page of a run needs besides its frames: the tables and series while it goes on, and what is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.cli.errors import usage
from sim.lab.measuring import record_series, settle_series
from sim.lab.network import Network
from sim.lab.table_watch import TableWatch
from sim.scenario.graph import graph
from sim.scenario.model import Topology
from sim.tracing.eventlog import About
from sim.tracing.recorder import Recorder
from sim.views.diagram.plan import plan
from sim.views.diagram.plan_data import plan_data


class Filming:
    """Watches a network from now on, until `finish`."""

    def __init__(self, net: Network) -> None:
        self._net = net
        self._watch = TableWatch(net)
        if net.recorder.series is None:
            record_series(net)

    def finish(self) -> None:
        """The run has ended."""
        self._watch.finish()
        settle_series(self._net)


def about_run(topology: Topology, report: dict[str, Any]) -> About:
    """What is known of a run, from its report as plain data; parts that the report has not are None."""
    return {
        "name": topology.name,
        "seed": report.get("seed"),
        "digest": report.get("digest"),
        "passed": report.get("passed"),
        "steps": report.get("steps", []),
        "map": plan_data(plan(graph(topology), topology.name)),
    }


def write_page(path: Path, recorder: Recorder, about: About) -> None:
    """Write the page of a recording. Raises `usage` when it cannot be written."""
    from sim.views.page.document import document
    from sim.views.page.film import film

    text = document(film(recorder, about))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise usage(f"cannot write {path}: {error.strerror or error}", "--html") from None
