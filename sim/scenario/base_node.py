"""What every kind of node has."""

from __future__ import annotations

from sim.scenario.fields import Model, Position, Text


class BaseNode(Model):
    """Where a node stands in a drawing, and words about it."""

    position: Position | None = None
    label: Text | None = None
    description: Text | None = None
