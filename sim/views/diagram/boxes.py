"""Rectangles on the grid, and where links meet them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Box:
    """A device's rectangle in cells, borders included. Links down leave from the lowest of its first `body` rows, at
    `lanes` columns from the left or more: what hangs under a device stands left of that."""

    name: str
    width: int
    height: int
    body: int
    lanes: int = 0
    x: int = 0
    y: int = 0
    above: list[End] = field(default_factory=list)
    below: list[End] = field(default_factory=list)

    @property
    def middle(self) -> float:
        """The column in the middle of the box."""
        return self.x + (self.width - 1) / 2

    @property
    def lanes_middle(self) -> float:
        """The column in the middle of where links down leave."""
        return self.x + (self.lanes + self.width - 1) / 2


@dataclass(slots=True, eq=False)
class End:
    """Where a link meets a box: column `x`, with `slots` pairs of columns for its labels. `twin` is its other end;
    `around` tells that it is in the same row."""

    label: str
    slots: int
    towards: Box
    around: bool = False
    twin: End | None = None
    x: int = 0
