"""What the SVG map looks like: colours for light and dark pages, and an icon and an outline for each kind of device."""

from __future__ import annotations

from typing import Final

CELL_WIDTH: Final = 8  # px; a 12.5 px monospace character is 7.5 px wide, so text of n characters fits n cells
CELL_HEIGHT: Final = 18

# (on light, on dark): told apart with the common kinds of colour blindness as well (after Okabe and Ito, 2008)
SEGMENT_COLOURS: Final = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8c42"),
    ("#00805f", "#2fc79a"),
    ("#b0478f", "#e08fc4"),
    ("#8a6d00", "#e6c229"),
    ("#5a4fcf", "#a79bff"),
    ("#7a4a1e", "#cf9a63"),
    ("#4d5b66", "#a9b7c0"),
)

_STYLE: Final = """
svg{--paper:#fff;--ink:#1c2733;--soft:#66727e;--card:#f7f9fb;--edge:#8995a1;SEGMENTS_LIGHT}
@media (prefers-color-scheme:dark){svg{--paper:#12181f;--ink:#e6edf3;--soft:#93a1ae;--card:#1b242d;--edge:#6b7885;
SEGMENTS_DARK}}
text{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--ink)}
.paper{fill:var(--paper)}
.title{font-size:16px;font-weight:700}
.name{font-weight:700}
.kind,.via,.port,.note{fill:var(--soft)}
.kind,.port,.note,.words{font-size:11px}
.words{fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:4px}
.shape{fill:var(--card);stroke:var(--edge);stroke-width:1.5}
.router .shape,.gateway .shape{stroke:var(--ink);stroke-width:2}
.icon{fill:none;stroke:var(--ink);stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}
.link path{fill:none;stroke-linejoin:round}
.wire{stroke-width:2}
.casing{stroke:var(--paper);stroke-width:6}
.touch{stroke:transparent;stroke-width:14}
.link:hover .wire{stroke-width:4}
.down .wire{stroke-dasharray:5 4}
"""


def style_sheet() -> str:
    """The CSS of a map: everything about colour is here, so that a page can override it."""
    light = "".join(f"--s{i}:{pair[0]};" for i, pair in enumerate(SEGMENT_COLOURS))
    dark = "".join(f"--s{i}:{pair[1]};" for i, pair in enumerate(SEGMENT_COLOURS))
    classes = "".join(f".s{i}{{stroke:var(--s{i})}}\n" for i in range(len(SEGMENT_COLOURS)))
    return _STYLE.replace("SEGMENTS_LIGHT", light).replace("SEGMENTS_DARK", dark) + classes


def segment_class(segment: int) -> str:
    """The class that colours what belongs to a segment; the colours start again after the last."""
    return f"s{segment % len(SEGMENT_COLOURS)}"


# each icon in a square of 24 units, strokes only
ICONS: Final = {
    "host": "M3 4h18v12H3zM9 20h6M12 16v4",
    "hub": "M3 9l5-5h8l5 5v6l-5 5H8l-5-5zM12 12h5M12 12H7M12 12V7.500M12 12v4.500",
    "switch": "M3 5h18v14H3zM7 9.500h9l-2-2M17 14.500H8l2 2",
    "router": (
        "M21 12a9 9 0 1 1-18 0a9 9 0 1 1 18 0M12 10.500V5.500l-2 2M12 13.500v5l2-2M10.500 12H6l2 2M13.500 12H18l-2-2"
    ),
    "gateway": "M12 3l8 3v6c0 5-3.500 7.500-8 9c-4.500-1.500-8-4-8-9V6zM8 10h7l-2-2M16 14H9l2 2",
    "dns": "M5 3h11l3 3v15H5zM8 9h8M8 13h8M8 17h5",
    "replay": "M5 4h14v16H5zM10 8.500l6 3.500l-6 3.500z",
    "tap": "M9 3v6M15 3v6M6 9h12v3a6 6 0 0 1-12 0zM12 18v4",
    "vxlan": "M3 12a3 6 0 1 1 6 0a3 6 0 1 1-6 0M6 6h12a3 6 0 0 1 0 12H6M13 12h5l-2-2M18 12l-2 2",
}


def outline(kind: str, x: float, y: float, width: float, height: float) -> str:
    """The path of a device's outline: a kind is known by its shape, also in print and without colour."""
    if kind in ("router", "gateway"):
        bend = min(22.0, height / 2)
        path = _rounded(x, y, width, height, bend)
        # a gateway has an inside and an outside: a second line around it
        return path + (" " + _rounded(x - 4, y - 4, width + 8, height + 8, bend + 4) if kind == "gateway" else "")
    if kind == "hub":
        cut = 11.0
        return (
            f"M{x + cut:g} {y:g}H{x + width - cut:g}L{x + width:g} {y + cut:g}V{y + height - cut:g}"
            f"L{x + width - cut:g} {y + height:g}H{x + cut:g}L{x:g} {y + height - cut:g}V{y + cut:g}Z"
        )
    if kind == "switch":
        return f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}Z"
    if kind in ("tap", "vxlan"):
        slant = 10.0  # what is behind it leads out of the page
        return f"M{x + slant:g} {y:g}H{x + width:g}L{x + width - slant:g} {y + height:g}H{x:g}Z"
    if kind == "dns":
        fold = 14.0
        return (
            f"M{x:g} {y:g}H{x + width - fold:g}L{x + width:g} {y + fold:g}V{y + height:g}H{x:g}Z"
            f"M{x + width - fold:g} {y:g}V{y + fold:g}H{x + width:g}"
        )
    return _rounded(x, y, width, height, 8.0)


def _rounded(x: float, y: float, width: float, height: float, bend: float) -> str:
    arc = f"a{bend:g} {bend:g} 0 0 1"
    return (
        f"M{x + bend:g} {y:g}h{width - 2 * bend:g}{arc} {bend:g} {bend:g}v{height - 2 * bend:g}{arc} {-bend:g} {bend:g}"
        f"h{2 * bend - width:g}{arc} {-bend:g} {-bend:g}v{2 * bend - height:g}{arc} {bend:g} {-bend:g}Z"
    )
