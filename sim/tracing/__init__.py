"""What happened, as data. Imports nothing of ours.

`kinds.py` names what a device can note, `recorder.py` keeps it in columns, `journeys.py` follows one packet through
it, `digest.py` makes a run comparable by one hash, `pcapng.py` and `eventlog.py` store it in files.
"""
