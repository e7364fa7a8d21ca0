"""Virtual time: one queue of events, timers, and one seed from which all chance is drawn.

Imports nothing of ours. Start with `engine.py`; `streams.py` derives the named random streams.
"""
