"""What a person looks at: drawings and text made from a topology or a saved trace.

May import `wire`, `tracing` and `scenario`; never a device, an engine or a running network, so that a saved file is
enough to draw it. Start at `text` (styled lines that do not know about terminals), then `diagram/` (the map of a
network as text, SVG and Mermaid).
"""
