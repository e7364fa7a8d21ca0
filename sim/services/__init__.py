"""Programs for hosts, written on userland alone: `ping.py`, `traceroute.py`, `datagrams.py`."""
