"""A sheet of styled characters, with boxes and lines that join where they meet."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from sim.views.text import Line, columns

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8
_LINES: Final = {
    NORTH: "│",
    SOUTH: "│",
    NORTH | SOUTH: "│",
    EAST: "─",
    WEST: "─",
    EAST | WEST: "─",
    SOUTH | EAST: "╭",
    SOUTH | WEST: "╮",
    NORTH | EAST: "╰",
    NORTH | WEST: "╯",
}
BORDERS: Final = {
    # corners, across, down, the ends of a rule
    "round": "╭╮╰╯─│├┤",
    "square": "┌┐└┘─│├┤",
    "heavy": "┏┓┗┛━┃┠┨",
}
_DOORS: Final = {
    # a border and the way in which a line leaves it
    ("─", NORTH): "┴",
    ("─", SOUTH): "┬",
    ("│", EAST): "├",
    ("│", WEST): "┤",
    ("━", NORTH): "┷",
    ("━", SOUTH): "┯",
    ("┃", EAST): "┠",
    ("┃", WEST): "┨",
}


class Canvas:
    """`width` by `height` cells, all blank; what is painted outside is lost."""

    def __init__(self, width: int, height: int) -> None:
        self._cells = [[(" ", "")] * width for _ in range(height)]
        self._crossed: dict[tuple[int, int], int] = {}

    def put(self, x: int, y: int, text: str, style: str = "") -> None:
        """Write `text` from a cell on; a wide character takes two cells."""
        if not 0 <= y < len(self._cells):
            return
        row = self._cells[y]
        for character in text:
            wide = columns(character)
            if wide == 0 and 0 < x <= len(row):
                row[x - 1] = (row[x - 1][0] + character, row[x - 1][1])
            elif x >= 0 and x + wide <= len(row):
                row[x] = (character, style)
                if wide == 2:
                    row[x + 1] = ("", style)
            x += wide

    def write(self, x: int, y: int, line: Line) -> None:
        """Write a styled line from a cell on."""
        for text, style in line:
            self.put(x, y, text, style)
            x += columns(text)

    def box(self, x: int, y: int, width: int, height: int, border: str, style: str) -> None:
        """A rectangle with one of the `BORDERS`."""
        glyphs = BORDERS[border]
        across = glyphs[4] * (width - 2)
        self.put(x, y, glyphs[0] + across + glyphs[1], style)
        for row in range(y + 1, y + height - 1):
            self.put(x, row, glyphs[5], style)
            self.put(x + width - 1, row, glyphs[5], style)
        self.put(x, y + height - 1, glyphs[2] + across + glyphs[3], style)

    def rule(self, x: int, y: int, width: int, border: str, style: str) -> None:
        """A thin line across a box."""
        glyphs = BORDERS[border]
        self.put(x, y, glyphs[6] + "─" * (width - 2) + glyphs[7], style)

    def line(self, points: list[tuple[int, int]], style: str) -> None:
        """A line through corner points, from one box's border to another's, crossing the lines it meets."""
        ways: dict[tuple[int, int], int] = {}
        for start, end in pairwise(points):
            for here, there in _steps(start, end):
                ways[here] = ways.get(here, 0) | _way(here, there)
                ways[there] = ways.get(there, 0) | _way(there, here)
        for (x, y), way in ways.items():
            if (x, y) in (points[0], points[-1]):
                border, border_style = self._cells[y][x]
                self.put(x, y, _DOORS.get((border, way), border), border_style)
            else:
                self._crossed[x, y] = self._crossed.get((x, y), 0) | way
                self.put(x, y, _LINES.get(self._crossed[x, y], "┼"), style)

    def lines(self) -> list[Line]:
        """The sheet as styled lines."""
        return [_runs(row) for row in self._cells]


Cell = tuple[int, int]


def _steps(start: Cell, end: Cell) -> list[tuple[Cell, Cell]]:
    """The pairs of neighbouring cells on a straight line."""
    (x, y), (x_end, y_end) = start, end
    length = max(abs(x_end - x), abs(y_end - y))
    if not length:
        return []
    step_x, step_y = (x_end - x) // length, (y_end - y) // length
    cells = [(x + step_x * index, y + step_y * index) for index in range(length + 1)]
    return list(pairwise(cells))


def _way(here: Cell, there: Cell) -> int:
    if here[0] == there[0]:
        return SOUTH if there[1] > here[1] else NORTH
    return EAST if there[0] > here[0] else WEST


def _runs(row: list[tuple[str, str]]) -> Line:
    result: Line = []
    for character, style in row:
        if result and (result[-1][1] == style or character == " "):
            result[-1] = (result[-1][0] + character, result[-1][1])
        else:
            result.append((character, style))
    return result
