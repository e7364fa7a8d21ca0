"""The textbook: one short file per device, whose docstring is its algorithm.

May import wire, engine, tracing, links and stack. Start with `hub.py`, then `switch.py`, then `router.py`.
`device.py` is what they have in common; `node.py` what hosts and routers have: an IP stack behind ports.
"""
