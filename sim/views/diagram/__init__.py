"""The map of a network, drawn without running it.

`plan` reads the graph of a topology into devices, links and segments (broadcast domains); `rows` decides which device
stands in which row and in which order; `layout` gives every box and every link its place on a grid of character
cells. `terminal_map` and `svg_map` paint that one layout as text and as SVG, `tree_map` is the indented list for
networks too wide to draw, `mermaid` writes a flowchart. Everything is deterministic: no randomness, no sets in loops.
"""
