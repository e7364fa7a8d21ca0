"""Plans that are stored and read again draw the same map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.lab.runner import Run
from sim.scenario.graph import graph
from sim.scenario.load import load
from sim.views.diagram.plan import plan
from sim.views.diagram.plan_data import plan_data, plan_of, plan_of_recording
from sim.views.diagram.svg_map import draw_svg

TOPOLOGIES = sorted((Path(__file__).parents[2] / "topologies").glob("*.yaml"))


@pytest.mark.parametrize("path", TOPOLOGIES, ids=lambda path: path.stem)
def test_a_stored_plan_draws_the_same_map(path: Path) -> None:
    topology = load(path)
    made = plan(graph(topology), topology.name)
    again = plan_of(json.loads(json.dumps(plan_data(made))))
    assert again == made
    assert draw_svg(again) == draw_svg(made)


def test_a_recording_alone_has_a_plan_too() -> None:
    topology = load(next(path for path in TOPOLOGIES if path.stem == "office"))
    report = Run(topology).run()
    made = plan_of_recording(report.network.trace.recorder, "office")
    drawn = plan(graph(topology), topology.name)
    assert {*made.devices} == {*drawn.devices}
    assert {frozenset(link.ends) for link in made.links} == {frozenset(link.ends) for link in drawn.links}
    assert draw_svg(made).startswith("<svg")
